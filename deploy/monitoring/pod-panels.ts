/** Panels of the pods and their caches, and of what went wrong. */
import { byPod, of, type Panel, panel, query, rate, share } from "./panel.ts";

export const pods: readonly Panel[] = [
  panel("graph", "Queue", "none", "Requests waiting in each pod, as scraped.", byPod("pod_waiting")),
  panel(
    "graph",
    "Shortest queue of a pool",
    "none",
    "Among its usable pods. Where it stays above a few, no choice of a pod helps any more.",
    query(`max by (pool) (pointsman_pool_least_waiting{${of}})`, "{{pool}}"),
  ),
  panel("graph", "Running", "none", "Requests in each pod's batch, as scraped.", byPod("pod_running")),
  panel("graph", "KV cache in use", "percentunit", "As scraped.", byPod("pod_kv_usage")),
  panel(
    "graph",
    "In flight",
    "none",
    "By the pickers' own counts.",
    query(`sum by (pod, address) (pointsman_pod_in_flight{${of}})`, "{{pod}}"),
  ),
  panel(
    "graph",
    "Picks",
    "reqps",
    "A pod far above the others holds a popular prefix, or tells readings that are not true.",
    query(`sum by (pod, address) (${rate("pod_picks_total")})`, "{{pod}}"),
  ),
  panel(
    "graph",
    "Prompt tokens from the cache",
    "percentunit",
    "Of the answers that tell.",
    query(
      `sum by (pod, address) (${rate("pod_cached_tokens_total")}) / sum by (pod, address) (${rate("pod_prompt_tokens_total")})`,
      "{{pod}}",
    ),
  ),
  panel("graph", "Time to first token", "s", "Seen lately, of an average prompt.", byPod("pod_ttft_seconds")),
  panel(
    "graph",
    "Age of readings",
    "s",
    "Above twice the scrape interval they count as unknown.",
    byPod("pod_scrape_age_seconds"),
  ),
  panel(
    "graph",
    "Out of use",
    "none",
    "1 while a pod takes no connections, or is set aside for failing requests.",
    query(`1 - min by (pod, address) (pointsman_pod_reachable{${of}})`, "{{pod}} unreachable"),
    byPod("pod_set_aside"),
  ),
  panel(
    "graph",
    "Scrapes",
    "none",
    "A second, by outcome; anything but ok and partial is a pod that does not tell.",
    query(`sum by (outcome) (${rate("scrapes_total")}) > 0`, "{{outcome}}"),
  ),
  panel(
    "graph",
    "Sources of pods",
    "s",
    "Since each was last sure of its set.",
    query(`max by (pool, source) (pointsman_source_age_seconds{${of}})`, "{{pool}} {{source}}"),
  ),
];

export const caches: readonly Panel[] = [
  panel(
    "graph",
    "Cached tokens: expected and found",
    "none",
    "A second. Where found is far below expected, the pods cache less than they tell.",
    query(`sum by (source) (${rate("prefix_hit_tokens_total")})`, "{{source}}"),
  ),
  panel(
    "graph",
    "Prompt tokens from the cache",
    "percentunit",
    "Of all prompt tokens of which answers tell.",
    query(share(rate("cached_tokens_total"), rate("prompt_tokens_total")), "cached"),
  ),
  panel(
    "graph",
    "Prefix index, memory",
    "bytes",
    "At its limit the oldest blocks go.",
    query(`sum by (instance) (pointsman_prefix_index_bytes{${of}})`, "{{instance}}"),
    query(`min by (instance) (pointsman_prefix_index_limit_bytes{${of}})`, "{{instance}} limit"),
  ),
  panel(
    "graph",
    "Prefix index, blocks",
    "none",
    "All, and those that requests in flight hold.",
    query(`sum(pointsman_prefix_index_entries{${of}})`, "blocks"),
    query(`sum(pointsman_prefix_index_pinned{${of}})`, "pinned"),
    query(`sum(${rate("prefix_index_evictions_total")})`, "dropped a second"),
  ),
];

export const refusals: readonly Panel[] = [
  {
    ...panel(
      "graph",
      "Refusals by code",
      "reqps",
      "What each code means stands in the operators' README.",
      query(`sum by (code) (${rate("refusals_total")}) > 0`, "{{code}}"),
    ),
    onlyWhen: "requests are refused",
  },
  panel(
    "graph",
    "Streams ended",
    "reqps",
    "By who ended them and whether an answer was out; unanswered ones are clients that left, or a message_timeout.",
    query(`sum by (cause, answered) (${rate("streams_ended_total")})`, "{{cause}} answered={{answered}}"),
  ),
  panel(
    "graph",
    "Degraded picks",
    "reqps",
    "By what was missing.",
    query(`sum by (reason) (${rate("degraded_picks_total")})`, "{{reason}}"),
  ),
  panel(
    "graph",
    "Bodies and answers not read",
    "reqps",
    "By why not.",
    query(`sum by (why) (${rate("body_unread_total")})`, "body {{why}}"),
    query(`sum by (why) (${rate("usage_unread_total")})`, "usage {{why}}"),
  ),
  panel(
    "graph",
    "Faults",
    "none",
    "Survived ones of our own, and connections that came to nothing. The log has the details once.",
    query(`sum by (where) (increase(pointsman_faults_total{${of}}[$__rate_interval]))`, "{{where}}"),
    query(`sum by (kind) (increase(pointsman_connections_refused_total{${of}}[$__rate_interval]))`, "{{kind}}"),
  ),
  {
    ...panel(
      "graph",
      "Faults of scorers",
      "none",
      "Of one's own scorers above all: one that throws is left out of the pick, one that leaves 0..1 is clamped.",
      query(`sum by (scorer) (increase(pointsman_scorer_faults_total{${of}}[$__rate_interval]))`, "{{scorer}} threw"),
      query(
        `sum by (scorer) (increase(pointsman_scorer_out_of_range_total{${of}}[$__rate_interval]))`,
        "{{scorer}} left 0..1",
      ),
    ),
    onlyWhen: "a scorer is at fault",
  },
  {
    ...panel(
      "graph",
      "Sources of pods that fail",
      "none",
      "Looks that failed; the last known pods stay in use meanwhile.",
      query(
        `sum by (pool, source) (increase(pointsman_source_failures_total{${of}}[$__rate_interval]))`,
        "{{pool}} {{source}}",
      ),
    ),
    onlyWhen: "a source of pods cannot tell",
  },
  panel(
    "graph",
    "Spans and lines of the decision log",
    "none",
    "A second. What is failed or dropped is lost: the collector, or the file, does not take it.",
    query(`sum by (outcome) (${rate("spans_total")})`, "spans {{outcome}}"),
    query(`sum by (outcome) (${rate("decision_log_lines_total")})`, "lines {{outcome}}"),
  ),
  panel(
    "graph",
    "Config file",
    "none",
    "Changes seen, by what became of them, and 1 for each picker that has refused what the file says now.",
    query(`sum by (outcome) (increase(pointsman_config_reloads_total{${of}}[$__rate_interval]))`, "{{outcome}}"),
    query(`sum by (instance) (pointsman_config_refused{${of}})`, "{{instance}} refuses the file"),
  ),
  {
    ...panel(
      "graph",
      "Watched requests",
      "reqps",
      "In observability mode: the would-be pick beside the pod that served.",
      query(`sum by (pick) (${rate("shadow_answers_total")})`, "{{pick}}"),
    ),
    onlyWhen: "a filter runs in observability mode",
  },
  {
    ...panel(
      "graph",
      "Renamed models",
      "reqps",
      "By target and what became of the request.",
      query(`sum by (target, outcome) (${rate("model_rewrites_total")})`, "{{target}} {{outcome}}"),
    ),
    onlyWhen: "rules or headers rename models",
  },
];
