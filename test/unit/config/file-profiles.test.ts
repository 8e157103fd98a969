import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { builtInScorers } from "../../../scorers/index.ts";
import queueDepth from "../../../scorers/queue-depth.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { serveOptions } from "../../../src/config/options.ts";
import { readPools } from "../../../src/config/read-pools.ts";
import { describeFault } from "../../../src/errors.ts";
import { builtInFilters } from "../../../src/routing/filters/index.ts";
import { optionsOf } from "../../../src/routing/profile.ts";

const folder = mkdtempSync(join(tmpdir(), "file-profiles-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** What a config file says, beside pods that a flag names unless the file has pools. */
function read(yaml: string) {
  const file = write("c.yaml", yaml);
  const pods = /^pools:/m.test(yaml) ? [] : ["--pods=10.0.0.1:80"];
  const { faults, ...result } = readPools(loadConfig(serveOptions, [`--config-file=${file}`, ...pods], {}));
  return { ...result, faults: faults.map((fault) => describeFault(fault).replaceAll(`${folder}/`, "")) };
}

/** The file's profile "default" in words. */
function profileOf(yaml: string, name = "default") {
  const { profiles, faults } = read(yaml);
  expect(faults).toEqual([]);
  const { scorers, filters, picker } = profiles.get(name) ?? { scorers: [], filters: [] };
  return {
    scorers: scorers.map(({ scorer, weight, options }) => [scorer.name, weight, options]),
    filters: filters.map(({ filter, options }) => [filter.name, options]),
    pick: [picker?.picker.name, picker?.options],
  };
}

const place = (at: number, path: string) => `c.yaml:1:${at} profiles.default.${path}`;
const builtIn = builtInScorers.map(({ name }) => name).join(", ");

const requirement =
  'a requirement such as "a=b", "a!=b", "a in (b, c)", "a in (b, c) or absent", "a notin (b, c)", "a" or "!a"';

describe("profiles", () => {
  test("are the Go picker's default without a file", () => {
    const { profiles } = readPools(loadConfig(serveOptions, ["--pods=10.0.0.1:80"], {}));
    expect([...profiles.keys()]).toEqual(["default"]);
    const profile = profiles.get("default");
    expect(profile?.scorers.map(({ scorer, weight }) => [scorer.name, weight])).toEqual([
      ["queue-depth", 2],
      ["kv-cache", 2],
      ["prefix-cache", 3],
    ]);
    expect([profile?.filters, profile?.picker.picker.name]).toEqual([[], "best"]);
  });

  test("hold scorers with weights and options, filters in their order, and a picker", () => {
    const yaml = `
profiles:
  default:
    scorers:
      - queue-depth
      - {use: in-flight, weight: 0.5, idleThreshold: 2}
      - use: session-affinity
        headers: [x-conversation]
        body: false
    filters:
      - use: label
        requirements: ["role in (decode, both)"]
      - saturation
    pick: {use: top-k, k: 4}
`;
    expect(profileOf(yaml)).toEqual({
      scorers: [
        ["queue-depth", 1, {}],
        ["in-flight", 0.5, { idleThreshold: 2 }],
        ["session-affinity", 1, { headers: ["x-conversation"], body: false }],
      ],
      filters: [
        ["label", { requirements: ["role in (decode, both)"] }],
        ["saturation", {}],
      ],
      pick: ["top-k", { k: 4 }],
    });
  });

  test("pick the best and filter nothing where nothing is said of it; the lot needs no scorer", () => {
    expect(profileOf("profiles: {default: {scorers: [kv-cache]}}")).toEqual({
      scorers: [["kv-cache", 1, {}]],
      filters: [],
      pick: ["best", undefined],
    });
    expect(profileOf("profiles: {default: {scorers: [], pick: random}}").pick).toEqual(["random", {}]);
  });

  test("are named by pools; one without a word takes the default, which is built in unless it is written", () => {
    const yaml = `
profiles: {chat: {scorers: [kv-cache]}}
pools:
  - {name: a, profile: chat, pods: {static: [x:1]}}
  - {name: b, pods: {static: [x:1]}}
`;
    const { pools, profiles, faults } = read(yaml);
    expect(faults).toEqual([]);
    expect(pools.map(({ name, settings }) => [name, settings.profile])).toEqual([
      ["a", "chat"],
      ["b", "default"],
    ]);
    expect([...profiles.keys()]).toEqual(["default", "chat"]);
    expect(profiles.get("default")?.scorers.length).toBe(3);
  });
});

describe("the fault of", () => {
  test.each<[string, string, string[]]>([
    ["a list of profiles", "profiles: [a]", ["c.yaml:1:11 profiles: expected profiles by name, got a list"]],
    [
      "a profile that is none",
      "profiles: {default: 5}",
      ["c.yaml:1:21 profiles.default: expected a mapping with scorers, filters, pick, got 5"],
    ],
    [
      "an unknown key",
      "profiles: {default: {scorers: [kv-cache], filter: []}}",
      [`${place(43, "filter")}: expected one of scorers, filters, pick, got the key "filter" (did you mean filters?)`],
    ],
    ["no scorers", "profiles: {default: {}}", [`${place(21, "scorers")}: expected a list of scorers, got nothing`]],
    [
      "scorers by name",
      "profiles: {default: {scorers: {kv-cache: 1}}}",
      [`${place(31, "scorers")}: expected a list of scorers, got a mapping`],
    ],
    [
      "an unknown scorer",
      "profiles: {default: {scorers: [queue-dept]}}",
      [
        `${place(32, "scorers[0]")}: expected one of ${builtIn} or a path such as ./my-scorer.ts, got "queue-dept" (did you mean queue-depth?)`,
      ],
    ],
    [
      "a scorer without a name",
      "profiles: {default: {scorers: [{weight: 2}, 7]}}",
      [
        `${place(32, "scorers[0].use")}: expected a name, got nothing`,
        `${place(45, "scorers[1]")}: expected a name, or a mapping with use, got 7 (did you mean "7"?)`,
      ],
    ],
    [
      "a scorer used twice",
      "profiles: {default: {scorers: [kv-cache, {use: kv-cache}]}}",
      [`${place(42, "scorers[1]")}: expected each scorer once, got "kv-cache" again`],
    ],
    [
      "a wrong weight",
      "profiles: {default: {scorers: [{use: kv-cache, weight: -1}, {use: latency, weight: two}, {use: in-flight, weight: .inf}]}}",
      [
        `${place(56, "scorers[0].weight")}: expected a number 0..1000000, got -1`,
        `${place(84, "scorers[1].weight")}: expected a number 0..1000000, got "two"`,
        `${place(115, "scorers[2].weight")}: expected a number 0..1000000, got .inf`,
      ],
    ],
    [
      "a weight that sums could not stand",
      "profiles: {default: {scorers: [{use: kv-cache, weight: 1.0e+308}]}}",
      [`${place(56, "scorers[0].weight")}: expected a number 0..1000000, got 1.0e+308`],
    ],
    [
      "no scorer that has a say, unless the lot is to decide",
      "profiles: {default: {scorers: [], pick: top-k}}",
      [`${place(31, "scorers")}: expected a scorer with a weight above 0, or pick: random, got none`],
    ],
    [
      "weights of 0 alone",
      "profiles: {default: {scorers: [{use: kv-cache, weight: 0}, {use: latency, weight: 0}]}}",
      [`${place(31, "scorers")}: expected a scorer with a weight above 0, or pick: random, got weights of 0`],
    ],
    [
      "an unknown option",
      "profiles: {default: {scorers: [{use: token-load, thresholdToken: 5}]}}",
      [
        `${place(50, "scorers[0].thresholdToken")}: expected one of use, weight, thresholdTokens, got the key "thresholdToken" (did you mean thresholdTokens?)`,
      ],
    ],
    [
      "a wrong option",
      "profiles: {default: {scorers: [{use: token-load, thresholdTokens: 0}]}}",
      [`${place(67, "scorers[0].thresholdTokens")}: expected a number >= 1, got 0`],
    ],
    [
      "an unknown filter",
      "profiles: {default: {scorers: [kv-cache], filters: [lable]}}",
      [
        `${place(53, "filters[0]")}: expected one of ${builtInFilters.map(({ name }) => name).join(", ")}, got "lable" (did you mean label?)`,
      ],
    ],
    [
      "a weight of a filter",
      "profiles: {default: {scorers: [kv-cache], filters: [{use: subset, weight: 1}]}}",
      [`${place(67, "filters[0].weight")}: expected one of use, got the key "weight"`],
    ],
    [
      "wrong requirements",
      "profiles: {default: {scorers: [kv-cache], filters: [{use: label, requirements: [a = b, a ~ b, 5]}]}}",
      [
        `${place(88, "filters[0].requirements[1]")}: expected ${requirement}, got "a ~ b"`,
        `${place(95, "filters[0].requirements[2]")}: expected ${requirement}, got 5`,
      ],
    ],
    [
      "an unknown picker",
      "profiles: {default: {scorers: [kv-cache], pick: bets}}",
      [
        `${place(49, "pick")}: expected one of best, weighted-random, best-of-two, top-k, random, got "bets" (did you mean best?)`,
      ],
    ],
    [
      "several pickers",
      "profiles: {default: {scorers: [kv-cache], pick: [best]}}",
      [`${place(49, "pick")}: expected a name, or a mapping with use, got a list`],
    ],
    [
      "a profile that no pool names",
      "profiles: {default: {scorers: [kv-cache]}, chat: {scorers: [kv-cache]}}",
      ['c.yaml:1:50 profiles.chat: expected a profile that a pool has, such as default, got "chat"'],
    ],
  ])("%s", (_title, yaml, faults) => {
    expect(read(yaml).faults).toEqual(faults);
  });

  test("a pool's profile that nobody wrote", () => {
    const yaml =
      "profiles: {chat: {scorers: [kv-cache]}}\npools:\n- {name: a, profile: chta, pods: {static: [x:1]}}\n- {name: b, profile: chat, pods: {static: [x:1]}}";
    expect(read(yaml).faults).toEqual([
      'c.yaml:3:22 pools[0].profile: expected one of chat, default, as under profiles, got "chta" (did you mean chat?)',
    ]);
  });

  test("all of them at once", () => {
    const yaml =
      "profiles: {default: {scorers: [{use: latency, ttftWeight: x, weight: y}, nope], filters: [1], pick: 2}}";
    expect(read(yaml).faults.length).toBe(5);
  });
});

const good = (name: string, build = "() => (pods, scores) => scores.fill(0.5, 0, pods.size)") => `
export default {
  name: "${name}", summary: "For the test.", leaning: "spread", reads: ["inFlight"],
  options: { limit: { default: 4, min: 1, help: "a limit" } },
  build: ${build},
};`;

describe("a scorer by its path", () => {
  test("is found from where the config file stands, with its own options", () => {
    write("mine.ts", good("mine"));
    const yaml = "profiles: {default: {scorers: [{use: ./mine.ts, weight: 2, limit: 9}, kv-cache]}}";
    expect(profileOf(yaml).scorers).toEqual([
      ["mine", 2, { limit: 9 }],
      ["kv-cache", 1, {}],
    ]);
  });

  test("may be used by several profiles", () => {
    write("shared-one.ts", good("shared-one"));
    const yaml =
      "profiles: {default: {scorers: [shared-one.ts]}, b: {scorers: [./shared-one.ts]}}\npools: [{name: a, pods: {static: [x:1]}}, {name: b, profile: b, pods: {static: [x:1]}}]";
    const { profiles, faults } = read(yaml);
    expect(faults).toEqual([]);
    expect(profiles.get("b")?.scorers[0]?.scorer).toBe(profiles.get("default")?.scorers[0]?.scorer);
  });

  test.each<[string, string, string, string]>([
    ["is not there", "", "./absent.ts", ": expected a file, got none"],
    [
      "has no default export",
      "export const a = 1;",
      "./no-default.ts",
      ": expected export default defineScorer({ ... }), got no default export",
    ],
    [
      "is CommonJS without a default",
      'module.exports = { name: "common" };',
      "./common.cjs",
      ": expected export default defineScorer({ ... }), got no default export (did you mean module.exports.default = defineScorer({ ... })?)",
    ],
    [
      "exports a promise",
      "export default new Promise(() => {});",
      "./promise.ts",
      ": expected export default defineScorer({ ... }), got a promise",
    ],
    [
      "is no TypeScript at all",
      'export default {\n  name: "x"\n  summary: "y" };',
      "./syntax.ts",
      "expected a module that can be loaded, got SyntaxError [ERR_INVALID_TYPESCRIPT_SYNTAX]: Expected ',', got 'ident' (syntax.ts:3:3)",
    ],
    [
      "imports a name that is not there",
      'import { fillUnknown } from "pointsman/normalise";\nimport { defineScore } from "pointsman/scorer";\nexport default defineScore({});',
      "./name.ts",
      "does not provide an export named 'defineScore' (name.ts:2:10)",
    ],
    [
      "imports a module of ours by a wrong name",
      'import { defineScorer } from "pointsman/scorers";\nexport default defineScorer({});',
      "./wrong-module.ts",
      'got the import of "pointsman/scorers", which is not there (wrong-module.ts:1:30) (did you mean pointsman/scorer?)',
    ],
    [
      "exports something else",
      "export default 5;",
      "./five.ts",
      ": expected export default defineScorer({ ... }), got 5",
    ],
    [
      "has a name that is taken",
      good("kv-cache"),
      "./taken.ts",
      ' name: expected another name than that of a built-in scorer, got "kv-cache"',
    ],
    [
      "throws when it is loaded",
      'throw new Error("no luck");',
      "./throws.ts",
      ": expected a module that can be loaded, got Error: no luck (throws.ts:1:7)",
    ],
    [
      "waits when it is loaded",
      `await 1;${good("waits")}`,
      "./waits.ts",
      ": expected a module without await at its top level, got one that waits",
    ],
    [
      "is no TypeScript that Node strips",
      "enum E { A }\nexport default E;",
      "./enum.ts",
      "TypeScript enum is not supported in strip-only mode (enum.ts:1:1)",
    ],
    [
      "imports what is not there",
      'import "nowhere-to-be-found";',
      "./imports.ts",
      ': expected a module that can be loaded, got the import of "nowhere-to-be-found", which is not there (imports.ts:1:8)',
    ],
  ])("that %s is a fault with its place", (_title, text, use, fault) => {
    if (text !== "") write(use, text);
    const { faults } = read(`profiles: {default: {scorers: [{use: ${use}, anything: 1}]}}`);
    expect(faults.length).toBe(1);
    expect(faults[0]).toContain(`${place(38, "scorers[0].use")} "${use}"`);
    expect(faults[0]).toContain(fault);
  });

  test("that bears the name of another file's is a fault", () => {
    write("one.ts", good("twin"));
    write("two.ts", good("twin"));
    expect(read("profiles: {default: {scorers: [./one.ts, ./two.ts]}}").faults).toEqual([
      `${place(42, "scorers[1]")} "./two.ts" name: expected another name than that of ./one.ts, got "twin"`,
    ]);
  });

  test.each([
    ["throws", '() => { throw new RangeError("limit 4 is odd"); }', "got RangeError: limit 4 is odd"],
    ["gives nothing", "() => {}", "got nothing"],
    ["gives no function", "() => 5", "got a value of type number"],
    ["is async", "async () => () => {}", "got a promise"],
    ["gives an async function", "() => async () => {}", "got an async function"],
    ["gives a generator", "() => function* () {}", "got a generator"],
  ])("whose build %s with these options is a fault", (title, build, got) => {
    const name = `build-${title.replaceAll(" ", "-")}`;
    write(`${name}.ts`, good(name, build));
    expect(read(`profiles: {default: {scorers: [./${name}.ts]}}`).faults).toEqual([
      `${place(32, "scorers[0]")}: expected ${name} to build a function of these options, ${got}`,
    ]);
  });
});

test("optionsOf gives the defaults of a scorer that the profile does not use", () => {
  const profile = read("profiles: {default: {scorers: [kv-cache]}}").profiles.get("default");
  expect(profile && optionsOf(profile, queueDepth)).toEqual({});
});
