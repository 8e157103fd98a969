/** Reads members of a client's body by what they must be; the path of a wrong one is in what is thrown. */
import { type JsonObject, type JsonValue, Untranslatable } from "./translator.ts";

type Value = JsonValue | undefined;

/** OpenAI takes null for absent. */
export function isPresent(value: Value): value is JsonValue {
  return value !== undefined && value !== null;
}

export function isObject(value: Value): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isList(value: Value): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function textAt(value: Value, at: string): string {
  if (typeof value !== "string") throw new Untranslatable(at, "must be a string");
  return value;
}

export function numberAt(value: Value, at: string): number {
  if (typeof value !== "number") throw new Untranslatable(at, "must be a number");
  return value;
}

export function flagAt(value: Value, at: string): boolean {
  if (typeof value !== "boolean") throw new Untranslatable(at, "must be true or false");
  return value;
}

export function objectAt(value: Value, at: string): JsonObject {
  if (!isObject(value)) throw new Untranslatable(at, "must be an object");
  return value;
}

/** No schema and no call of a tool is nested as deep, and no deeper value can be written as JSON again. */
const DEEPEST = 256;

/** An object that goes on as it is, whatever is in it. */
export function wholeObjectAt(value: Value, at: string): JsonObject {
  const object = objectAt(value, at);
  if (isDeeper(object, DEEPEST)) throw new Untranslatable(at, `must not be nested deeper than ${DEEPEST} levels`);
  return object;
}

function isDeeper(value: Value, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1));
}

export function listAt(value: Value, at: string): readonly JsonValue[] {
  if (!isList(value)) throw new Untranslatable(at, "must be an array");
  return value;
}

/** A member as `read` takes it, with its path; undefined where it is absent. */
export function member<T>(
  object: JsonObject,
  name: string,
  at: string,
  read: (value: Value, at: string) => T,
): T | undefined {
  const value = object[name];
  return isPresent(value) ? read(value, pathOf(at, name)) : undefined;
}

/** Items as `read` takes them, each with its path. */
export function itemsOf<T>(value: Value, at: string, read: (value: Value, at: string) => T): T[] {
  return listAt(value, at).map((item, index) => read(item, `${at}[${index}]`));
}

/** `at` is "" for the body itself. */
export function pathOf(at: string, name: string): string {
  return at === "" ? name : `${at}.${name}`;
}

/** JSON as an object; undefined where it is neither. */
export function parsedObject(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as JsonValue;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
