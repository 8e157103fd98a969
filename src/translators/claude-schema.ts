/**
 * JSON schemas as Anthropic's models can be held to them: objects are closed, and what nothing there checks, such as a
 * minimum, is told in the description, where at least the model reads it.
 */
import { isList, isObject } from "./checked-json.ts";
import type { JsonObject, JsonValue } from "./translator.ts";

/** Keywords that go on as they are, of whatever type the schema is. */
const kept: ReadonlySet<string> = new Set(["type", "title", "description", "enum", "const", "required"]);
const lists: ReadonlySet<string> = new Set(["anyOf", "allOf"]);
const maps: ReadonlySet<string> = new Set(["properties", "$defs", "definitions"]);
const formats: ReadonlySet<string> = new Set([
  "date-time",
  "time",
  "date",
  "duration",
  "email",
  "hostname",
  "uri",
  "ipv4",
  "ipv6",
  "uuid",
]);

/** `schema` is not nested too deeply to be walked: its reader has seen to that. */
export function claudeSchema(schema: JsonObject): JsonObject {
  const written: Record<string, JsonValue | undefined> = {};
  const told: string[] = [];
  // Beside a reference nothing can stand but what it refers to.
  const isReference = schema["$ref"] !== undefined;
  for (const [key, value] of Object.entries(schema)) {
    const name = key === "oneOf" && schema["anyOf"] === undefined ? "anyOf" : key;
    if (isReference && name !== "$defs" && name !== "definitions") continue;
    if (lists.has(name) && isList(value)) written[name] = value.map(schemaOf);
    else if (maps.has(name) && isObject(value)) written[name] = mapOf(value);
    else if (name === "items") written[name] = schemaOf(value ?? true);
    else if (isKept(name, value)) written[name] = value;
    else if (name !== "$schema" && name !== "additionalProperties") told.push(`${name}: ${JSON.stringify(value)}`);
  }
  if (isReference) return { $ref: schema["$ref"], ...written };
  if (isOfObjects(schema)) written["additionalProperties"] = false;
  if (told.length === 0) return written;
  const { description } = schema;
  const own = typeof description === "string" && description !== "" ? `${description}\n\n` : "";
  return { ...written, description: `${own}{${told.join(", ")}}` };
}

function schemaOf(value: JsonValue): JsonValue {
  return isObject(value) ? claudeSchema(value) : value;
}

function mapOf(schemas: JsonObject): JsonObject {
  // As entries: a property may be called __proto__.
  return Object.fromEntries(Object.entries(schemas).map(([name, each]) => [name, schemaOf(each ?? true)]));
}

function isKept(name: string, value: JsonValue | undefined): boolean {
  if (name === "minItems") return value === 0 || value === 1;
  if (name === "format") return typeof value === "string" && formats.has(value);
  return kept.has(name);
}

function isOfObjects({ type, properties }: JsonObject): boolean {
  return type === "object" || (isList(type) && type.includes("object")) || isObject(properties);
}
