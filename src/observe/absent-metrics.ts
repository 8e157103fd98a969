/** The metrics of the Go picker that are not emitted, each with the reason: most tell of what is not done here. */
import { extension, type GoMetric, metric, model, plugin } from "./go-metric.ts";

const queue = ["fairness_id", "priority", "inference_pool", "model_name", "target_model_name"];
const noPredictions = "no latencies are predicted";
const noQueue = "requests are not queued";
const noEvents = "the pods' cache events are not read";

/** Of what is not done here. */
const absent = (remark: string, kind: GoMetric["kind"], labels: readonly string[], ...names: string[]): GoMetric[] =>
  names.map((name) => metric(kind, name, labels, [], { remark }));

const noDisaggregation = "each request is served by one pod";
const decision = ["plugin_name", "plugin_type", "model_name", "decision_type"];
const objectiveOf = (name: string): string => `inference_objective_${name}`;

const flowControl: readonly GoMetric[] = [
  metric("histogram", "flow_control_request_queue_duration_seconds", [...queue, "outcome"], [], {
    ...extension("flow_control_request_queue_duration_seconds"),
    remark: noQueue,
  }),
  metric("histogram", "flow_control_dispatch_cycle_duration_seconds", [], [], {
    ...extension("flow_control_dispatch_cycle_duration_seconds"),
    remark: noQueue,
  }),
  metric("histogram", "flow_control_request_enqueue_duration_seconds", ["fairness_id", "priority", "outcome"], [], {
    ...extension("flow_control_request_enqueue_duration_seconds"),
    remark: noQueue,
  }),
  metric("gauge", "flow_control_queue_size", queue, [], { ...extension("flow_control_queue_size"), remark: noQueue }),
  metric("gauge", "flow_control_queue_bytes", queue, [], { ...extension("flow_control_queue_bytes"), remark: noQueue }),
  metric("gauge", "flow_control_pool_saturation", ["inference_pool", "stage"], [], {
    ...extension("flow_control_pool_saturation"),
    remark: noQueue,
  }),
  metric("gauge", "flow_control_stale_endpoints", ["detector"], ["podAge"], { remark: noQueue }),
  ...absent(
    noQueue,
    "gauge",
    ["priority", "inference_pool"],
    "flow_control_capacity_utilization_requests",
    "flow_control_capacity_utilization_bytes",
  ),
  ...absent(
    noQueue,
    "gauge",
    ["inference_pool"],
    "flow_control_global_capacity_utilization_requests",
    "flow_control_global_capacity_utilization_bytes",
  ),
  ...absent(noQueue, "counter", ["outcome", "priority", "inference_pool"], "flow_control_requests_total"),
  ...absent(noQueue, "counter", [], "flow_control_revocations_issued_total", "flow_control_revocations_total"),
  ...absent(noQueue, "gauge", [], "flow_control_reclaim_target", "flow_control_pending_reclaim"),
  ...absent(noQueue, "histogram", [], "flow_control_revocation_confirmation_seconds"),
];

const plugins: readonly GoMetric[] = [
  metric("histogram", "plugin_duration_seconds", ["extension_point", "plugin_type", "plugin_name"], ["pickSeconds"], {
    ...extension("plugin_duration_seconds"),
    remark:
      "a scorer takes less time than reading the clock around it; all of them together are in the decision's time",
  }),
  metric(
    "counter",
    "plugin_data_scope_violations_total",
    ["extension_point", "plugin_type", "plugin_name", "access"],
    ["scorerFaults"],
    { remark: "a scorer sees what it declares and no more" },
  ),
];

const others: readonly GoMetric[] = [
  ...absent("media are not cached apart", "counter", plugin, "encoder_cache_queries_total", "encoder_cache_hits_total"),
  ...absent("media are not cached apart", "histogram", plugin, "encoder_cache_hit_ratio"),
  metric("counter", "disagg_decision_total", decision, [], {
    older: "llm_d_inference_scheduler_disagg_decision_total",
    remark: noDisaggregation,
  }),
  metric("counter", "pd_decision_total", decision, [], {
    older: "llm_d_inference_scheduler_pd_decision_total",
    remark: noDisaggregation,
  }),
  ...absent(
    noEvents,
    "counter",
    [],
    "kv_cache_index_admissions_total",
    "kv_cache_index_evictions_total",
    "kv_cache_index_lookup_requests_total",
    "kv_cache_index_lookup_hits_total",
    "kv_cache_index_max_pod_hit_count_total",
    "kv_cache_events_dedup_removed_hashes_suppressed_total",
    "kv_cache_events_dedup_removed_hashes_forwarded_total",
  ),
  ...absent(noEvents, "histogram", [], "kv_cache_index_lookup_latency_seconds"),
  ...absent(
    noEvents,
    "counter",
    [],
    "kv_cache_events_stores_skipped_total",
    "kv_cache_events_removals_skipped_total",
    "kv_cache_events_subscriber_reconnections_total",
    "kv_cache_events_messages_received_total",
    "kv_cache_events_zmq_errors_total",
  ),
  ...absent(
    noEvents,
    "gauge",
    [],
    "kv_cache_events_active_subscribers",
    "kv_cache_events_pool_queue_depth",
    "kv_cache_events_pool_capacity",
  ),
  ...absent(
    noQueue,
    "gauge",
    ["program_id"],
    "program_aware_jains_fairness_index",
    "program_aware_avg_wait_time_milliseconds",
    "program_aware_attained_service_tokens",
  ),
  ...[
    "request_predicted_ttft_seconds",
    "request_predicted_tpot_seconds",
    "request_ttft_prediction_duration_seconds",
    "request_tpot_prediction_duration_seconds",
  ].map((name) => metric("histogram", name, model, [], { older: objectiveOf(name), remark: noPredictions })),
  metric("counter", "request_slo_violation_total", model, [], {
    older: objectiveOf("request_slo_violation_total"),
    remark: noPredictions,
  }),
  metric("gauge", "inference_request_metric", model, [], {
    older: objectiveOf("inference_request_metric"),
    remark: noPredictions,
  }),
];

export const absentMetrics: readonly GoMetric[] = [...plugins, ...flowControl, ...others];
