import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readSettings } from "../../../../src/config/load-settings.ts";
import { describeFault } from "../../../../src/errors.ts";

const folder = mkdtempSync(join(tmpdir(), "foreign-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const endpoints = join(folder, "endpoints.yaml");
writeFileSync(endpoints, 'endpoints:\n- {name: pod-1, address: 127.0.0.1, port: "8001"}\n');

const head = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n";

function read(body: string, ...args: string[]) {
  const { settings, faults } = readSettings(
    { args: [`--config-text=${body.startsWith("apiVersion") ? body : head + body}`, ...args], env: {} },
    { check: () => [] },
  );
  return { ...settings, faults: faults.map(describeFault).map((text) => text.replaceAll("--config-text:", "")) };
}

/** What the only profile does: scorers with weights and options, filters and the picker. */
function profileOf(body: string) {
  const { profiles, faults, notes } = read(body, "--pool-name=p");
  const { scorers = [], filters = [], picker } = profiles.get("default") ?? {};
  return {
    faults,
    scorers: scorers.map(({ scorer, weight, options }) => [scorer.name, weight, options]),
    filters: filters.map(({ filter, options }) => [filter.name, options]),
    picker: [picker?.picker.name, picker?.options],
    notes: notes.map(({ about, says }) => `${about}: ${says}`),
  };
}

const whole = `
plugins:
- {name: file-discovery, type: file-discovery, parameters: {path: ${endpoints}, watchFile: true}}
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: max-score-picker
- type: single-profile-handler
- {type: metrics-data-source, parameters: {scheme: http, path: /metrics}}
- type: core-metrics-extractor
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: queue-scorer, weight: 2}
  - {pluginRef: kv-cache-utilization-scorer, weight: 2}
  - {pluginRef: prefix-cache-scorer, weight: 3}
  - {pluginRef: max-score-picker}
dataLayer:
  discovery: {pluginRef: file-discovery}
  sources:
  - pluginRef: metrics-data-source
    extractors: [{pluginRef: core-metrics-extractor}]
`;

describe("an EndpointPickerConfig", () => {
  test("names the pool by --pool-name and finds its pods by the plugin, without Kubernetes", () => {
    const { pools, faults, notes } = read(whole, "--pool-name=bench", "--pool-namespace=bench", "--tracing=false");
    expect(faults).toEqual([]);
    expect(notes).toEqual([]);
    expect(pools.map(({ name, sources, settings }) => ({ name, sources, profile: settings.profile }))).toEqual([
      { name: "bench", sources: [{ kind: "file", path: endpoints }], profile: "default" },
    ]);
    expect(profileOf(whole)).toMatchObject({
      scorers: [
        ["queue-depth", 2, {}],
        ["kv-cache", 2, {}],
        ["prefix-cache", 3, {}],
      ],
      filters: [],
      picker: ["best", { endpoints: 1 }],
    });
  });

  test("that finds the pods itself refuses flags that name others", () => {
    const expected = "no pods by flag or environment beside the discovery of the EndpointPickerConfig";
    expect(read(whole, "--pods=10.0.0.1:1", "--pods-aibrix=all").faults).toEqual([
      `--pods: expected ${expected}, got "10.0.0.1:1"`,
      `--pods-aibrix: expected ${expected}, got "all"`,
    ]);
  });

  test("of the older group leaves the pods to the flags", () => {
    const text =
      "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\nplugins: [{type: queue-scorer}]";
    const { pools, faults } = read(text, "--pool-name=p", "--pool-namespace=n", "--pool-group=g");
    expect(faults).toEqual([]);
    expect(pools[0]?.sources).toEqual([{ kind: "inference-pool", namespace: "n", name: "p", group: "g" }]);
    expect(read(text).faults).toEqual([expect.stringContaining("--pods: expected pods from somewhere")]);
  });

  test("without a profile has one with every scorer, filter and picker, each of the weight 1", () => {
    const body = "plugins: [{type: queue-scorer}, {type: decode-filter}, {type: random-picker}, {type: openai-parser}]";
    expect(profileOf(body)).toMatchObject({
      faults: [],
      scorers: [["queue-depth", 1, {}]],
      filters: [
        [
          "label",
          { requirements: ["llm-d.ai/role in (decode, prefill-decode, both, encode-prefill-decode) or absent"] },
        ],
      ],
      picker: ["random", { endpoints: 1 }],
    });
  });

  test("with a profile that names no picker takes the one there is, else the best", () => {
    const plugins = "{type: queue-scorer}, {type: weighted-random-picker, parameters: {maxNumOfEndpoints: 3}}";
    const profiles = "schedulingProfiles: [{name: any, plugins: [{pluginRef: queue-scorer}]}]";
    expect(profileOf(`plugins: [${plugins}]\n${profiles}`).picker).toEqual(["weighted-random", { endpoints: 3 }]);
    expect(profileOf(`plugins: [{type: queue-scorer}]\n${profiles}`).picker).toEqual(["best", {}]);
  });

  test("counts a scorer that is there twice with both weights", () => {
    const body = `plugins: [{type: queue-scorer}, {name: again, type: queue-scorer}]
schedulingProfiles: [{name: any, plugins: [{pluginRef: queue-scorer, weight: 1.5}, {pluginRef: again, weight: 2}]}]`;
    expect(profileOf(body).scorers).toEqual([["queue-depth", 3.5, {}]]);
  });

  test("says how pods are asked", () => {
    const source =
      "{type: metrics-data-source, parameters: {scheme: https, path: /m, caCertPath: /ca.pem, interval: 2s}}";
    const extractor =
      "{type: model-server-protocol-metrics, parameters: {engineConfigs: [{name: mine, queuedRequestsSpec: 'q{a=b}'}]}}";
    const { pools, faults } = read(`plugins: [${source}, ${extractor}]`, "--pods=10.0.0.1:1");
    expect(faults).toEqual([]);
    expect(pools[0]?.scrape).toMatchObject({
      scheme: "https",
      path: "/m",
      caFile: "/ca.pem",
      insecureSkipVerify: false,
      intervalMs: 2000,
      stalenessMs: 6000,
      engine: { name: "mine", numbers: { waiting: { metrics: ["q{a=b}"], merge: "sum" } } },
    });
  });

  test.each([
    ["load-aware-scorer", "{threshold: 9}", ["load-aware", 1, { threshold: 9 }]],
    [
      "active-request-scorer",
      "{idleThreshold: 2, maxBusyScore: 0.4}",
      ["in-flight", 1, { idleThreshold: 2, maxBusyScore: 0.4 }],
    ],
    ["token-load-scorer", "{queueThresholdTokens: 5}", ["token-load", 1, { thresholdTokens: 5 }]],
    [
      "header-label-affinity-scorer",
      "{headerName: X-Zone, labelKey: zone}",
      ["header-label", 1, { header: "X-Zone", label: "zone" }],
    ],
    ["context-length-aware", "{label: l}", ["context-length", 1, { label: "l" }]],
    [
      "session-affinity-scorer",
      "",
      ["session-affinity", 1, { tokenHeader: "x-session-token", headers: [], body: false, handOut: true }],
    ],
    [
      "session-affinity-scorer",
      "{strategy: session_id, sessionIdConfig: {sources: [{header: a}, {header: b}]}}",
      ["session-affinity", 1, { tokenHeader: "", body: false, headers: ["a", "b"] }],
    ],
  ])("turns %s %s into a scorer of ours", (type, parameters, expected) => {
    const { faults, scorers } = profileOf(`plugins: [{type: ${type}, parameters: ${parameters || "null"}}]`);
    expect({ faults, scorers }).toEqual({ faults: [], scorers: [expected] });
  });

  test.each([
    [
      "prefill-filter",
      "null",
      [
        "label",
        { requirements: ["llm-d.ai/role in (prefill, encode-prefill, prefill-decode, both, encode-prefill-decode)"] },
      ],
    ],
    [
      "by-label",
      "{label: a, validValues: [b], allowsNoLabel: true}",
      ["label", { requirements: ["a in (b) or absent"] }],
    ],
    [
      "by-label-selector",
      "{matchLabels: {a: b}, matchExpressions: [{key: c, operator: NotIn, values: [d, e]}, {key: f, operator: DoesNotExist}]}",
      ["label", { requirements: ["a=b", "c notin (d, e)", "!f"] }],
    ],
    [
      "utilization-filter",
      "{conditions: [{metric: waiting-queue, maxValue: 4}, {metric: kv-cache-utilization, maxValue: 0.9}], fallbackOnEmpty: true}",
      ["utilization", { waitingLimit: 4, kvLimit: 0.9, fallbackOnEmpty: true }],
    ],
    [
      "utilization-detector",
      "{queueDepthThreshold: 10, headroom: 0.1}",
      ["saturation", { waitingLimit: 11, kvLimit: 0.8800000000000001 }],
    ],
  ])("turns %s %s into a filter of ours", (type, parameters, expected) => {
    const { faults, filters } = profileOf(`plugins: [{type: ${type}, parameters: ${parameters}}]`);
    expect({ faults, filters }).toEqual({ faults: [], filters: [expected] });
  });

  test.each([
    ["{}", { inFlightLimit: 99, fallbackOnEmpty: true }],
    [
      "{concurrencyMode: tokens, maxTokenConcurrency: 1000, headroom: 0.5}",
      { tokensLimit: 1499, fallbackOnEmpty: true },
    ],
    ["{concurrencyMode: hybrid, maxConcurrency: 2}", { inFlightLimit: 1, tokensLimit: 999_999, fallbackOnEmpty: true }],
  ])("turns concurrency-detector %s into a filter of ours", (parameters, expected) => {
    const { faults, filters } = profileOf(`plugins: [{type: concurrency-detector, parameters: ${parameters}}]`);
    expect({ faults, filters }).toEqual({ faults: [], filters: [["utilization", expected]] });
  });

  test("lets filters that are scorers here weigh more than all that come after them", () => {
    const body = `plugins:
- {type: queue-scorer}
- {type: session-affinity-filter}
- {type: prefix-cache-affinity-filter, parameters: {affinityThreshold: 0.5, maxTTFTPenaltyMs: 0}}
schedulingProfiles:
- name: any
  plugins:
  - {pluginRef: session-affinity-filter}
  - {pluginRef: prefix-cache-affinity-filter}
  - {pluginRef: queue-scorer, weight: 10}`;
    const { faults, scorers } = profileOf(body);
    expect(faults).toEqual([]);
    expect(scorers).toEqual([
      ["queue-depth", 10, {}],
      ["prefix-affinity", 21, { threshold: 0.5, penaltyMs: 0 }],
      ["session-affinity", 63, { tokenHeader: "x-session-token", headers: [], body: false, handOut: true }],
    ]);
    const other = profileOf("plugins: [{type: session-affinity-filter}, {type: random-picker}]");
    expect(other.faults).toEqual(['3:11 plugins[0]: expected max-score-picker beside this filter, got "random"']);
  });

  test("reads pages as the engines that are described, or as those that are known", () => {
    const two = "engineConfigs: [{name: mine, queuedRequestsSpec: q}, {name: vllm, kvUsageSpec: kv}]";
    const { pools, faults, notes } = read(
      `plugins: [{type: core-metrics-extractor, parameters: {engineLabelKey: engine, ${two}}}]`,
      "--pods=10.0.0.1:1",
    );
    expect(faults).toEqual([]);
    expect(notes.map(({ says }) => says)).toEqual(["engineLabelKey: the engine of each pod is told by its page"]);
    const { engine } = pools[0]?.scrape ?? {};
    const names = Array.isArray(engine) ? engine.map(({ name }: { name: string }) => name) : [];
    expect(names).toEqual(["mine", "vllm", "sglang", "trtllm-serve", "triton-tensorrt-llm", "tgi", "triton"]);
  });

  test("finds the session where a producer says that it is", () => {
    const body = `plugins:
- {type: session-affinity-scorer, parameters: {strategy: session_id, sessionIdConfig: {sources: [{attribute: any}], evictionTtlSeconds: 5}}}
- {type: session-id-producer, parameters: {cookieName: sid}}`;
    const { faults, scorers, notes } = profileOf(body);
    expect(faults).toEqual([]);
    expect(scorers).toEqual([["session-affinity", 1, { tokenHeader: "", body: false, headers: [], cookie: "sid" }]]);
    expect(notes).toEqual([
      "plugin session-affinity-scorer: evictionTtlSeconds: sessions are placed by a hash: nothing is kept that could be evicted",
    ]);
  });

  test("says what has no effect here", () => {
    const body = `featureGates: [flowControl=false, haPopulateNonLeaderDatastore]
plugins: [{type: queue-scorer}, {type: fcfs-ordering-policy}]
saturationDetector: {queueDepthThreshold: 3}
flowControl: {defaultRequestTTL: 5s, defaultPriorityBand: {orderingPolicyRef: fcfs-ordering-policy}}
requestHandler: {parsers: [{pluginRef: openai-parser}]}`;
    const { faults, notes } = profileOf(body);
    expect(faults).toEqual([]);
    expect(notes).toEqual([
      "featureGates haPopulateNonLeaderDatastore: there is no leader: every replica knows the pods and serves",
      "plugin fcfs-ordering-policy: flow control is off, here as there without its feature gate",
      "flowControl: requests are not queued here, nor there without the gate flowControl",
      "saturationDetector: load is a matter of scorers, and of the filter saturation",
    ]);
  });
});

describe("an EndpointPickerConfig with a fault", () => {
  test.each<[string, string, string[]]>([
    [
      "another version",
      "apiVersion: llm-d.ai/v1alpha2\nkind: EndpointPickerConfig",
      [
        '1:13 apiVersion: expected one of llm-d.ai/v1alpha1, inference.networking.x-k8s.io/v1alpha1, got "llm-d.ai/v1alpha2" (did you mean llm-d.ai/v1alpha1?)',
      ],
    ],
    [
      "an unknown key",
      "plugin: []",
      [
        expect.stringMatching(
          /^3:1 plugin: expected one of apiVersion, .* got the key "plugin" \(did you mean plugins\?\)$/,
        ) as unknown as string,
      ],
    ],
    [
      "an unknown type",
      "plugins: [{type: queue-score}]",
      ['3:18 plugins[0].type: expected a plugin type of the Go picker, got "queue-score" (did you mean queue-scorer?)'],
    ],
    [
      "a type that is not done",
      "plugins: [{type: latency-scorer, parameters: {whatever: 1}}]",
      [
        '3:18 plugins[0].type: expected a scorer that is done here; the nearest is latency, got "latency-scorer" (no latencies are predicted; ours goes by those seen)',
      ],
    ],
    [
      "an unknown parameter",
      "plugins:\n- type: load-aware-scorer\n  parameters:\n    treshold: 5",
      [
        '6:5 plugins[0].parameters.treshold: expected one of threshold, got the key "treshold" (did you mean threshold?)',
      ],
    ],
    [
      "a wrong parameter",
      "plugins: [{type: load-aware-scorer, parameters: {threshold: many}}]",
      ['3:61 plugins[0].parameters.threshold: expected an integer >= 1, got "many"'],
    ],
    [
      "a name that is there twice",
      "plugins: [{type: queue-scorer}, {type: queue-scorer}]",
      ['3:33 plugins[1]: expected each name of a plugin once, got "queue-scorer" again'],
    ],
    [
      "a reference to nothing",
      "plugins: [{type: queue-scorer}]\nschedulingProfiles: [{name: a, plugins: [{pluginRef: queue-scorers}]}]",
      [
        '4:54 schedulingProfiles[0].plugins[0].pluginRef: expected the name of an entry of plugins, got "queue-scorers" (did you mean queue-scorer?)',
      ],
    ],
    [
      "a reference to what schedules nothing",
      "plugins: [{type: openai-parser}]\nschedulingProfiles: [{name: a, plugins: [{pluginRef: openai-parser}]}]",
      ['4:42 schedulingProfiles[0].plugins[0]: expected a filter, scorer or picker, got "openai-parser"'],
    ],
    [
      "two profiles",
      "schedulingProfiles: [{name: a}, {name: b}]",
      [
        "3:33 schedulingProfiles[1]: expected one profile, since each request is served by one pod here, got another one",
      ],
    ],
    [
      "the gate of flow control",
      "featureGates: [flowControl]",
      [
        '3:16 featureGates[0]: expected flowControl=false, or the gate left out: requests are not queued here, got "flowControl"',
      ],
    ],
    [
      "an unknown gate",
      "featureGates: [flowcontrol=true]",
      [
        '3:16 featureGates[0]: expected one of flowControl, haPopulateNonLeaderDatastore, dataLayer, enableLegacyMetrics, prepareDataPlugins, got "flowcontrol=true" (did you mean flowControl?)',
      ],
    ],
    [
      "an unknown field of flow control",
      "flowControl: {maxByte: 5}",
      [
        expect.stringMatching(
          /^3:15 flowControl.maxByte: expected one of maxBytes, .* \(did you mean maxBytes\?\)$/,
        ) as unknown as string,
      ],
    ],
    [
      "peers",
      "dataLayer: {peerDiscovery: {pluginRef: a}}",
      ['3:28 dataLayer.peerDiscovery: expected nothing: replicas share no state here, got the key "peerDiscovery"'],
    ],
    [
      "a discovery that finds nothing",
      "plugins: [{type: queue-scorer}]\ndataLayer: {discovery: {pluginRef: queue-scorer}}",
      [
        '4:24 dataLayer.discovery: expected the name of a plugin that finds pods, such as file-discovery, got "queue-scorer"',
      ],
    ],
    [
      "a client certificate",
      "plugins: [{type: metrics-data-source, parameters: {clientCertPath: /c}}]",
      [
        "3:11 plugins[0]: expected no client certificate: pods are asked without one here, got clientCertPath or clientKeyPath",
      ],
    ],
  ])("%s", (_what, body, expected) => {
    expect(read(body, "--pool-name=p").faults).toEqual(expected);
  });
});
