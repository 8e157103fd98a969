/** The picker's own metrics of itself: its version, configuration, faults, ports and prefix index. */
import { metric, polled } from "./own-metric.ts";

/** Where a fault of our own can be survived; the last is that of a family of this page. */
const faultPlaces = [
  "stream",
  "routing",
  "degraded pick",
  "after the answer",
  "reading an answer",
  "direct transport",
  "scraping",
  "metrics",
  "decision log",
] as const;

const refusalKinds = [
  "http1",
  "plaintext_refused",
  "tls_refused",
  "tls_handshake",
  "unknown_protocol",
  "unknown_method",
  "unheard_streams",
  "silent",
] as const;

export const processMetrics = {
  info: metric("gauge", "info", ["version", "node"], "Always 1; the labels name the running versions."),
  configReloads: metric(
    "counter",
    "config_reloads_total",
    ["outcome"],
    "Changes of the config file seen while running: applied, unchanged (it says the same) or refused.",
    { values: { outcome: ["applied", "unchanged", "refused"] } },
  ),
  configRefused: metric(
    "gauge",
    "config_refused",
    [],
    "1 while the config file holds what was refused, and an earlier configuration is in force.",
  ),
  faults: metric("counter", "faults_total", ["where"], "Faults inside pointsman that were survived.", {
    values: { where: faultPlaces },
  }),
  connectionsRefused: metric(
    "counter",
    "connections_refused_total",
    ["kind"],
    "Connections to the gRPC ports that came to nothing.",
    { values: { kind: refusalKinds } },
  ),
  spans: metric(
    "counter",
    "spans_total",
    ["outcome"],
    "Spans of traced requests: sent, failed (the collector did not take them) or dropped (the queue was full).",
    { values: { outcome: ["sent", "failed", "dropped"] } },
  ),
  decisionLogLines: metric(
    "counter",
    "decision_log_lines_total",
    ["outcome"],
    "Lines of the decision log: written, or dropped because the file cannot be written or not fast enough.",
    { values: { outcome: ["written", "dropped"] } },
  ),
  resetFloods: metric("counter", "reset_floods_total", [], "Connections closed for resetting streams unanswered."),
} as const;

export const indexMetrics = {
  prefixEntries: metric("gauge", "prefix_index_entries", [], "Blocks in the prefix index, over all pods."),
  prefixPinned: metric(
    "gauge",
    "prefix_index_pinned",
    [],
    "Of the blocks in the prefix index, those that requests in flight need.",
  ),
  prefixBytes: metric("gauge", "prefix_index_bytes", [], "Memory of the prefix index."),
  prefixLimitBytes: metric("gauge", "prefix_index_limit_bytes", [], "Memory the prefix index may take."),
  prefixEvictions: polled(
    "counter",
    "prefix_index_evictions_total",
    [],
    "Blocks dropped from the prefix index for lack of room, in a pod's cache or in the index's limit.",
  ),
} as const;
