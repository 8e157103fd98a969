/** The schema for editors is in step with the tables, knows every key, and judges as the picker does. */
import fastify from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { poolKeys, rootKeys } from "../../src/config/file-keys.ts";
import { serveOptions } from "../../src/config/options.ts";
import { configSchema, schemaPath, schemaText } from "./config-schema.ts";
import { listFiles, readSource } from "./tree.ts";

/** The web server brings a validator of its own. */
const server = fastify({
  ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allowUnionTypes: true } },
});
beforeAll(async () => {
  const { $schema: _, ...body } = configSchema();
  // A body of null is none to the server, so the document stands in a member.
  server.post("/", { schema: { body: { type: "object", properties: { file: body } } } }, async () => "good");
  await server.ready();
});
afterAll(() => server.close());

async function judge(yaml: string): Promise<string> {
  const file: unknown = parse(yaml);
  const { body } = await server.inject({ method: "POST", url: "/", payload: { file } });
  return body;
}

test(`${schemaPath} is in step with the code (npm run docs rewrites it)`, () => {
  expect(readSource(schemaPath)).toBe(schemaText());
});

test("every key of the file and of a pool has a schema", () => {
  interface Node {
    readonly type?: unknown;
    readonly anyOf?: unknown;
    readonly enum?: unknown;
    readonly items?: Node;
    readonly properties?: Readonly<Record<string, Node>>;
  }
  const { properties = {} } = configSchema() as Node;
  expect(Object.keys(properties)).toEqual(rootKeys);
  const ofPools = properties["pools"]?.items?.properties ?? {};
  expect(Object.keys(ofPools)).toEqual(poolKeys);
  const each = [...Object.entries(properties), ...Object.entries(ofPools)];
  expect(each.filter(([, schema]) => !(schema.type ?? schema.anyOf ?? schema.enum))).toEqual([]);
});

test("every option of serve has a key of its own in the file, but for what names the file", () => {
  const keys = Object.entries(serveOptions).map(([name, { key }]) => ({ name, key }));
  expect(keys.filter(({ key }) => key === "").map(({ name }) => name)).toEqual(["configFile", "configText"]);
  expect(keys.filter(({ key }) => !/^(pools\[\]\.)?[a-z]\w*(\.[a-z]\w*){0,3}$/.test(key) && key !== "")).toEqual([]);
  const own = keys.filter(({ key }) => key !== "").map(({ key }) => key);
  expect(new Set(own).size).toBe(own.length);
});

describe("the schema", () => {
  test.each([
    "",
    "limits: {body: 1Mi, streams: 5}\nlisten: {modelHeaders: [a, b], grpcPort: 0}",
    "profiles: {default: {scorers: [queue-depth, ./mine.ts, {use: ./mine.ts, weight: 2, own: 1}], pick: {use: top-k, k: 2}}}",
    "rewrites: [{models: [a, b], to: [c, {model: d, weight: 2}]}, {to: e}]",
    "costs: [{key: a, of: total}, {key: b, expression: 2u * input_tokens}]",
    "backends: [{name: a, api: openai}, {name: b, api: anthropic, host: h, models: {x: y}, credential: {kind: api-key, file: f}}]",
    "backends: [{name: a, api: openai, credential: none, headers: {set: {x-n: 1}, remove: [y]}, asksForUsage: true}]",
    "pools: [{pods: {aibrix: all}}, {name: b, pods: {service: {name: x, port: 80}}, scrape: {interval: 50ms}}]",
  ])("lets pass %j", async (yaml) => {
    expect(await judge(yaml)).toBe("good");
  });

  test.each([
    ["limits: {bodies: 1}", "additional properties"],
    ["pool: []", "additional properties"],
    ["limits: {body: 5 MB}", "/file/limits/body"],
    ["scrape: {interval: 5}", "/file/scrape/interval"],
    ["observe: {verbosity: 9}", "/file/observe/verbosity"],
    ["pools: [{name: Big, pods: {file: x}}]", "/file/pools/0/name"],
    ["pools: [{name: a}]", "'pods'"],
    ["rewrites: [{models: m}]", "'to'"],
    ["costs: [{key: a, of: tokens}]", "/file/costs/0"],
    ["backends: [{name: a}]", "'api'"],
    ["backends: [{name: a, api: opena}]", "/file/backends/0/api"],
    ["backends: [{name: a, api: openai, credential: {kind: api-key, key: x}}]", "/file/backends/0/credential"],
    ["profiles: {default: {scorers: [queue-dept]}}", "/file/profiles/default/scorers/0"],
    ["profiles: {default: {scorers: [], pick: {use: top-k, k: 0}}}", "/file/profiles/default/pick"],
  ])("finds the fault of %j", async (yaml, where) => {
    expect(JSON.parse(await judge(yaml))).toMatchObject({ statusCode: 400, message: expect.stringContaining(where) });
  });

  test.each(listFiles("deploy/{pods/pool*,pointsman*}.yaml"))("lets pass %s", async (path) => {
    expect(await judge(readSource(path))).toBe("good");
  });
});
