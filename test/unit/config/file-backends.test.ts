import { describe, expect, test } from "vitest";
import { type BackendConfig, backendFileKeys, readBackends } from "../../../src/config/file-backends.ts";
import type { PodConfig } from "../../../src/config/pool-config.ts";
import { defineCredential } from "../../../src/credentials/credential.ts";
import { YamlTree } from "../../../src/discovery/yaml-tree.ts";
import { type ConfigFault, describeFault } from "../../../src/errors.ts";
import { defineTranslator } from "../../../src/translators/translator.ts";
import { HeaderKey, passing, saying } from "../../support/small-backends.ts";

const key = defineCredential({
  name: "key",
  help: "for tests",
  options: {
    file: { default: "", help: "of the key" },
    header: { default: "authorization", help: "that carries it" },
    hops: { default: 1, min: 1, help: "a number" },
  },
  check: ({ file }) => (file === "" ? [{ option: "file", expects: "the path of a file" }] : []),
  open: async () => new HeaderKey("x", ""),
});
const none = defineCredential({
  name: "none",
  help: "for tests",
  options: {},
  open: async () => new HeaderKey("x", ""),
});
/** One maker's, which needs to know whose requests they are. */
const placed = defineTranslator({
  name: "placed",
  help: "for tests",
  options: { project: { default: "", help: "of the maker" }, region: { default: "eu", help: "of it" } },
  usualHost: "api.placed.example",
  check: ({ project }) => (project === "" ? [{ option: "project", expects: "a project" }] : []),
  headerNames: [],
  translated: {},
  passed: {},
});
const known = { translators: [passing, saying, placed], credentials: [none, key] };

function read(text: string): { readonly backends: readonly BackendConfig[]; readonly faults: readonly string[] } {
  const faults: ConfigFault[] = [];
  const fault = (path: string, expected: string, got: string, hint?: string) =>
    faults.push({ path, expected, got, ...(hint !== undefined && { hint }) });
  const tree = new YamlTree(text, "c.yaml", fault);
  const root = tree.root;
  const reading = { tree, fault, config: {} as PodConfig, folder: "/etc/p" };
  const backends = root === undefined ? [] : readBackends(reading, root, known);
  return { backends, faults: faults.map(describeFault) };
}

const faultsOf = (text: string) => read(text).faults;

describe("readBackends", () => {
  test("reads a backend with everything that can be said of it", () => {
    const { backends, faults } = read(`
- name: default/one
  api: passing
  options: {version: "2"}
  model: rest
  models: {llama: gpt, "a/b": c}
  host: api.example.com:8443
  pathPrefix: /base/v2
  headers: {set: {X-Team: one, x-n: 7, x-ü: "${"grün"}"}, remove: [X-Debug]}
  credential: {kind: key, file: keys/one, header: x-api-key}
  keepsAuthorization: true
  asksForUsage: true
`);
    // A header's name is of ASCII alone.
    expect(faults).toEqual(["c.yaml:9:45 [0].headers.set.x-ü: expected the name of a header that may be set, got x-ü"]);
    expect(backends).toMatchObject([
      {
        ...{ name: "default/one", translator: passing, options: { version: "2" }, model: "rest" },
        models: new Map([
          ["llama", "gpt"],
          ["a/b", "c"],
        ]),
        ...{ host: "api.example.com:8443", pathPrefix: "/base/v2", keepsAuthorization: true, asksForUsage: true },
        headers: { remove: ["x-debug"] },
        credential: { kind: key, options: { file: "/etc/p/keys/one", header: "x-api-key", hops: 1 } },
      },
    ]);
    expect(backends[0]?.headers.set.slice(0, 2)).toEqual([
      ["x-team", "one"],
      ["x-n", "7"],
    ]);
  });

  test("takes a value of a header byte by byte, as headers are written", () => {
    const [backend] = read("- {name: a, api: passing, headers: {set: {x-a: grün}}}").backends;
    expect(Buffer.from(backend?.headers.set[0]?.[1] ?? "", "latin1").toString()).toBe("grün");
  });

  test("needs no more than a name and what is spoken there", () => {
    expect(read("- {name: a, api: saying}")).toMatchObject({
      faults: [],
      backends: [
        {
          ...{ name: "a", model: "", host: "", pathPrefix: "", keepsAuthorization: false, asksForUsage: false },
          credential: { kind: none, options: {} },
        },
      ],
    });
    expect(read("- {name: a, api: saying, credential: none}").faults).toEqual([]);
  });

  test.each([
    ["- {name: a}", ["c.yaml:1:3 [0].api: expected a translator's name, got nothing"]],
    ["- {api: saying}", [expect.stringContaining("[0].name: expected a name of letters")]],
    ["- {name: a b, api: saying}", [expect.stringContaining('got "a b"')]],
    ["- {name: a, api: sayin}", [expect.stringContaining("(did you mean saying?)")]],
    ["- {name: a, api: saying, hosts: x}", [expect.stringContaining('got the key "hosts" (did you mean host?)')]],
    ["- {name: a, api: saying, host: http://x}", [expect.stringContaining("[0].host: expected a host name")]],
    ["- {name: a, api: saying, pathPrefix: base}", [expect.stringContaining("expected a path such as /base")]],
    ["- {name: a, api: saying, pathPrefix: /base/}", [expect.stringContaining("without / behind")]],
    [
      "- {name: a, api: passing, options: {version: 2}}",
      [expect.stringContaining("[0].options.version: expected a text, got 2")],
    ],
    ["- {name: a, api: saying, options: {x: 1}}", [expect.stringContaining('expected no keys, got the key "x"')]],
    ["- {name: a, api: saying, options: 3}", [expect.stringContaining("expected no options, as it has none, got 3")]],
    ["- {name: a, api: saying, models: [m]}", [expect.stringContaining("expected a mapping of names, got a list")]],
    ["- {name: a, api: saying, model: 4}", [expect.stringContaining("expected a model's name")]],
    ["- {name: a, api: saying, keepsAuthorization: maybe}", [expect.stringContaining("expected true or false")]],
    [
      "- {name: a, api: saying, headers: {set: {host: b}}}",
      [expect.stringContaining("a header that may be set, got host")],
    ],
    [
      "- {name: a, api: saying, headers: {set: {authorization: k}}}",
      [expect.stringContaining("expected no secrets here")],
    ],
    [
      "- {name: a, api: saying, headers: {set: {x-a: [1]}}}",
      [expect.stringContaining("expected a text of one line, got a list")],
    ],
    [
      "- {name: a, api: saying, headers: {remove: [content-length]}}",
      [expect.stringContaining("a header that may be removed")],
    ],
    [
      "- {name: a, api: saying, credential: keys}",
      [expect.stringContaining("expected one of none, key, got another value, which is not shown")],
    ],
    [
      "- {name: a, api: saying, credential: {file: f}}",
      [expect.stringContaining("[0].credential.kind: expected a kind, got nothing")],
    ],
    [
      "- {name: a, api: saying, credential: {kind: key}}",
      ["c.yaml:1:38 [0].credential.file: expected the path of a file, got nothing"],
    ],
    [
      "- {name: a, api: saying, credential: {kind: key, file: f, hops: 0}}",
      [expect.stringContaining("expected a number >= 1, got 0")],
    ],
    [
      "- {name: a, api: saying, credential: {kind: key, file: f}, keepsAuthorization: true}",
      [expect.stringContaining("beside a credential that stands in authorization")],
    ],
    [
      "- {name: a, api: placed, host: h}",
      [expect.stringContaining("[0].options.project: expected a project, got nothing")],
    ],
    [
      "- {name: a, api: placed, host: h, options: {region: us, project: ''}}",
      [expect.stringContaining("[0].options.project: expected a project, got what is there")],
    ],
    [
      "- {name: a, api: placed, options: {project: p}}",
      [expect.stringContaining("[0].host: expected the provider's host, such as api.placed.example")],
    ],
    ["- {name: a, api: placed, host: h, options: {project: p}}", []],
    ["[]", ["c.yaml:1:1: expected a list of backends, got an empty one"]],
    ["{}", ["c.yaml:1:1: expected a list of backends, got a mapping"]],
  ])("says what is wrong with %s", (text, faults) => {
    expect(faultsOf(text)).toEqual(faults);
  });

  test("tells all faults of all backends, and a name that comes twice", () => {
    const text = "- {name: a, api: saying}\n- {name: a, api: nothing, host: /}\n- 5\n";
    expect(faultsOf(text)).toEqual([
      expect.stringContaining('2:10 [1].name: expected a name that no backend before it has, got "a"'),
      expect.stringContaining("[1].api: expected one of passing, saying, placed"),
      expect.stringContaining("[1].host: expected a host name"),
      expect.stringContaining("[2]: expected a mapping with name and api, got 5"),
    ]);
  });
});

test("backendFileKeys names each key once, with a help that is a sentence", () => {
  const keys = backendFileKeys();
  expect(new Set(keys.map(({ path }) => path)).size).toBe(keys.length);
  expect(keys.filter(({ help }) => !/^[A-Z].*[.?]$/.test(help))).toEqual([]);
});
