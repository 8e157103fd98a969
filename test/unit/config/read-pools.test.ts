import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load-config.ts";
import { serveOptions } from "../../../src/config/options.ts";
import { readPools } from "../../../src/config/read-pools.ts";
import { describeFault } from "../../../src/errors.ts";
import { scrapeOptions } from "../../../src/scrape/scrape-options.ts";

const read = (...args: string[]) => readPools(loadConfig(serveOptions, args, {}));
const faultsOf = (...args: string[]) => read(...args).faults.map(describeFault);
const settings = { unknownModel: "refuse", listModels: "answer", profile: "default" };
/** What the options say where nobody says anything else. */
const scrape = scrapeOptions({ insecureSkipVerify: true });

describe("readPools", () => {
  test("makes one pool of all sources that name none", () => {
    const { pools, faults } = read("--pods=a=10.0.0.1:8000", "--pods-dns=vllm.ns.svc:8000,srv:_http._tcp.vllm");
    expect(faults).toEqual([]);
    expect(pools).toEqual([
      {
        name: "default",
        settings,
        scrape,
        sources: [
          { kind: "static", entries: [{ name: "a", host: "10.0.0.1", port: 8000 }] },
          { kind: "dns", name: { kind: "host", name: "vllm.ns.svc", port: 8000, types: ["A", "AAAA"] } },
          { kind: "dns", name: { kind: "service", name: "_http._tcp.vllm" } },
        ],
      },
    ]);
  });

  test("makes a pool of each InferencePool, by both names where one is not enough", () => {
    const { pools } = read("--inference-pool=one/a,two/a,two/b", "--pool-group=inference.networking.x-k8s.io");
    expect(pools.map(({ name }) => name)).toEqual(["one/a", "two/a", "b"]);
    expect(pools[2]?.sources).toEqual([
      { kind: "inference-pool", namespace: "two", name: "b", group: "inference.networking.x-k8s.io" },
    ]);
  });

  test("takes the Go picker's flags for one pool", () => {
    expect(read("--pool-name=p", "--pool-namespace=n").pools).toEqual([
      { name: "p", settings, scrape, sources: [{ kind: "inference-pool", namespace: "n", name: "p", group: "auto" }] },
    ]);
    const { pools } = read("--endpoint-selector=app=vllm", "--endpoint-target-ports=8000,8001", "--pool-namespace=n");
    expect(pools[0]?.sources).toEqual([
      { kind: "selector", namespace: "n", selector: "app=vllm", ports: [8000, 8001] },
    ]);
  });

  test.each([
    ["n/svc:http", { kind: "service", namespace: "n", name: "svc", port: "http" }],
    ["n/svc", { kind: "service", namespace: "n", name: "svc", port: "" }],
    ["svc:8000", { kind: "service", namespace: "", name: "svc", port: "8000" }],
  ])("reads the Service %s", (text, source) => {
    expect(read(`--pods-service=${text}`).pools[0]?.sources).toEqual([source]);
  });

  test.each([
    ["all", "refuse", "", "refuse-as-aibrix"],
    ["models", "refuse", "models", "refuse-as-aibrix"],
    ["all", "pass", "", "pass"],
  ])("leaves the pools' names to AIBrix's labels (%s, %s)", (place, unknown, namespace, unknownModel) => {
    expect(read(`--pods-aibrix=${place}`, `--unknown-model=${unknown}`).pools).toEqual([
      { name: "", settings: { ...settings, unknownModel }, scrape, sources: [{ kind: "aibrix", namespace }] },
    ]);
  });

  test("reads a file of pods once before the start, to tell its faults", () => {
    const path = join(mkdtempSync(join(tmpdir(), "pool-config-")), "pods.yaml");
    writeFileSync(path, "pods: [10.0.0.1:8000]\n");
    expect(read(`--pods-file=${path}`)).toMatchObject({ faults: [], pools: [{ sources: [{ kind: "file", path }] }] });
    writeFileSync(path, "pods: [10.0.0.1:80000]\n");
    expect(faultsOf(`--pods-file=${path}`)).toHaveLength(1);
  });

  test("asks for pods from somewhere", () => {
    expect(faultsOf()).toEqual([
      "--pods: expected pods from somewhere: --pods, --pods-file, --pods-dns, --inference-pool, --endpoint-selector, --pods-service, --pods-aibrix or --config-file, got none of them",
    ]);
  });

  test.each([
    [["--pods=a"], /^--pods\[0\]: /],
    [["--pods-dns=a"], /^--pods-dns\[0\]: /],
    [["--inference-pool=a/b/c"], /^--inference-pool: expected namespace\/name, .*, got "a\/b\/c"$/],
    [["--inference-pool=A_/b"], /^--inference-pool: /],
    [["--pods-service=n/s:80:1"], /^--pods-service: expected namespace\/name or .*, got "n\/s:80:1"$/],
    [["--pods-service=n/s:0"], /^--pods-service: .*, got "n\/s:0"$/],
    [["--pods-service=n/s:"], /^--pods-service: .*, got "n\/s:"$/],
    [["--pods-aibrix=All"], /^--pods-aibrix: expected a namespace, or all, got "All"$/],
    [["--pool-name=a_b"], /^--pool-name: .*, got "a_b"$/],
    [["--endpoint-selector=a=b"], /^--endpoint-target-ports: expected --endpoint-selector and/],
    [["--endpoint-target-ports=8000"], /^--endpoint-selector: /],
    [
      ["--endpoint-selector=a=b", "--endpoint-target-ports=1,2,3,4,5,6,7,8,9"],
      /^--endpoint-target-ports: expected 1 to 8 ports/,
    ],
    [["--endpoint-selector=a=b", "--endpoint-target-ports=0"], /^--endpoint-target-ports: expected 1 to 8 ports/],
    [
      ["--endpoint-selector=app in vllm", "--endpoint-target-ports=1"],
      /^--endpoint-selector: expected a label selector/,
    ],
  ])("tells what is wrong with %j", (args, expected) => {
    expect(faultsOf(...args)).toEqual([expect.stringMatching(expected)]);
  });

  test("takes what is said of scraping for every pool", () => {
    const { pools } = read(
      "--inference-pool=n/a,n/b",
      "--refresh-metrics-interval=50ms",
      "--scrape-timeout=2s",
      "--model-server-metrics-scheme=https",
      "--model-server-metrics-port=9400",
      "--model-server-metrics-path=/m",
      "--model-server-token-file=/t",
      "--engine=sglang",
      "--models-path=",
      "--models-interval=1m",
    );
    const given = {
      intervalMs: 50,
      timeoutMs: 2000,
      scheme: "https",
      port: 9400,
      path: "/m",
      tokenFile: "/t",
      engine: "sglang",
      modelsPath: "",
      modelsIntervalMs: 60_000,
      insecureSkipVerify: true,
    } as const;
    expect(pools.map((pool) => pool.scrape)).toEqual([scrapeOptions(given), scrapeOptions(given)]);
  });

  test.each([
    [[], true],
    [["--model-server-ca-file=/ca.pem"], false],
    [["--model-server-ca-file=/ca.pem", "--model-server-metrics-https-insecure-skip-verify"], true],
    [["--model-server-metrics-https-insecure-skip-verify=false"], false],
  ])("believes any certificate where that is asked for, or no CA given: %j", (args, insecureSkipVerify) => {
    expect(read("--pods=10.0.0.1:8000", ...args).pools[0]?.scrape).toMatchObject({ insecureSkipVerify });
  });
});

describe("readPools with a config file", () => {
  const write = (yaml: string) => {
    const path = join(mkdtempSync(join(tmpdir(), "read-pools-")), "pools.yaml");
    writeFileSync(path, yaml);
    return path;
  };
  const onePool = "pools: [{pods: {static: [10.0.0.1:8000]}}]";

  test.each<[string, string, string[]]>([
    [
      "lists",
      "pools: [{pods: {static: [10.0.0.1:8000, {name: b, address: '[::1]:80'}], dns: ['a:x.y:80', srv:_http._tcp.v]}}]",
      ["--pods=10.0.0.1:8000,b=[::1]:80", "--pods-dns=a:x.y:80,srv:_http._tcp.v"],
    ],
    ["a file of pods", "pools: [{pods: {file: /nowhere/pods.yaml}}]", ["--pods-file=/nowhere/pods.yaml"]],
    [
      "a selector",
      "pools: [{pods: {selector: {labels: a=b, ports: [80, 81]}}}]",
      ["--endpoint-selector=a=b", "--endpoint-target-ports=80,81"],
    ],
    [
      "a selector elsewhere",
      "pools: [{pods: {selector: {namespace: n, labels: a, ports: [80]}}}]",
      ["--endpoint-selector=a", "--endpoint-target-ports=80", "--pool-namespace=n"],
    ],
    ["a Service in a text", "pools: [{pods: {service: n/s:http}}]", ["--pods-service=n/s:http"]],
    [
      "a Service in a mapping",
      "pools: [{pods: {service: {name: s, namespace: n, port: 80}}}]",
      ["--pods-service=n/s:80"],
    ],
    ["a Service without a port", "pools: [{pods: {service: {name: s}}}]", ["--pods-service=s"]],
    [
      "two InferencePools",
      "pools: [{name: a, pods: {inferencePool: n/a}}, {name: b, pods: {inferencePool: {name: b}}}]",
      ["--inference-pool=n/a,b"],
    ],
    [
      "an older InferencePool",
      "pools: [{name: a, pods: {inferencePool: {name: a, namespace: n, group: g}}}]",
      ["--pool-name=a", "--pool-namespace=n", "--pool-group=g"],
    ],
    ["AIBrix", "pools: [{pods: {aibrix: all}}]", ["--pods-aibrix=all"]],
    [
      "AIBrix in a namespace",
      "pools: [{pods: {aibrix: n}, unknownModel: pass}]",
      ["--pods-aibrix=n", "--unknown-model=pass"],
    ],
    [
      "scraping",
      `pools:
      - pods: { static: [10.0.0.1:80] }
        scrape:
          { interval: 50ms, timeout: 1m30s, scheme: https, port: 81, path: /m, engine: vllm, caFile: /ca, tokenFile: /t,
            insecureSkipVerify: false, modelsPath: "", modelsInterval: 1s }
        unknownModel: refuse-as-aibrix
        listModels: pass`,
      [
        ...["--pods=10.0.0.1:80", "--refresh-metrics-interval=50ms", "--scrape-timeout=1m30s"],
        ...["--model-server-metrics-scheme=https", "--model-server-metrics-port=81", "--model-server-metrics-path=/m"],
        ...["--engine=vllm", "--model-server-ca-file=/ca", "--model-server-token-file=/t", "--models-path="],
        ...["--model-server-metrics-https-insecure-skip-verify=false", "--models-interval=1s"],
        ...["--unknown-model=refuse-as-aibrix", "--list-models=pass"],
      ],
    ],
  ])("makes the same of %s as of flags", (_title, yaml, flags) => {
    const fromFile = read(`--config-file=${write(yaml)}`);
    expect(fromFile.faults).toEqual([]);
    expect(fromFile).toEqual(read(...flags));
  });

  test("takes from the options what a pool does not say", () => {
    const yaml = `
pools:
- name: quick
  pods: { inferencePool: a }
  scrape: { interval: 50ms, insecureSkipVerify: true }
- name: usual
  pods: { inferencePool: b }
  unknownModel: refuse
`;
    const flags = ["--pool-namespace=n", "--pool-group=g", "--unknown-model=pass", "--refresh-metrics-interval=3s"];
    const { pools } = read(`--config-file=${write(yaml)}`, ...flags, "--model-server-ca-file=/ca");
    const place = { kind: "inference-pool", namespace: "n", group: "g" };
    expect(pools).toMatchObject([
      {
        ...{ name: "quick", settings: { unknownModel: "pass" }, sources: [{ ...place, name: "a" }] },
        scrape: { intervalMs: 50, stalenessMs: 2000, caFile: "/ca", insecureSkipVerify: true },
      },
      {
        ...{ name: "usual", settings: { unknownModel: "refuse" }, sources: [{ ...place, name: "b" }] },
        scrape: { intervalMs: 3000, stalenessMs: 9000, caFile: "/ca", insecureSkipVerify: false },
      },
    ]);
  });

  test("refuses a model as the pool says, though AIBrix names it", () => {
    const { pools } = read(`--config-file=${write("pools: [{pods: {aibrix: all}, unknownModel: refuse}]")}`);
    expect(pools[0]?.settings.unknownModel).toBe("refuse");
  });

  test.each(["", "# nothing yet\n", "---\n", "{}", "null"])("leaves pods to the flags where the file is %j", (yaml) => {
    expect(read(`--config-file=${write(yaml)}`, "--pods=10.0.0.1:8000")).toEqual(read("--pods=10.0.0.1:8000"));
    const file = write(yaml);
    expect(faultsOf(`--config-file=${file}`)).toEqual([
      `${file}: expected the key pools, or pods named by a flag, got neither`,
    ]);
  });

  test("refuses every flag that names pods beside the pools of the file", () => {
    const path = write(onePool);
    const flags = ["--pods=10.0.0.2:8000", "--pods-dns=a.b:80", "--pool-name=p", "--pool-namespace=n"];
    const expected = `expected no pods by flag or environment beside the pools of ${path}`;
    expect(faultsOf(`--config-file=${path}`, ...flags)).toEqual([
      `--pods: ${expected}, got "10.0.0.2:8000"`,
      `--pods-dns: ${expected}, got "a.b:80"`,
      `--pool-name: ${expected}, got "p"`,
    ]);
  });

  test("lists the faults of file and flags together", () => {
    const path = write("pools: [{pods: {static: [a]}}]");
    const expected = [
      /pools\.yaml:1:26 pools\[0\]\.pods\.static\[0\]: /,
      /^--pods-service: /,
      /^--pods-service: .*beside/,
    ];
    const matching = expected.map((pattern) => expect.stringMatching(pattern));
    expect(faultsOf(`--config-file=${path}`, "--pods-service=/")).toEqual(matching);
  });
});
