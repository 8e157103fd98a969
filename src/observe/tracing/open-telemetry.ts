/** The tracer itself, on OpenTelemetry's packages: the only files that load them are this one and those beside it. */
import { setTimeout as delay } from "node:timers/promises";
import { type Context, createTraceState, ROOT_CONTEXT, SpanKind, TraceFlags, trace } from "@opentelemetry/api";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import {
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { PickTracer } from "../../ext-proc/request-trace.ts";
import type { TraceParent } from "../../ext-proc/trace-parent.ts";
import { BoundedLabel } from "../bounded-label.ts";
import { PickSpan } from "./pick-span.ts";
import { type SpanEvents, SpanQueue, type SpanQueueOptions } from "./span-queue.ts";
import type { TraceSampling, TraceSettings } from "./trace-settings.ts";
import { WallClock } from "./wall-clock.ts";

export interface TracerParts {
  readonly settings: TraceSettings;
  readonly serviceName: string;
  readonly version: string;
  readonly events: SpanEvents;
  readonly now: () => number;
  readonly queue?: SpanQueueOptions;
}

export interface RunningTracer extends PickTracer {
  /** Sends what is left, and ends. */
  stop(): Promise<void>;
}

const MOST_MODELS = 1000;
/** A collector that does not answer must not keep the process. */
const STOP_MS = 2_000;
/** Longer values are cut by the SDK. */
const LONGEST_VALUE = 512;

export async function openTracer(parts: TracerParts): Promise<RunningTracer> {
  const { settings, serviceName, version, events, now, queue } = parts;
  const own = resourceFromAttributes({ "service.version": version });
  const named = resourceFromAttributes({ "service.name": serviceName });
  const provider = new TracerProvider({
    resource: own.merge(detectResources({ detectors: [envDetector] })).merge(named),
    sampler: samplerOf(settings.sampling),
    spanLimits: { attributeValueLengthLimit: LONGEST_VALUE },
    spanProcessors: [new SpanQueue(await exporterOf(settings), events, queue)],
  });
  const clock = new WallClock(now);
  const models = new BoundedLabel(MOST_MODELS);
  const tracer = provider.getTracer("pointsman", version);
  const { heedsParent } = settings.sampling;
  return {
    begin: (parent, startedAtMs) => {
      // Of most requests that is all: nothing is made for them.
      if (heedsParent && parent?.isSampled === false) return undefined;
      const offsetMs = clock.offsetMs();
      const options = { kind: SpanKind.SERVER, startTime: offsetMs + startedAtMs };
      const span = tracer.startSpan("pointsman.pick", options, contextOf(parent));
      return span.isRecording() ? new PickSpan(span, models, offsetMs) : undefined;
    },
    stop: () => Promise.race([provider.shutdown(), delay(STOP_MS, undefined, { ref: false })]),
  };
}

function contextOf(parent: TraceParent | undefined): Context {
  if (parent === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, isSampled, state } = parent;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
    ...(state !== "" && { traceState: createTraceState(state) }),
  });
}

/** A sampled parent is heeded; an unsampled one never gets so far where parents count. */
function samplerOf({ heedsParent, share }: TraceSampling): Sampler {
  const root = new TraceIdRatioBasedSampler(share);
  return heedsParent ? new ParentBasedSampler({ root }) : root;
}

/** Headers, timeout, compression and certificates are read from the environment by the exporters themselves. */
async function exporterOf({ protocol, endpoint }: TraceSettings): Promise<SpanExporter> {
  if (protocol === "grpc") {
    const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-grpc");
    return new OTLPTraceExporter(endpoint === "" ? {} : { url: endpoint });
  }
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-proto");
  return new OTLPTraceExporter(endpoint === "" ? {} : { url: tracesUrl(endpoint) });
}

/** A bare endpoint is the collector's, a path the place itself. */
function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (url.pathname === "/") url.pathname = "/v1/traces";
  return url.href;
}
