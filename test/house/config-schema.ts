/** The JSON Schema of the config file, for editors: made from the tables that the file is read by. */
import { builtInScorers } from "../../scorers/index.ts";
import { fileKeys, poolKeys, rootKeys, sectionKeys, type sourceKeys } from "../../src/config/file-keys.ts";
import type { OptionSpec as ServeOption } from "../../src/config/option-table.ts";
import { serveOptions } from "../../src/config/options.ts";
import { scrapeOptions } from "../../src/config/pod-options.ts";
import { tokenKinds } from "../../src/costs/cost-rule.ts";
import { LONGEST_MODEL } from "../../src/request/inference-request.ts";
import { MOST_WEIGHT } from "../../src/rewrite/rewrite-rules.ts";
import { builtInFilters } from "../../src/routing/filters/index.ts";
import { builtInPickers } from "../../src/routing/pickers.ts";
import { MOST_SCORER_WEIGHT } from "../../src/routing/scorer-step.ts";
import type { OptionSpec, OptionSpecs } from "../../src/scorer.ts";
import { backendsSchema } from "./backends-schema.ts";

type Schema = Readonly<Record<string, unknown>>;

export const schemaPath = "deploy/pointsman.schema.json";

export function schemaText(): string {
  return `${written(configSchema(), "")}\n`;
}

const LINE_WIDTH = 120;

/** As the formatter has it: a list of words stands on one line where it fits. */
function written(value: unknown, indent: string, before = ""): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const items = Object.entries(value).filter(([, each]) => each !== undefined);
  const texts = items.map(([key, each]) => {
    const head = Array.isArray(value) ? "" : `${JSON.stringify(key)}: `;
    return head + written(each, inner, inner + head);
  });
  const line = `${open}${texts.join(", ")}${close}`;
  const isShort = Array.isArray(value) && !line.includes("{") && (before + line).length < LINE_WIDTH;
  if (isShort || items.length === 0) return line;
  return `${open}\n${texts.map((each) => inner + each).join(",\n")}\n${indent}${close}`;
}

const text = { type: "string", minLength: 1 };
const texts = { type: "array", items: text, minItems: 1 };
const port = { type: ["integer", "string"], minimum: 1, maximum: 65_535 };
const scalar = { type: ["string", "number", "boolean"] };

function object(properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return { type: "object", properties, additionalProperties: false, ...(required.length > 0 && { required }) };
}

export function configSchema(): Schema {
  const { "": own = {}, ...sections } = sectionKeys;
  const known: Record<string, Schema> = {
    ...Object.fromEntries(Object.entries(sections).map(([section, keys]) => [section, object(optionsOf(keys))])),
    pools: { type: "array", items: poolSchema(), minItems: 1, description: "Sets of pods that serve requests alike." },
    profiles: {
      type: "object",
      additionalProperties: profileSchema(),
      description: "How requests are routed, by the names that pools give.",
    },
    rewrites: rewritesSchema("Other names for models, in requests to any pool."),
    costs: costsSchema(),
    backends: backendsSchema({ object, options: plugInOptionsSchema }),
    ...optionsOf(own),
  };
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Configuration of pointsman (--config-file)",
    type: ["object", "null"],
    properties: Object.fromEntries(rootKeys.map((key) => [key, known[key] ?? {}])),
    additionalProperties: false,
  };
}

function optionsOf(keys: Readonly<Record<string, string>>): Record<string, Schema> {
  return Object.fromEntries(Object.entries(keys).map(([key, name]) => [key, serveOptionSchema(name)]));
}

function serveOptionSchema(name: string): Schema {
  const { kind, help, default: value } = serveOptions[name as keyof typeof serveOptions] as ServeOption<unknown>;
  const shown = kind.show(value);
  return { ...(kind.schema ?? scalar), description: `${help} Default: ${shown}.` };
}

function poolSchema(): Schema {
  const helps = new Map(fileKeys().map(({ path, help }) => [path, help]));
  const { "": own = {}, scrape = {} } = sectionKeys;
  const settings = Object.fromEntries(Object.entries(own).filter(([, name]) => name in scrapeOptions));
  const known: Record<string, Schema> = {
    name: { type: "string", pattern: "^[a-z0-9]+(-[a-z0-9]+)*$", maxLength: 63 },
    pods: podsSchema(helps),
    scrape: object(optionsOf(scrape)),
    profile: text,
    rewrites: rewritesSchema(helps.get("pools[].rewrites") ?? ""),
    ...optionsOf(settings),
  };
  const described = poolKeys.map((key) => [key, { description: helps.get(`pools[].${key}`), ...known[key] }] as const);
  return object(Object.fromEntries(described), ["pods"]);
}

function rewritesSchema(description: string): Schema {
  const helps = new Map(fileKeys().map(({ path, help }) => [path, help]));
  const model = { type: "string", minLength: 1, maxLength: LONGEST_MODEL };
  const weight = { type: "integer", minimum: 1, maximum: MOST_WEIGHT };
  const target = { anyOf: [model, object({ model, weight }, ["model"])] };
  const oneOrMore = (each: Schema) => ({ anyOf: [each, { type: "array", items: each, minItems: 1 }] });
  const rule = object(
    {
      models: { ...oneOrMore(model), description: helps.get("rewrites[].models") },
      to: { ...oneOrMore(target), description: helps.get("rewrites[].to") },
    },
    ["to"],
  );
  return { type: "array", items: rule, minItems: 1, description };
}

function costsSchema(): Schema {
  const helps = new Map(fileKeys().map(({ path, help }) => [path, help]));
  const key = { type: "string", pattern: "^[A-Za-z_][\\w.-]{0,127}$", description: helps.get("costs[].key") };
  const of = { enum: Object.keys(tokenKinds), description: helps.get("costs[].of") };
  const expression = { ...text, description: helps.get("costs[].expression") };
  const items = { anyOf: [object({ key, of }, ["key", "of"]), object({ key, expression }, ["key", "expression"])] };
  return { type: "array", items, minItems: 1, description: "What the end of each answer tells of its tokens." };
}

function podsSchema(helps: ReadonlyMap<string, string>): Schema {
  const place = { namespace: text, name: text };
  const sources: Readonly<Record<keyof typeof sourceKeys, Schema>> = {
    static: {
      type: "array",
      minItems: 1,
      items: { anyOf: [text, object({ name: text, address: text }, ["address"])] },
    },
    file: text,
    dns: texts,
    inferencePool: { anyOf: [text, object({ ...place, group: text }, ["name"])] },
    selector: object(
      { namespace: text, labels: text, ports: { type: "array", items: port, minItems: 1, maxItems: 8 } },
      ["labels", "ports"],
    ),
    service: { anyOf: [text, object({ ...place, port: { type: ["integer", "string"] } }, ["name"])] },
    aibrix: text,
  };
  const described = Object.entries(sources).map(([key, schema]) => {
    return [key, { description: helps.get(`pools[].pods.${key}`), ...schema }] as const;
  });
  return { ...object(Object.fromEntries(described)), minProperties: 1 };
}

interface PlugIn {
  readonly name: string;
  readonly summary: string;
  readonly options: OptionSpecs;
}

function profileSchema(): Schema {
  const weight = {
    type: "number",
    minimum: 0,
    maximum: MOST_SCORER_WEIGHT,
    description: "How much the scorer counts. Default: 1.",
  };
  const path = { type: "string", pattern: "[/\\\\]|\\.[cm]?[jt]s$", description: "The file of a scorer." };
  const foreign = { type: "object", properties: { use: path, weight }, required: ["use"] };
  const scorers = [...usesOf(builtInScorers, { weight }), path, foreign];
  return object(
    {
      scorers: { type: "array", items: { anyOf: scorers } },
      filters: { type: "array", items: { anyOf: usesOf(builtInFilters) } },
      pick: { anyOf: usesOf(builtInPickers) },
    },
    ["scorers"],
  );
}

/** Each by its name alone, or in a mapping with its options. */
function usesOf(plugIns: readonly PlugIn[], beside: Readonly<Record<string, Schema>> = {}): Schema[] {
  const mappings = plugIns.map(({ name, summary, options }) => {
    const properties = { use: { const: name, description: summary }, ...beside, ...plugInOptionsSchema(options) };
    return object(properties, ["use"]);
  });
  return [{ enum: plugIns.map(({ name }) => name) }, ...mappings];
}

function plugInOptionsSchema(specs: OptionSpecs): Record<string, Schema> {
  return Object.fromEntries(Object.entries(specs).map(([key, spec]) => [key, plugInOptionSchema(spec)]));
}

function plugInOptionSchema(spec: OptionSpec): Schema {
  const { help, default: value } = spec;
  const bounds = spec as { min?: number; max?: number; integer?: boolean; pattern?: RegExp };
  const written = { type: "string", ...(bounds.pattern && { pattern: bounds.pattern.source }) };
  const described = { description: help, default: value };
  if (Array.isArray(value)) return { type: "array", items: written, ...described };
  if (typeof value === "string") return { ...written, ...described };
  if (typeof value === "boolean") return { type: "boolean", ...described };
  return {
    type: bounds.integer ? "integer" : "number",
    ...(bounds.min !== undefined && { minimum: bounds.min }),
    ...(bounds.max !== undefined && { maximum: bounds.max }),
    ...described,
  };
}
