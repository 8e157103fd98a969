/** Panels of the picker and its requests: does it work, what comes, why is it slow. */
import { of, type Panel, panel, quantile, query, rate, share } from "./panel.ts";

export const works: readonly Panel[] = [
  panel("stat", "Pickers", "none", "Pickers that answer.", query(`count(pointsman_info{${of}})`, "")),
  {
    ...panel(
      "stat",
      "Usable pods",
      "percentunit",
      "Share of the pods that answer and are not set aside, in the pool where it is least.",
      query(`min(pointsman_pool_usable_pods{${of}} / clamp_min(pointsman_pool_pods{${of}}, 1))`, ""),
    ),
    steps: [0.9, 0.5],
  },
  panel("stat", "Picks", "reqps", "Requests that a pod was picked for.", query(`sum(${rate("picks_total")})`, "")),
  {
    ...panel(
      "stat",
      "Refused",
      "percentunit",
      "Requests that the picker answered itself.",
      query(share(rate("refusals_total"), rate("streams_ended_total")), ""),
    ),
    steps: [0.01, 0.05],
  },
  {
    ...panel(
      "stat",
      "Degraded picks",
      "percentunit",
      "Picks made with less than the request tells.",
      query(share(rate("degraded_picks_total"), rate("streams_ended_total")), ""),
    ),
    steps: [0.01, 0.05],
  },
  {
    ...panel(
      "stat",
      "A pick's work, p99",
      "s",
      "Reading, scoring and answering, without the wait for the body.",
      query(
        `histogram_quantile(0.99, sum by (le) (${rate("pick_phase_seconds_bucket", ', phase=~"read|route|reply"')}))`,
        "",
      ),
    ),
    steps: [0.01, 0.02],
  },
  {
    ...panel(
      "table",
      "Alerts",
      "none",
      "Alerts of the rules beside this dashboard that are pending or firing.",
      query('ALERTS{alertname=~"Pointsman.*"}', ""),
    ),
    onlyWhen: "something is wrong",
  },
];

export const traffic: readonly Panel[] = [
  panel(
    "graph",
    "Picks by reason",
    "reqps",
    "scored is the rule; what the other reasons mean stands in the README.",
    query(`sum by (pool, reason) (${rate("picks_total")})`, "{{pool}} {{reason}}"),
  ),
  panel(
    "graph",
    "Picks by model",
    "reqps",
    "As the pods know it; other is what no pod lists.",
    query(`sum by (model) (${rate("model_picks_total")})`, "{{model}}"),
  ),
  panel(
    "graph",
    "Requests in flight",
    "none",
    "By how their end is seen: on the stream, or estimated where Envoy ends that early.",
    query(`sum by (source) (pointsman_in_flight{${of}})`, "{{source}}"),
    query(`sum(pointsman_streams_open{${of}})`, "streams open"),
  ),
  panel(
    "graph",
    "Tokens",
    "none",
    "A second, as answers tell. Nothing where the filter does not show the bodies of answers.",
    query(`sum(${rate("prompt_tokens_total")})`, "prompt"),
    query(`sum(${rate("cached_tokens_total")})`, "prompt, cached"),
    query(`sum(${rate("completion_tokens_total")})`, "generated"),
  ),
  panel(
    "graph",
    "Bytes received",
    "Bps",
    "By kind of message; bodies are request_body and response_body.",
    query(`sum by (kind) (${rate("message_bytes_total")})`, "{{kind}}"),
  ),
];

export const slow: readonly Panel[] = [
  panel(
    "graph",
    "Time to the pick",
    "s",
    "From the request's headers; a slow client's body is in it.",
    query(quantile(0.5, "pick_seconds"), "p50"),
    query(quantile(0.99, "pick_seconds"), "p99"),
  ),
  panel(
    "graph",
    "A pick by phase, mean",
    "s",
    "wait: for the body. read: its JSON. route: matching the prompt and scoring. reply and learn: what follows.",
    query(
      `sum by (phase) (${rate("pick_phase_seconds_sum")}) / sum by (phase) (${rate("pick_phase_seconds_count")})`,
      "{{phase}}",
    ),
  ),
  panel(
    "graph",
    "Time to first token",
    "s",
    "From the pick, of streamed answers whose bodies are shown.",
    query(quantile(0.5, "ttft_seconds"), "p50"),
    query(quantile(0.95, "ttft_seconds"), "p95"),
  ),
  panel(
    "graph",
    "Time per further token",
    "s",
    "Mean of an answer, of those whose bodies are shown.",
    query(quantile(0.5, "tpot_seconds"), "p50"),
    query(quantile(0.95, "tpot_seconds"), "p95"),
  ),
  panel(
    "graph",
    "Event-loop delay",
    "s",
    "How late the thread that picks is: above 0.1 s it has too much to do, or too little CPU.",
    query(`nodejs_eventloop_lag_p99_seconds{${of}} and on (instance) pointsman_info`, "{{instance}} p99"),
    query(`nodejs_eventloop_lag_p50_seconds{${of}} and on (instance) pointsman_info`, "{{instance}} p50"),
  ),
  panel(
    "graph",
    "CPU and garbage collection",
    "percentunit",
    "Of one core.",
    query(`rate(process_cpu_seconds_total{${of}}[$__rate_interval]) and on (instance) pointsman_info`, "{{instance}}"),
    query(
      `sum by (instance) (rate(nodejs_gc_duration_seconds_sum{${of}}[$__rate_interval])) and on (instance) pointsman_info`,
      "{{instance}} collecting",
    ),
  ),
  panel(
    "graph",
    "Memory",
    "bytes",
    "Of the whole process, and of what is held of bodies.",
    query(`process_resident_memory_bytes{${of}} and on (instance) pointsman_info`, "{{instance}}"),
    query(`sum by (instance) (pointsman_buffered_bytes{${of}})`, "{{instance}} bodies"),
  ),
];
