/** What the JSON Schema of the config file says of backends: from the tables that they are read by. */
import { backendFileKeys } from "../../src/config/file-backends.ts";
import { credentialKinds } from "../../src/credentials/index.ts";
import { LONGEST_MODEL } from "../../src/request/inference-request.ts";
import type { OptionSpecs } from "../../src/scorer.ts";
import { builtInTranslators } from "../../src/translators/index.ts";

type Schema = Readonly<Record<string, unknown>>;

export interface SchemaParts {
  object(properties: Readonly<Record<string, Schema>>, required?: readonly string[]): Schema;
  options(specs: OptionSpecs): Readonly<Record<string, Schema>>;
}

const text = { type: "string", minLength: 1 };
const flag = { type: "boolean" };
const scalar = { type: ["string", "number", "boolean"] };

export function backendsSchema(parts: SchemaParts): Schema {
  const { object } = parts;
  const helps = new Map(backendFileKeys().map(({ path, help }) => [path.replace("backends[].", ""), help]));
  const model = { ...text, maxLength: LONGEST_MODEL };
  const known: Readonly<Record<string, Schema>> = {
    name: text,
    api: { enum: builtInTranslators.map(({ name }) => name) },
    options: { anyOf: builtInTranslators.map(({ options }) => object(parts.options(options))) },
    model,
    models: { type: "object", additionalProperties: model },
    host: text,
    pathPrefix: { type: "string", pattern: "^(/[^\\s?#/]+)+$" },
    credential: { anyOf: credentialSchemas(parts) },
    keepsAuthorization: flag,
    asksForUsage: flag,
  };
  const described = Object.entries(known).map(([key, schema]) => [key, { description: helps.get(key), ...schema }]);
  const headers = object({
    set: { type: "object", additionalProperties: scalar, description: helps.get("headers.set") },
    remove: { type: "array", items: text, description: helps.get("headers.remove") },
  });
  const backend = object({ ...Object.fromEntries(described), headers }, ["name", "api"]);
  const description = "Places that requests are sent to beside pods, and what each attempt there needs.";
  return { type: "array", items: backend, minItems: 1, description };
}

/** Each by its name alone, or in a mapping with its options. */
function credentialSchemas({ object, options }: SchemaParts): Schema[] {
  const kinds = [...credentialKinds.values()];
  const mappings = kinds.map(({ name, help, options: specs }) =>
    object({ kind: { const: name, description: help }, ...options(specs) }, ["kind"]),
  );
  return [{ enum: kinds.map(({ name }) => name) }, ...mappings];
}
