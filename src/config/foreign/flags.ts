/**
 * The flags of the pickers people run today: of the present Go picker, of the Gateway API Inference Extension's pickers
 * 1.0 to 1.5 and of KServe's argument list. Those that are options of ours as well stand here for the table alone.
 */

import { parseMetricSpec } from "../../scrape/metric-spec.ts";
import { dashed } from "../load-config.ts";
import { durationMs, flag, integer, type OptionKind, text } from "../option-kinds.ts";
import type { EngineNames } from "./custom-engine.ts";
import type { Fate } from "./plugin.ts";

export interface ForeignFlag {
  /** Without dashes. */
  readonly flag: string;
  readonly goDefault: string;
  readonly fate: Exclude<Fate, "refused">;
  /** What does it here. */
  readonly ours: string;
  readonly remark?: string;
  /** Of those that are no options of ours. */
  readonly kind?: OptionKind<unknown>;
  /** The line at the start, by what is given; undefined where what happens is what is asked for. */
  readonly note?: (value: unknown) => string | undefined;
  /** Of those that name a metric. */
  readonly names?: keyof EngineNames;
}

const always = (says: string) => () => says;
const unless = (expected: unknown, says: string) => (value: unknown) => (value === expected ? undefined : says);

/** A flag that is an option of ours, by the same name. */
const own = (flagName: string, goDefault: string, remark?: string): ForeignFlag => {
  return { flag: flagName, goDefault, fate: "same", ours: dashed(flagName), ...(remark !== undefined && { remark }) };
};

/** One that the present Go picker has as a parameter of the plugin that asks the pods. */
const moved = (flagName: string, goDefault: string, parameter: string, remark: string): ForeignFlag => ({
  ...own(flagName, goDefault, remark),
  note: () => `deprecated beside an EndpointPickerConfig: say ${parameter} in its plugin metrics-data-source instead`,
});

/** A flag that is accepted and does nothing. */
const idle = (
  flagName: string,
  goDefault: string,
  kind: OptionKind<unknown>,
  ours: string,
  note: ForeignFlag["note"] = always(`has no effect here: ${ours}`),
): ForeignFlag => ({ flag: flagName, goDefault, fate: "idle", ours, kind, note });

const metric: OptionKind<string> = {
  ...text("a metric"),
  expects: "a metric such as name{label=value}",
  parse: (value) => (value === "" || parseMetricSpec(value) !== undefined ? value : undefined),
};

/** A flag that names a metric; `spec` says the same in a core-metrics-extractor. */
const named = (flagName: string, goDefault: string, spec: keyof EngineNames): ForeignFlag => ({
  flag: flagName,
  goDefault,
  fate: "same",
  ours: `${spec} of an engine`,
  remark: "asked for first, and the names that are known beside it; gone in the present Go picker",
  kind: metric,
  names: spec,
  note: (value) => {
    return value === ""
      ? undefined
      : `deprecated: say ${spec} in engineConfigs of the plugin core-metrics-extractor instead`;
  },
});

const ports = [
  own("grpc-port", "9002"),
  own("grpc-health-port", "9003"),
  own("metrics-port", "9090"),
  own("secure-serving", "true", "plaintext is accepted beside TLS unless --tls-only"),
  own("cert-path", ""),
  idle(
    "enable-cert-reload",
    "false",
    flag,
    "the certificate is read at the start, so a new one needs a restart",
    unless(false, "has no effect here: the certificate is read at the start, so a new one needs a restart"),
  ),
  own("tls-min-version", "", "VersionTLS10 and VersionTLS11 mean TLS 1.2 too"),
  idle("tls-cipher-suites", "", text("a list"), "the cipher suites of Node.js"),
  idle("grpc-max-recv-msg-size", "", text("a size"), "messages of any size are taken; --body-limit is for bodies"),
  idle("grpc-max-send-msg-size", "", text("a size"), "answers are small"),
  idle(
    "enable-grpc-stream-metrics",
    "false",
    flag,
    "streams are always counted",
    unless(true, "has no effect here: streams are always counted"),
  ),
  idle(
    "health-checking",
    "false",
    flag,
    "the ext_proc port always answers health too",
    unless(true, "has no effect here: the ext_proc port always answers health too"),
  ),
  own("drain-timeout", "30s"),
];

const pools = [
  own("pool-name", ""),
  own(
    "pool-namespace",
    "NAMESPACE of the environment, else default",
    "by NAMESPACE too, else the picker's own namespace",
  ),
  own("pool-group", "inference.networking.k8s.io", "auto takes whichever group has the pool"),
  own("endpoint-selector", ""),
  own("endpoint-target-ports", ""),
  own("disable-endpoint-subset-filter", "false"),
  own("emit-endpoint-scores", "false"),
  idle(
    "ha-enable-leader-election",
    "false",
    flag,
    "there is no leader: every replica serves",
    unless(false, "has no effect here: there is no leader, every replica serves"),
  ),
];

const scraping = [
  own("refresh-metrics-interval", "50ms", "the pick counts what it has sent since, so that a second is often enough"),
  idle("refresh-prometheus-metrics-interval", "5s", durationMs(0), "gauges are made when they are asked for"),
  idle(
    "metrics-staleness-threshold",
    "2s",
    durationMs(0),
    "a reading counts as unknown after three scrape intervals, 2s at least",
  ),
  moved("model-server-metrics-scheme", "http", "scheme", "as in the old pickers; gone in the present one"),
  {
    ...own("model-server-metrics-port", "0", "as in the old pickers; gone in the present one"),
    // No plugin has a parameter for it.
    note: always(
      "deprecated beside an EndpointPickerConfig: the present Go picker asks for metrics at the port that serves",
    ),
  },
  moved("model-server-metrics-path", "/metrics", "path", "as in the old pickers; gone in the present one"),
  moved(
    "model-server-metrics-https-insecure-skip-verify",
    "true",
    "insecureSkipVerify",
    "auto believes any certificate unless a CA is given",
  ),
  named("total-queued-requests-metric", "vllm:num_requests_waiting", "queuedRequestsSpec"),
  named("total-running-requests-metric", "vllm:num_requests_running", "runningRequestsSpec"),
  named("kv-cache-usage-percentage-metric", "vllm:kv_cache_usage_perc", "kvUsageSpec"),
  named("lora-info-metric", "vllm:lora_requests_info", "loraSpec"),
  named("cache-info-metric", "vllm:cache_config_info", "cacheInfoSpec"),
];

const openMetrics = "metrics are open and in plain HTTP here: keep their port inside the cluster";

const watching: readonly ForeignFlag[] = [
  idle("metrics-endpoint-auth", "true", flag, openMetrics, unless(false, `has no effect here: ${openMetrics}`)),
  idle("metrics-cert-dir", "", text("a folder"), openMetrics, unless("", `has no effect here: ${openMetrics}`)),
  idle("metrics-client-ca-file", "", text("a file"), openMetrics, unless("", `has no effect here: ${openMetrics}`)),
  idle(
    "enable-pprof",
    "true",
    flag,
    "the admin port tells pods and decisions",
    unless(false, "has no effect here: there are no profiles of the process; the admin port tells pods and decisions"),
  ),
  own(
    "tracing",
    "true",
    "auto by default: on where the environment names a collector; nothing is written to the console",
  ),
  own("v", "2"),
  idle("zap-devel", "true", flag, "the log is JSON, a line each", unless(false, "has no effect here: the log is JSON")),
  idle(
    "zap-encoder",
    "json",
    text("json or console"),
    "the log is JSON",
    unless("json", "has no effect here: the log is JSON"),
  ),
  {
    flag: "zap-log-level",
    goDefault: "info",
    fate: "near",
    ours: "-v",
    remark: "unless that is given: debug is 4, info 2, error and panic 0, a number the same up to 5",
    kind: text("a level"),
    note: always("deprecated: say -v instead"),
  },
  idle("zap-stacktrace-level", "error", text("a level"), "a fault of the picker's own has its stack"),
  idle("zap-time-encoding", "epoch", text("an encoding"), "times are ISO 8601"),
];

const configuring = [
  own("config-file", "", "takes both formats, told apart by kind"),
  own("config-text", ""),
  idle("allow-experimental-plugins", "false", flag, "plugins of every stage are allowed", () => undefined),
];

export const foreignFlags: readonly ForeignFlag[] = [...ports, ...pools, ...scraping, ...watching, ...configuring];

/** By zap's words and numbers the numbers of -v. */
export function verbosityOf(zapLevel: string): string | undefined {
  const words: Readonly<Record<string, string>> = { debug: "4", info: "2", error: "0", panic: "0" };
  const level = integer(1).parse(zapLevel);
  return words[zapLevel] ?? (level === undefined ? undefined : String(Math.min(level, 5)));
}
