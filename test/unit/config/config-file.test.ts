import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ConfigFile } from "../../../src/config/config-file.ts";
import { rootKeys } from "../../../src/config/file-keys.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { serveOptions } from "../../../src/config/options.ts";
import { describeFault } from "../../../src/errors.ts";

const folder = mkdtempSync(join(tmpdir(), "config-file-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const options = loadConfig(serveOptions, [], {});

function read(content: string | Uint8Array) {
  const path = join(folder, "p.yaml");
  writeFileSync(path, content);
  return readConfigFile(path);
}

function readConfigFile(path: string) {
  const file = new ConfigFile(path);
  return { ...file.routing(options), faults: file.faults };
}

const faultsAt = (path: string) =>
  readConfigFile(path).faults.map((fault) => describeFault(fault).replaceAll(`${folder}/`, ""));

function faultsOf(content: string | Uint8Array): string[] {
  read(content);
  return faultsAt(join(folder, "p.yaml"));
}

const roots = rootKeys.join(", ");
const sources = "static, file, dns, inferencePool, selector, service, aibrix";
const scrapeKeys =
  "interval, timeout, scheme, port, path, insecureSkipVerify, caFile, tokenFile, engine, modelsPath, modelsInterval";
const podText = "host:port with a host name, an IPv4 address or an [IPv6 address]";
const objectName = "a name of small letters, digits, - and .";
const poolName = "a name of small letters and digits, with dashes between";
const place = "namespace/name, or a name beside --pool-namespace";
const duration = (least: string) => `a duration ${least}..24h such as 50ms, 2s or 1m30s`;

describe("ConfigFile tells the fault of", () => {
  test.each<[string, string, string[]]>([
    ["a list", "- a", [`p.yaml:1:1: expected a mapping with ${roots}, got a list`]],
    ["a number", "5", [`p.yaml:1:1: expected a mapping with ${roots}, got 5`]],
    [
      "what is no YAML",
      "a: b: c",
      ["p.yaml:1:4: expected valid YAML, got Nested mappings are not allowed in compact mappings"],
    ],
    ["two documents", "{}\n---\n{}", ["p.yaml:2:1: expected one document, got another one"]],
    [
      "an unknown key",
      "pool: []",
      [`p.yaml:1:1 pool: expected one of ${roots}, got the key "pool" (did you mean pools?)`],
    ],
    [
      "a key that stands twice",
      "pools: [{pods: {file: /x}}]\npools: []",
      ['p.yaml:2:1 pools: expected each key once, got "pools" again'],
    ],
    ["pools without a value", "pools:", ["p.yaml:1:7 pools: expected a list of pools, got nothing"]],
    ["an empty list", "pools: []", ["p.yaml:1:8 pools: expected a list of pools, got an empty one"]],
    ["pools by name", "pools: {a: {}}", ["p.yaml:1:8 pools: expected a list of pools, got a mapping"]],
    ["a pool that is none", "pools: [1]", ["p.yaml:1:9 pools[0]: expected a mapping with pods, got 1"]],
    ["another kind", "kind: Pod", [`p.yaml:1:1 kind: expected one of ${roots}, got the key "kind"`]],
  ])("a file with %s", (_title, yaml, faults) => {
    expect(faultsOf(yaml)).toEqual(faults);
  });

  test.each<[string, string, string[]]>([
    ["no pods", "{}", [`9 pools[0].pods: expected a mapping with one or more of ${sources}, got nothing`]],
    [
      "no source",
      "{pods: {}}",
      [`16 pools[0].pods: expected a mapping with one or more of ${sources}, got an empty one`],
    ],
    [
      "a bare list",
      "{pods: [10.0.0.1:80]}",
      [
        `16 pools[0].pods: expected a mapping with one or more of ${sources}, got a list (did you mean static with this list?)`,
      ],
    ],
    [
      "an unknown source",
      "{pods: {statik: [10.0.0.1:80]}}",
      [`17 pools[0].pods.statik: expected one of ${sources}, got the key "statik" (did you mean static?)`],
    ],
    [
      "a wrong name",
      "{name: Small_Pool, pods: {file: /x}}",
      [`16 pools[0].name: expected ${poolName}, got "Small_Pool" (did you mean small-pool?)`],
    ],
    [
      "a number as name",
      "{name: 7, pods: {file: /x}}",
      [`16 pools[0].name: expected ${poolName}, got 7 (did you mean "7"?)`],
    ],
    [
      "an endless name",
      `{name: ${"a".repeat(64)}, pods: {file: /x}}`,
      [`16 pools[0].name: expected ${poolName}, got "${"a".repeat(57)}..."`],
    ],
    [
      "no names",
      "{pods: {file: /x}}, {name: b, pods: {file: /x}}",
      [`9 pools[0].name: expected ${poolName}, as there are several pools, got nothing`],
    ],
    [
      "the same name",
      "{name: a, pods: {file: /x}}, {name: b, pods: {file: /x}}, {name: a, pods: {file: /x}}",
      ['74 pools[2].name: expected a name that no pool before it has, got "a"'],
    ],
    ["no addresses", "{pods: {static: []}}", ["25 pools[0].pods.static: expected a list of pods, got an empty one"]],
    ["a text for a list", "{pods: {static: x:80}}", ['25 pools[0].pods.static: expected a list of pods, got "x:80"']],
    [
      "wrong addresses",
      "{pods: {static: [x:80, x:80, 8000, {address: http://x:80/y}, {name: c}, {address: a=x:80}, {name: d, address: x:80}]}}",
      [
        '32 pools[0].pods.static[1]: expected a name that is not in the list before, got "x:80"',
        `38 pools[0].pods.static[2]: expected [name=]${podText}, got 8000 (did you mean "8000"?)`,
        `54 pools[0].pods.static[3].address: expected ${podText}, got "http://x:80/y" (did you mean x:80?)`,
        `70 pools[0].pods.static[4].address: expected ${podText}, got nothing`,
        `91 pools[0].pods.static[5].address: expected ${podText}, got "a=x:80"`,
        '100 pools[0].pods.static[6]: expected an address that is not in the list before, got "d=x:80"',
      ],
    ],
    [
      "a wrong port and name",
      "{pods: {static: [{name: a b, address: x:0}, {adress: x:80}]}}",
      [
        '47 pools[0].pods.static[0].address: expected a port from 1 to 65535, got "x:0"',
        '33 pools[0].pods.static[0].name: expected a name of letters, digits and _ . : / @ -, got "a b"',
        '54 pools[0].pods.static[1].adress: expected one of name, address, got the key "adress" (did you mean address?)',
        `53 pools[0].pods.static[1].address: expected ${podText}, got nothing`,
      ],
    ],
    ["no path", '{pods: {file: ""}}', ['23 pools[0].pods.file: expected a path, got ""']],
    [
      "a folder",
      "{pods: {file: /}}",
      ["23 pools[0].pods.file: expected a file that can be read, at /, got something else"],
    ],
    [
      "wrong DNS names",
      "{pods: {dns: [vllm, a.b:80, A.b:80, http://x.y:80]}}",
      [
        '23 pools[0].pods.dns[0]: expected host.name:port, or srv:name for SRV records, got "vllm"',
        '37 pools[0].pods.dns[2]: expected a name that is not in the list before, got "A.b:80"',
        '45 pools[0].pods.dns[3]: expected host.name:port, or srv:name for SRV records, got "http://x.y:80" (did you mean x.y:80?)',
      ],
    ],
    [
      "a wrong InferencePool",
      "{pods: {inferencePool: a/b/c}}",
      [`32 pools[0].pods.inferencePool: expected ${place}, got "a/b/c"`],
    ],
    [
      "two InferencePools",
      "{pods: {inferencePool: [a, b]}}",
      [`32 pools[0].pods.inferencePool: expected ${place}, got a list`],
    ],
    [
      "wrong parts of an InferencePool",
      '{pods: {inferencePool: {namespace: A, group: ""}}}',
      [
        `44 pools[0].pods.inferencePool.namespace: expected ${objectName}, got "A"`,
        `32 pools[0].pods.inferencePool.name: expected ${objectName}, got nothing`,
        '54 pools[0].pods.inferencePool.group: expected auto, or an API group, got ""',
      ],
    ],
    [
      "a bare selector",
      "{pods: {selector: a=b}}",
      ['27 pools[0].pods.selector: expected a mapping with labels and ports, got "a=b"'],
    ],
    [
      "half a selector",
      "{pods: {selector: {labels: {a: b}}}}",
      [
        "36 pools[0].pods.selector.labels: expected a label selector such as app=vllm,tier in (gold, silver), got a mapping",
        "27 pools[0].pods.selector.ports: expected a list of 1 to 8 ports, got nothing",
      ],
    ],
    [
      "wrong ports",
      "{pods: {selector: {labels: a, ports: [0, 80.5, 1, 2, 3, 4, 5, 6, 7]}}}",
      [
        "46 pools[0].pods.selector.ports: expected a list of 1 to 8 ports, got 9 of them",
        "47 pools[0].pods.selector.ports[0]: expected an integer 1..65535, got 0",
        "50 pools[0].pods.selector.ports[1]: expected an integer 1..65535, got 80.5",
      ],
    ],
    [
      "a wrong Service",
      "{pods: {service: 'a:b:c'}}",
      [
        '26 pools[0].pods.service: expected namespace/name or namespace/name:port, or without a namespace beside --pool-namespace, got "a:b:c"',
      ],
    ],
    [
      "a wrong port of a Service",
      "{pods: {service: {name: a, port: 70000}}}",
      ["42 pools[0].pods.service.port: expected a port by name or number, got 70000"],
    ],
    [
      "AIBrix beside others",
      "{name: x, pods: {aibrix: all, file: /x}}, {pods: {aibrix: Foo}}",
      [
        "16 pools[0].name: expected no name beside aibrix, whose labels name the pools, got one",
        "34 pools[0].pods.aibrix: expected aibrix alone in its pool, got other sources",
        "67 pools[1].pods.aibrix: expected aibrix in one pool only, got another one",
        '67 pools[1].pods.aibrix: expected a namespace, or all, got "Foo"',
      ],
    ],
    [
      "wrong settings",
      "{pods: {file: /x}, unknownModel: refused, listModels: 1, scrapes: {}}",
      [
        '66 pools[0].scrapes: expected one of name, pods, scrape, profile, rewrites, unknownModel, listModels, got the key "scrapes" (did you mean scrape?)',
        '42 pools[0].unknownModel: expected one of refuse, refuse-as-aibrix, pass, got "refused" (did you mean refuse?)',
        "63 pools[0].listModels: expected one of answer, pass, got 1",
      ],
    ],
  ])("a pool with %s", (_title, pools, faults) => {
    expect(faultsOf(`pools: [${pools}]`)).toEqual(faults.map((fault) => `p.yaml:1:${fault}`));
  });

  test.each<[string, string]>([
    ["interval: 50", `21 pools[0].scrape.interval: expected ${duration("50ms")}, got 50 (did you mean 50ms?)`],
    ["interval: 1.5", `21 pools[0].scrape.interval: expected ${duration("50ms")}, got 1.5 (did you mean 1.5s?)`],
    ["interval: 10ms", `21 pools[0].scrape.interval: expected ${duration("50ms")}, got "10ms"`],
    ["timeout: [1s]", `20 pools[0].scrape.timeout: expected ${duration("10ms")}, got a list`],
    ["scheme: htps", '19 pools[0].scrape.scheme: expected one of http, https, got "htps" (did you mean https?)'],
    ["port: 70000", "17 pools[0].scrape.port: expected an integer 0..65535, got 70000"],
    ["port: 0x50", "17 pools[0].scrape.port: expected an integer 0..65535, got 0x50"],
    ["path: metrics", '17 pools[0].scrape.path: expected a path that starts with "/", got "metrics"'],
    ["caFile:", "18 pools[0].scrape.caFile: expected a PEM file, got nothing"],
    ["insecureSkipVerify: yes", '31 pools[0].scrape.insecureSkipVerify: expected true, false or auto, got "yes"'],
    ["modelsPath: v1", '23 pools[0].scrape.modelsPath: expected a path that starts with "/", or "", got "v1"'],
    ["modelsInterval: 1s1", `27 pools[0].scrape.modelsInterval: expected ${duration("500ms")}, got "1s1"`],
    [
      "intervall: 1s",
      `11 pools[0].scrape.intervall: expected one of ${scrapeKeys}, got the key "intervall" (did you mean interval?)`,
    ],
  ])("scraping with %s", (line, fault) => {
    const yaml = `pools:\n  - pods: { file: /x }\n    scrape:\n          ${line}\n`;
    expect(faultsOf(yaml)).toEqual([`p.yaml:4:${fault}`]);
  });

  test("an engine that is none, with the nearest one", () => {
    expect(faultsOf("pools: [{pods: {file: /x}, scrape: {engine: vlm}}]")).toEqual([
      expect.stringMatching(
        /^p\.yaml:1:45 pools\[0\]\.scrape\.engine: expected one of auto, vllm, .* \(did you mean vllm\?\)$/,
      ),
    ]);
  });

  test("scraping that is no mapping", () => {
    expect(faultsOf("pools: [{pods: {file: /x}, scrape: 1s}]")).toEqual([
      `p.yaml:1:36 pools[0].scrape: expected a mapping with ${scrapeKeys}, got "1s"`,
    ]);
  });

  test("the Go picker's configuration, in its own words", () => {
    const yaml = `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorers
schedulingProfiles:
- name: default
  plugins: [{ pluginRef: queue-scorers }]
`;
    expect(faultsOf(yaml)).toEqual([
      'p.yaml:4:9 plugins[0].type: expected a plugin type of the Go picker, got "queue-scorers" (did you mean queue-scorer?)',
    ]);
  });

  test("a file that is not there, is none, is too large or no text", () => {
    mkdirSync(join(folder, "folder"));
    const expected = "--config-file: expected a file that can be read, at";
    expect(faultsAt(join(folder, "none.yaml"))).toEqual([`${expected} none.yaml, got none`]);
    expect(faultsAt(join(folder, "folder"))).toEqual([`${expected} folder, got a directory`]);
    expect(faultsAt(join(folder, "a".repeat(300)))).toEqual([`${expected} ${"a".repeat(300)}, got ENAMETOOLONG`]);
    expect(faultsOf("#".repeat(1_048_577))).toEqual(["p.yaml: expected at most 1048576 bytes, got 1048577"]);
    expect(faultsOf(Uint8Array.of(0x61, 0xff))).toEqual(["p.yaml: expected text in UTF-8, got other bytes"]);
  });

  test("the file of pods that a pool names", () => {
    const pods = join(folder, "pods.yaml");
    writeFileSync(pods, "pods: [10.0.0.1:80000]");
    expect(faultsOf(`pools: [{pods: {file: ${pods}}}]`)).toEqual([
      expect.stringMatching(/^pods\.yaml:1:8 pods\[0\]: /),
    ]);
  });

  test("too many aliases", () => {
    const uses = Array.from({ length: 101 }, (_, i) => `{name: p${i}, pods: *p}`);
    const faults = faultsOf(`pools: [{name: a, pods: &p {file: /x}}, ${uses.join(", ")}]`);
    expect(faults[0]).toMatch(/^p\.yaml:1:\d+: expected at most 100 aliases, got more$/);
  });

  test("the first hundred, not each of a million", () => {
    expect(faultsOf(`pools: [${"1,".repeat(500)}]`)).toHaveLength(100);
  });
});

describe("ConfigFile", () => {
  test("reads the example of the documentation", () => {
    const text = readFileSync(new URL("../../../deploy/README.md", import.meta.url), "utf8");
    const [, example = ""] = /```yaml\n(pools:\n[\s\S]*?)```/.exec(text) ?? [];
    const { pools, faults } = read(example);
    expect(faults).toEqual([]);
    expect(pools?.map(({ name, sources: found }) => [name, ...found.map(({ kind }) => kind)])).toEqual([
      ["small", "static", "file"],
      ["large", "inference-pool"],
      ["elsewhere", "dns", "dns", "selector", "service"],
      ["", "aibrix"],
    ]);
    expect(pools?.map(({ scrape }) => scrape.intervalMs)).toEqual([50, 1000, 1000, 1000]);
  });

  test("gives no pools where the file names none", () => {
    for (const yaml of ["", "# pools:\n", "---\n", "{}", "~"])
      expect(read(yaml)).toEqual({ faults: [], profiles: new Map() });
  });

  test("reads what several pools have in common from one place", () => {
    const { pools, faults } = read(`
pools:
- name: small
  pods: { file: /x }
  scrape: &often { interval: 50ms, path: /m }
- name: large-2
  pods: { file: /y }
  scrape: *often
`);
    expect(faults).toEqual([]);
    expect(pools?.map(({ name, scrape }) => [name, scrape.intervalMs, scrape.path])).toEqual([
      ["small", 50, "/m"],
      ["large-2", 50, "/m"],
    ]);
  });

  test("calls the only pool default, unless it has a name", () => {
    expect(read("pools: [{pods: {file: /x}}]").pools?.[0]?.name).toBe("default");
    expect(read("pools: [{name: a, pods: {file: /x}}]").pools?.[0]?.name).toBe("a");
  });

  test("takes AIBrix's pools beside a named one", () => {
    const { pools, faults } = read("pools: [{pods: {aibrix: models}}, {name: a, pods: {file: /x}}]");
    expect(faults).toEqual([]);
    expect(pools?.map(({ name, settings }) => [name, settings.unknownModel])).toEqual([
      ["", "refuse-as-aibrix"],
      ["a", "refuse"],
    ]);
  });

  test("takes sources in the same order, however they are written", () => {
    const { pools } = read("pools: [{pods: {dns: ['srv:_a._tcp.b'], static: [10.0.0.1:80], file: /x}}]");
    expect(pools?.[0]?.sources.map(({ kind }) => kind)).toEqual(["static", "file", "dns"]);
  });

  test("takes what is quoted as what is not", () => {
    const quotedPool = read(`pools: [{pods: {file: /x}, scrape: {port: "81", insecureSkipVerify: "false"}}]`);
    expect(quotedPool).toEqual(read("pools: [{pods: {file: /x}, scrape: {port: 81, insecureSkipVerify: false}}]"));
    expect(quotedPool.pools?.[0]?.scrape).toMatchObject({ port: 81, insecureSkipVerify: false });
  });
});
