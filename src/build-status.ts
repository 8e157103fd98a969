/** Puts together what tells how the picker does: the gauges that are read when somebody asks, and the status page. */
import type { Settings } from "./config/load-settings.ts";
import type { Config } from "./config/options.ts";
import type { StreamHost } from "./ext-proc/stream-host.ts";
import type { KnownPods } from "./known-pods.ts";
import type { Metrics } from "./observe/metrics.ts";
import { configView } from "./observe/status/config-view.ts";
import { type StatusParts, StatusReport } from "./observe/status/status-report.ts";
import type { StatusRoutes } from "./observe/status/status-routes.ts";
import type { BufferBudget } from "./request/body-buffer.ts";

export interface GaugeSources {
  readonly metrics: Metrics;
  readonly pods: KnownPods;
  readonly openStreams: StreamHost["openStreams"];
  readonly budget: BufferBudget;
  /** What holds now. */
  readonly config: () => Config;
}

/** From now on they are brought up to date before each rendering. */
export function readGauges({ metrics, pods, openStreams, budget, config }: GaugeSources): void {
  const { instruments } = metrics;
  const { inFlight, index } = pods;
  metrics.refreshers.push(() => {
    instruments.streamsOpen.set(openStreams.size);
    instruments.streamLimit.set(config().streamLimit);
    instruments.bufferedBytes.set(budget.usedBytes);
    instruments.bufferLimitBytes.set(budget.limitBytes);
    instruments.inFlight.set({ source: "stream" }, inFlight.streaming);
    instruments.inFlight.set({ source: "estimate" }, inFlight.estimated);
    instruments.prefixEntries.set(index.entries);
    instruments.prefixPinned.set(index.pinned);
    instruments.prefixBytes.set(index.usedBytes);
    instruments.prefixLimitBytes.set(index.limitBytes);
  });
}

/** `inForce` are the settings that hold now. */
export function buildStatus(parts: StatusParts, inForce: () => Settings): StatusRoutes {
  const report = new StatusReport(parts);
  return { status: () => report.now(), config: () => configView(inForce(), parts.reload.last) };
}
