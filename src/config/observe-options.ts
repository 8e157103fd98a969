/** The options of `serve` about what it lets others see: log levels and traces. */
import { componentLevels } from "./log-levels.ts";
import { choice, flagOrAuto, type OptionKind } from "./option-kinds.ts";
import { option } from "./option-table.ts";

/** A URL whose user, password and query are not shown anywhere. */
const collectorUrl: OptionKind<string> = {
  expects: 'a URL such as http://collector:4318, or ""',
  schema: { type: "string" },
  parse: (text) => (text === "" || (/^https?:\/\//.test(text) && URL.canParse(text)) ? text : undefined),
  show: (text) => {
    if (text === "") return "none";
    const { protocol, host, pathname } = new URL(text);
    return `${protocol}//${host}${pathname === "/" ? "" : pathname}`;
  },
};

const shareOrAuto: OptionKind<number | "auto"> = {
  expects: "a share 0..1, or auto",
  schema: { anyOf: [{ type: "number", minimum: 0, maximum: 1 }, { const: "auto" }] },
  parse: (text) => {
    if (text === "auto") return text;
    const share = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
    return share >= 0 && share <= 1 ? share : undefined;
  },
  show: String,
};

export const observeOptions = {
  logLevels: option(
    "log-levels",
    componentLevels,
    {},
    "Levels of single components of the log, beside -v; PUT /debug/log-level changes them while it runs.",
    "observe.logLevels",
    "live",
  ),
  tracing: option(
    "tracing",
    flagOrAuto,
    "auto",
    "Send a span per sampled request to an OpenTelemetry collector; auto: where --tracing-endpoint or OTEL_EXPORTER_OTLP_ENDPOINT names one.",
    "observe.tracing",
  ),
  tracingEndpoint: option(
    "tracing-endpoint",
    collectorUrl,
    "",
    "The collector; by default OTEL_EXPORTER_OTLP_ENDPOINT, else localhost.",
    "observe.tracingEndpoint",
  ),
  tracingProtocol: option(
    "tracing-protocol",
    choice("auto", "grpc", "http/protobuf"),
    "auto",
    "What the collector speaks; auto: OTEL_EXPORTER_OTLP_PROTOCOL, else grpc at port 4317 and http/protobuf elsewhere.",
    "observe.tracingProtocol",
  ),
  tracingShare: option(
    "tracing-share",
    shareOrAuto,
    "auto",
    "Share of the requests traced among those that come without a traceparent, whose own flag counts otherwise; auto: OTEL_TRACES_SAMPLER, else 0.1.",
    "observe.tracingShare",
  ),
} as const;
