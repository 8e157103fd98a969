import { expect, test } from "vitest";
import type { Given } from "../../../src/config/load-config.ts";
import { readSettings, type Settings } from "../../../src/config/load-settings.ts";
import { changeOf } from "../../../src/config/settings-changes.ts";

function settingsOf(yaml: string, args: readonly string[] = []): Settings {
  const said = { args: ["--config-file=c.yaml", ...args], env: {} };
  const { settings, faults } = readSettings(said, { check: () => [], fileBytes: Buffer.from(yaml) });
  expect(faults).toEqual([]);
  return settings;
}

function change(before: string, after: string, started = before) {
  return changeOf(settingsOf(before), settingsOf(after), settingsOf(started).config);
}

const pool = (name: string, more = "") => `- {name: ${name}, pods: {static: [10.0.0.1:80]}${more}}\n`;
const pools = (...all: string[]) => `pools:\n${all.join("")}`;

test.each<[string, string, string, string[]]>([
  ["nothing where only comments differ", pools(pool("a")), `# new\n${pools(pool("a"))}`, []],
  ["limits", pools(pool("a")), `${pools(pool("a"))}limits: {streams: 9}`, ["limits.streams: 50000 -> 9"]],
  [
    "what all pools share in each of them",
    pools(pool("a"), pool("b")),
    `${pools(pool("a"), pool("b"))}scrape: {interval: 2s}`,
    ["pools.a.scrape.interval: 1s -> 2s", "pools.b.scrape.interval: 1s -> 2s"],
  ],
  ["pools that come and go", pools(pool("a")), pools(pool("b")), ["pools.a: removed", "pools.b: added"]],
  [
    "the order of pools",
    pools(pool("a"), pool("b")),
    pools(pool("b"), pool("a")),
    ["the order of the pools: a, b -> b, a"],
  ],
  [
    "settings of a pool",
    pools(pool("a")),
    pools(pool("a", ", unknownModel: pass, scrape: {engine: sglang, modelsPath: ''}")),
    [
      "pools.a.unknownModel: refuse -> pass",
      "pools.a.scrape.engine: auto -> sglang",
      "pools.a.scrape.modelsPath: /v1/models -> none",
    ],
  ],
  [
    "other names for models, of all pools and of one",
    `${pools(pool("a"))}rewrites: [{models: x, to: y}]`,
    pools(pool("a", ", rewrites: [{to: z}]")),
    [
      'pools.a.rewrites: none -> {"models":[],"targets":[{"model":"z"}]}',
      'rewrites: {"models":["x"],"targets":[{"model":"y"}]} -> none',
    ],
  ],
  [
    "profiles by what they use",
    `${pools(pool("a"))}profiles: {default: {scorers: [queue-depth]}}`,
    `${pools(pool("a"))}profiles: {default: {scorers: [{use: queue-depth, weight: 2}], filters: [testing], pick: {use: top-k, k: 2}}}`,
    [
      "profiles.default.scorers: 1 x queue-depth -> 2 x queue-depth",
      "profiles.default.filters: none -> testing",
      'profiles.default.pick: best -> top-k {"k":2}',
    ],
  ],
])("changeOf names %s", (_title, before, after, changes) => {
  expect(change(before, after)).toMatchObject({ changes, needRestart: [] });
});

test("changeOf cuts values as long as a file", () => {
  const many = Array.from({ length: 100 }, (_, i) => `10.0.1.${i}:80`).join(", ");
  const [line = "", ...more] = change(pools(pool("a")), `pools: [{name: a, pods: {static: [${many}]}}]`).changes;
  expect(more).toEqual([]);
  expect(line).toMatch(/^pools\.a\.pods: .* -> .*\.\.\.$/);
  expect(line.length).toBeLessThan(300);
});

test("changeOf holds back what a running picker cannot follow, and names it", () => {
  const after = `${pools(pool("a"))}listen: {grpcPort: 7, modelHeaders: [m]}\nlimits: {prefixIndex: 1Mi}`;
  const { settings, changes, needRestart } = change(pools(pool("a")), after);
  expect(needRestart).toEqual(["listen.grpcPort: 9002 -> 7", "limits.prefixIndex: 256Mi -> 1Mi"]);
  expect(changes).toEqual(["listen.modelHeaders: model,x-ai-eg-model -> m"]);
  expect(settings.config).toMatchObject({
    grpcPort: 9002,
    modelHeaders: ["m"],
    prefixIndexLimitBytes: 256 * 1024 ** 2,
  });
});

test("changeOf lets the largest body grow no further than it was at the start", () => {
  const limit = (size: string) => `${pools(pool("a"))}limits: {body: ${size}}`;
  expect(change(limit("1Mi"), limit("2Mi"), limit("2Mi")).changes).toEqual(["limits.body: 1Mi -> 2Mi"]);
  expect(change(limit("1Mi"), limit("3Mi"), limit("2Mi"))).toMatchObject({
    changes: [],
    needRestart: ["limits.body: 1Mi -> 3Mi"],
  });
});

test("changeOf keeps the object of a profile that is the same, whatever its name is now", () => {
  const profile = "{scorers: [{use: session-affinity, cookie: sid}, queue-depth], filters: [testing]}";
  const before = settingsOf(`${pools(pool("a", ", profile: one"))}profiles: {one: ${profile}}`);
  const after = settingsOf(`${pools(pool("a", ", profile: two"))}profiles: {two: ${profile}}`);
  const { settings } = changeOf(before, after, before.config);
  expect(settings.profiles.get("two")).toBe(before.profiles.get("one"));
  expect(settings.profiles.get("default")).toBe(before.profiles.get("default"));
});

test("readSettings lets a flag count more than the environment, and that more than the file", () => {
  const yaml = `${pools(pool("a"))}limits: {streams: 1, body: 1Mi, buffer: 1Mi}`;
  const said = {
    args: ["--config-file=c.yaml", "--stream-limit=3"],
    env: { POINTSMAN_STREAM_LIMIT: "2", POINTSMAN_BODY_LIMIT: "2Mi" },
  };
  const { settings, faults } = readSettings(said, { check: () => [], fileBytes: Buffer.from(yaml) });
  expect(faults).toEqual([]);
  const { streamLimit, bodyLimitBytes, bufferLimitBytes, answerDeadlineMs } = settings.config;
  expect([streamLimit, bodyLimitBytes, bufferLimitBytes, answerDeadlineMs]).toEqual([3, 2 * 1024 ** 2, 1024 ** 2, 140]);
  const from = (name: string): Partial<Given> => settings.given.get(name) ?? {};
  expect(["streamLimit", "bodyLimitBytes", "bufferLimitBytes"].map((name) => from(name).from)).toEqual([
    "flag",
    "environment",
    "file",
  ]);
  expect(from("bufferLimitBytes").place).toBe("c.yaml:3:41 limits.buffer");
});
