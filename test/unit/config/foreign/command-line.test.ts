import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readSettings } from "../../../../src/config/load-settings.ts";
import { describeFault } from "../../../../src/errors.ts";

function read(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { settings, faults } = readSettings({ args, env }, { check: () => [] });
  const notes = settings.notes.map(({ about, says }) => `${about}: ${says}`);
  return { ...settings, notes, faults: faults.map(describeFault) };
}

/** The whole list, each flag with a value; those of files are left out. */
function flagsOf(name: string): string[] {
  const text = readFileSync(new URL(`../../../fixtures/foreign/${name}.txt`, import.meta.url), "utf8");
  const lines = text.trim().split("\n");
  return lines.flatMap((line) => {
    const [flag = "", value] = line.split(" ");
    return value === undefined ? [] : [`${flag}=${value}`];
  });
}

const pods = "--pods=10.0.0.1:8000";
const engineOf = ({ pools }: ReturnType<typeof read>) => pools[0]?.scrape.engine;

describe("the flags of other pickers", () => {
  test("of the present Go picker start with its own defaults, and each without effect says so", () => {
    const { faults, notes } = read([...flagsOf("flags-present"), pods]);
    expect(faults).toEqual([]);
    expect(notes).toEqual([
      expect.stringContaining("--enable-grpc-stream-metrics: has no effect here"),
      expect.stringContaining("--health-checking: has no effect here"),
      expect.stringContaining("--refresh-prometheus-metrics-interval: has no effect here"),
      expect.stringContaining("--metrics-staleness-threshold: has no effect here"),
      expect.stringContaining("--metrics-endpoint-auth: has no effect here"),
      expect.stringContaining("--enable-pprof: has no effect here"),
      expect.stringContaining("--zap-devel: has no effect here"),
      "--zap-log-level: deprecated: say -v instead",
      expect.stringContaining("--zap-stacktrace-level: has no effect here"),
      expect.stringContaining("--zap-time-encoding: has no effect here"),
    ]);
  });

  test("of the picker 1.0 start and each metric name has one line that says what is its place now", () => {
    const { faults, notes, pools } = read(flagsOf("flags-1.0"));
    expect(faults).toEqual([]);
    expect(notes.filter((line) => line.includes("deprecated"))).toEqual([
      "--total-queued-requests-metric: deprecated: say queuedRequestsSpec in engineConfigs of the plugin core-metrics-extractor instead",
      "--total-running-requests-metric: deprecated: say runningRequestsSpec in engineConfigs of the plugin core-metrics-extractor instead",
      "--kv-cache-usage-percentage-metric: deprecated: say kvUsageSpec in engineConfigs of the plugin core-metrics-extractor instead",
      "--lora-info-metric: deprecated: say loraSpec in engineConfigs of the plugin core-metrics-extractor instead",
      "--cache-info-metric: deprecated: say cacheInfoSpec in engineConfigs of the plugin core-metrics-extractor instead",
    ]);
    // Names that vLLM has anyway leave the engine to the page.
    expect(pools[0]).toMatchObject({ name: "p", scrape: { engine: "auto", intervalMs: 50 } });
  });

  test("name metrics that are asked for first, before those that are known", () => {
    const engine = engineOf(
      read([pods, "--total-queued-requests-metric=my_queue{kind=waiting}", "--cache-info-metric=info"]),
    );
    expect(engine).toMatchObject({
      name: "vllm",
      rankLabel: "engine",
      numbers: {
        waiting: { metrics: ["my_queue{kind=waiting}", "vllm:num_requests_waiting"], merge: "sum" },
        kvUsage: { metrics: ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"] },
        blockTokens: { metrics: ["info[block_size]", "vllm:cache_config_info[block_size]"] },
        blocks: { metrics: ["info[num_gpu_blocks]", "vllm:cache_config_info[num_gpu_blocks]"] },
      },
    });
    expect(engineOf(read([pods, "--engine=sglang", "--total-queued-requests-metric=q"]))).toMatchObject({
      name: "sglang",
      numbers: { waiting: { metrics: ["q", "sglang:num_queue_reqs{priority=}"] } },
    });
  });

  test("name no metrics of an engine that the configuration describes", () => {
    const extractor =
      "{type: core-metrics-extractor, parameters: {engineConfigs: [{name: vllm, queuedRequestsSpec: mine}]}}";
    const text = `apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins: [${extractor}]`;
    const engine = engineOf(read([pods, "--total-queued-requests-metric=other", `--config-text=${text}`]));
    expect(engine).toMatchObject({ numbers: { waiting: { metrics: ["mine", "vllm:num_requests_waiting"] } } });
  });

  test("of KServe start, and say how its configuration says the same", () => {
    const text =
      "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\nplugins: [{type: queue-scorer}]";
    const args = [
      ...["--pool-group", "inference.networking.x-k8s.io", "--pool-name", "p", "--pool-namespace", "n"],
      ...["--zap-encoder", "json", "--grpc-port", "9002", "--grpc-health-port", "9003", "--secure-serving"],
      ...["--model-server-metrics-scheme", "https", "--model-server-metrics-https-insecure-skip-verify"],
      ...["--config-text", text],
    ];
    const { faults, notes, pools } = read(args);
    expect(faults).toEqual([]);
    expect(pools[0]?.scrape).toMatchObject({ scheme: "https", insecureSkipVerify: true });
    expect(notes).toEqual([
      "--model-server-metrics-scheme: deprecated beside an EndpointPickerConfig: say scheme in its plugin metrics-data-source instead",
      "--model-server-metrics-https-insecure-skip-verify: deprecated beside an EndpointPickerConfig: say insecureSkipVerify in its plugin metrics-data-source instead",
    ]);
  });

  test("say nothing where what they ask for is what happens", () => {
    const { notes } = read([
      pods,
      "--tracing=false",
      "--metrics-endpoint-auth=false",
      "--ha-enable-leader-election=false",
    ]);
    expect(notes).toEqual([]);
    expect(read([pods, "--ha-enable-leader-election"]).notes).toEqual([
      "--ha-enable-leader-election: has no effect here: there is no leader, every replica serves",
    ]);
  });

  test("may be switched in all of Go's spellings, and by a word of their own", () => {
    const { faults, notes, config } = read([
      ...[pods, "--metrics-endpoint-auth=F", "--tracing", "false", "--enable-pprof", "true", "--secure-serving=f"],
    ]);
    expect(faults).toEqual([]);
    expect(notes).toEqual([expect.stringContaining("--enable-pprof: has no effect here")]);
    expect(config.secureServing).toBe(false);
  });

  test("tell beside an EndpointPickerConfig how the metrics' port is found without theirs", () => {
    const text = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins: [{type: queue-scorer}]";
    const { notes } = read([pods, "--model-server-metrics-port=9400", `--config-text=${text}`]);
    expect(notes).toEqual([expect.stringMatching(/^--model-server-metrics-port: deprecated beside an Endpoint/)]);
  });

  test("and NAMESPACE are less than what is said in our own words", () => {
    expect(read(["--pool-name=p"], { NAMESPACE: "there" }).config.poolNamespace).toBe("there");
    expect(read(["--pool-name=p", "--pool-namespace=here"], { NAMESPACE: "there" }).config.poolNamespace).toBe("here");
    const own = { NAMESPACE: "there", POINTSMAN_POOL_NAMESPACE: "own" };
    expect(read(["--pool-name=p"], own).config.poolNamespace).toBe("own");
    expect(read([pods, "--zap-log-level", "debug"]).config.verbosity).toBe(4);
    expect(read([pods, "--zap-log-level=9"]).config.verbosity).toBe(5);
    expect(read([pods, "--zap-log-level=debug", "-v=1"]).config.verbosity).toBe(1);
  });

  test.each([
    [
      "--total-queued-requests-metric={}",
      '--total-queued-requests-metric: expected a metric such as name{label=value}, got "{}"',
    ],
    [
      "--metrics-staleness-threshold=soon",
      expect.stringContaining("--metrics-staleness-threshold: expected a duration"),
    ],
    ["--tracingg", "--tracingg: expected a flag that --help lists, got an unknown one (did you mean --tracing?)"],
    [
      "--config-text=kind: EndpointPickerConfig",
      expect.stringContaining("--config-text:1:1 apiVersion: expected one of"),
    ],
  ])("are refused as %s", (flag, fault) => {
    expect(read([pods, flag]).faults).toEqual([fault]);
  });

  test("may ask for a level of the log that is beyond ours", () => {
    expect(read([pods, "-v=10"]).config.verbosity).toBe(5);
    expect(read([pods, "-v=-1"]).faults).toEqual(['-v: expected an integer 0..5, got "-1"']);
  });

  test("take a text that begins as a YAML document does", () => {
    const { faults, profiles } = read([
      pods,
      "--config-text",
      "---\napiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n",
    ]);
    expect(faults).toEqual([]);
    expect(profiles.get("default")?.scorers).toEqual([]);
  });

  test("do not take a file and a text", () => {
    const { faults } = read([pods, "--config-text={}", "--config-file=/nowhere/at-all.yaml"]);
    expect(faults[0]).toBe("--config-text: expected either --config-file or --config-text, got both");
  });
});
