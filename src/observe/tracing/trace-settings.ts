/**
 * Whether spans are sent, where to and of which requests: our options first, then the environment's variables that
 * every OpenTelemetry program knows. Loads nothing of OpenTelemetry: where tracing is off, nothing else here is loaded.
 */
import type { Environment } from "../../config/load-config.ts";
import type { Config } from "../../config/options.ts";
import {
  type ExporterProtocol,
  exporterFaults,
  exporterNotes,
  exporterVariable,
  resourceAttribute,
} from "./exporter-variables.ts";

export type TraceConfig = Pick<Config, "tracing" | "tracingEndpoint" | "tracingProtocol" | "tracingShare">;

export interface TraceSampling {
  /** Does a request's own flag decide, where it comes with one? */
  readonly heedsParent: boolean;
  /** Of the others, or of all. */
  readonly share: number;
}

export interface TraceSettings {
  readonly protocol: ExporterProtocol;
  /** "" leaves it to the environment, or to OpenTelemetry's default. */
  readonly endpoint: string;
  readonly sampling: TraceSampling;
  /** What of the environment is not understood, and passed over. */
  readonly notes: readonly string[];
  /** Variables of the environment that no span can be sent with. */
  readonly faults: readonly string[];
}

/** Of the requests that nobody else has decided on: as in the Go picker. */
const DEFAULT_SHARE = 0.1;
const SERVICE = "pointsman";

/** Undefined where tracing is off. */
export function traceSettings(config: TraceConfig, env: Environment): TraceSettings | undefined {
  const { tracingEndpoint: endpoint } = config;
  const told = endpoint || exporterVariable(env, "ENDPOINT").value;
  if (!isOn(config, env, told !== "")) return undefined;
  const notes: string[] = [];
  const protocol = protocolOf(config, env, told, notes);
  const faults = exporterFaults(env, protocol, endpoint !== "");
  const sampling = samplingOf(config, env, notes);
  return { protocol, endpoint, sampling, notes: [...notes, ...exporterNotes(env)], faults };
}

export function serviceNameOf(env: Environment): string {
  return env["OTEL_SERVICE_NAME"] || resourceAttribute(env, "service.name") || SERVICE;
}

function isOn({ tracing }: TraceConfig, env: Environment, hasEndpoint: boolean): boolean {
  if (tracing !== "auto") return tracing;
  const exporters = (env["OTEL_TRACES_EXPORTER"] ?? "").split(",").map((name) => name.trim());
  const isOff = env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true" || exporters.includes("none");
  return !isOff && (hasEndpoint || exporters.includes("otlp"));
}

function protocolOf(
  { tracingProtocol }: TraceConfig,
  env: Environment,
  endpoint: string,
  notes: string[],
): ExporterProtocol {
  if (tracingProtocol !== "auto") return tracingProtocol;
  const { name, value: named } = exporterVariable(env, "PROTOCOL");
  if (named === "grpc" || named === "http/protobuf") return named;
  if (named === "http/json") notes.push(`${name}: http/json is sent as http/protobuf`);
  else if (named !== "") notes.push(`${name}: expected grpc or http/protobuf`);
  // Collectors listen for gRPC there, and people who come from the Go picker name no protocol.
  return named === "" && /:4317\/?$/.test(endpoint) ? "grpc" : "http/protobuf";
}

const samplers: Readonly<Record<string, (share: number) => TraceSampling>> = {
  always_on: () => ({ heedsParent: false, share: 1 }),
  always_off: () => ({ heedsParent: false, share: 0 }),
  traceidratio: (share) => ({ heedsParent: false, share }),
  parentbased_always_on: () => ({ heedsParent: true, share: 1 }),
  parentbased_always_off: () => ({ heedsParent: true, share: 0 }),
  parentbased_traceidratio: (share) => ({ heedsParent: true, share }),
};

function samplingOf({ tracingShare }: TraceConfig, env: Environment, notes: string[]): TraceSampling {
  const own = tracingShare !== "auto";
  const named = env["OTEL_TRACES_SAMPLER"] ?? "";
  const sampler = Object.hasOwn(samplers, named) ? samplers[named] : undefined;
  if (own || sampler === undefined) {
    if (!own && named !== "") notes.push(`OTEL_TRACES_SAMPLER: expected one of ${Object.keys(samplers).join(", ")}`);
    return { heedsParent: true, share: own ? tracingShare : DEFAULT_SHARE };
  }
  const written = env["OTEL_TRACES_SAMPLER_ARG"] ?? "";
  const share = written === "" ? 1 : Number(written);
  if (share >= 0 && share <= 1) return sampler(share);
  notes.push("OTEL_TRACES_SAMPLER_ARG: expected a share 0..1");
  return sampler(1);
}
