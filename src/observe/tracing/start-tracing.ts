/** Turns tracing on where it is asked for; OpenTelemetry is loaded then, and never where it is not. */
import type { Environment } from "../../config/load-config.ts";
import type { Logger } from "../log.ts";
import type { Instruments } from "../metrics.ts";
import type { RunningTracer } from "./open-telemetry.ts";
import { SpanReport } from "./span-report.ts";
import { serviceNameOf, type TraceConfig, traceSettings } from "./trace-settings.ts";

const NOT_SENT = "no spans are sent: a variable of the environment cannot be used; picks go on";

export interface TracingParts {
  readonly config: TraceConfig;
  readonly env: Environment;
  readonly version: string;
  readonly log: Logger;
  readonly instruments: Instruments;
  readonly now: () => number;
}

/** Undefined where tracing is off, or cannot be on: picks need none of it, so that nothing of it ends the picker. */
export async function startTracing(parts: TracingParts): Promise<RunningTracer | undefined> {
  const { config, env, version, log, instruments, now } = parts;
  const settings = traceSettings(config, env);
  if (settings === undefined) return undefined;
  for (const says of settings.notes) log.warn({ about: says }, "a variable of the environment is not understood");
  for (const says of settings.faults) log.error({ about: says }, NOT_SENT);
  if (settings.faults.length > 0) return undefined;
  const { openTracer } = await import("./open-telemetry.ts");
  const events = new SpanReport(log, instruments);
  const serviceName = serviceNameOf(env);
  const { protocol, sampling } = settings;
  try {
    const tracer = await openTracer({ settings, serviceName, version, events, now });
    log.info({ protocol, ...sampling, serviceName }, "traces are on");
    return tracer;
  } catch {
    // The message may quote a header's value.
    log.error({ about: "OTEL_*: OpenTelemetry does not take one of these" }, NOT_SENT);
    return undefined;
  }
}
