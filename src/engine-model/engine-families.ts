/** The engine's counters under the names, types and labels that a vLLM server shows them with. */
import type { Engine } from "./engine.ts";
import type { CountedReason } from "./engine-metrics.ts";
import type { Histogram } from "./histogram.ts";
import type { Labels, MetricsPage, Series } from "./metrics-page.ts";

/** Gauges to show instead of the true ones: a pod whose metrics are wrong. */
export interface LieMetrics {
  readonly waiting?: number;
  readonly running?: number;
  readonly kvUsage?: number;
}

/** A pod has one engine; data-parallel servers number them. */
const engineLabel = { engine: "0" };

/** Writes every engine family. `lies` replace the gauges they name. */
export function writeEngineFamilies(page: MetricsPage, engine: Engine, model: string, lies: LieMetrics): void {
  const base = { ...engineLabel, model_name: model };
  writeAbsentEstimates(page, base);
  writeGauges(page, engine, base, lies);
  writeCacheCounters(page, engine, base);
  writeTokenCounters(page, engine, base);
  writeOutcomes(page, engine, model);
  writeHistograms(page, engine, base);
  page.gauge("vllm:cache_config_info", "Cache settings of the engine, as labels", [[cacheConfig(engine), 1]]);
}

/** One series per value of a label. */
function splitBy(base: Labels, label: string, values: Readonly<Record<string, number>>): Series<number>[] {
  return Object.entries(values).map(([value, count]) => [{ ...base, [label]: value }, count]);
}

/** Utilization estimates that a server shows as 0 unless they are switched on. */
function writeAbsentEstimates(page: MetricsPage, base: Labels): void {
  page.counter("vllm:estimated_flops_per_gpu", "Estimated floating point operations; not modelled", [[base, 0]]);
  page.counter("vllm:estimated_read_bytes_per_gpu", "Estimated bytes read from memory; not modelled", [[base, 0]]);
  page.counter("vllm:estimated_write_bytes_per_gpu", "Estimated bytes written to memory; not modelled", [[base, 0]]);
}

/** Waiting appears twice, in all and by reason: a lie has to be told in both. */
function writeGauges(page: MetricsPage, engine: Engine, base: Labels, lies: LieMetrics): void {
  const waiting = lies.waiting ?? engine.metrics.waiting;
  page.gauge("vllm:num_requests_running", "Requests in the running batch", [
    [base, lies.running ?? engine.metrics.running],
  ]);
  page.gauge("vllm:num_requests_waiting", "Requests in the queue", [[base, waiting]]);
  page.gauge(
    "vllm:num_requests_waiting_by_reason",
    "Requests in the queue by what they wait for",
    splitBy(base, "reason", { capacity: waiting, deferred: 0 }),
  );
  page.gauge(
    "vllm:engine_sleep_state",
    "1 for the state the engine is in",
    splitBy(base, "sleep_state", { awake: 1, weights_offloaded: 0, discard_all: 0 }),
  );
  page.gauge("vllm:kv_cache_usage_perc", "Share of KV blocks held by running requests, 0 to 1", [
    [base, lies.kvUsage ?? engine.metrics.kvUsage],
  ]);
}

/** Queries and hits count tokens, not requests. */
function writeCacheCounters(page: MetricsPage, { metrics }: Engine, base: Labels): void {
  page.counter("vllm:prefix_cache_queries", "Prompt tokens looked up in the prefix cache", [
    [base, metrics.prefixQueryTokens],
  ]);
  page.counter("vllm:prefix_cache_hits", "Prompt tokens found in the prefix cache", [[base, metrics.prefixHitTokens]]);
  page.counter("vllm:external_prefix_cache_queries", "Tokens looked up outside the pod; not modelled", [[base, 0]]);
  page.counter("vllm:external_prefix_cache_hits", "Tokens found outside the pod; not modelled", [[base, 0]]);
  page.counter("vllm:mm_cache_queries", "Images and sounds looked up; not modelled", [[base, 0]]);
  page.counter("vllm:mm_cache_hits", "Images and sounds found; not modelled", [[base, 0]]);
  page.counter("vllm:num_preemptions", "Running requests sent back to the queue for lack of KV blocks", [
    [base, metrics.preemptions],
  ]);
}

/** Prompt tokens count at the first token, cache hits at admission: between the two the sums differ. */
function writeTokenCounters(page: MetricsPage, { metrics }: Engine, base: Labels): void {
  const computed = metrics.promptTokens - metrics.cachedPromptTokens;
  page.counter("vllm:prompt_tokens", "Prompt tokens of requests that got their first token", [
    [base, metrics.promptTokens],
  ]);
  page.counter(
    "vllm:prompt_tokens_by_source",
    "Prompt tokens by where their KV came from",
    splitBy(base, "source", {
      local_compute: computed,
      local_cache_hit: metrics.cachedPromptTokens,
      external_kv_transfer: 0,
    }),
  );
  page.counter("vllm:prompt_tokens_cached", "Prompt tokens that needed no computing", [
    [base, metrics.cachedPromptTokens],
  ]);
  page.counter(
    "vllm:prompt_tokens_cached_by_source",
    "Prompt tokens that needed no computing, by cache tier",
    splitBy(base, "source", {
      device: metrics.prefixHitTokens,
      host: 0,
      p2p: 0,
      disk: 0,
      external_unspecified: 0,
    }),
  );
  page.counter("vllm:generation_tokens", "Tokens generated", [[base, metrics.generationTokens]]);
}

/** Rejections are the server's, not an engine's, hence without the engine label. */
function writeOutcomes(page: MetricsPage, { metrics }: Engine, model: string): void {
  const base = { ...engineLabel, model_name: model };
  const finished: Readonly<Record<CountedReason, number>> = metrics.finished;
  page.counter("vllm:request_success", "Requests ended, by reason", splitBy(base, "finished_reason", finished));
  page.counter(
    "vllm:admission_rejections",
    "Requests refused by a queue limit; the model's queue has none",
    splitBy({ model_name: model }, "reason", { max_num_queued_reqs: 0, max_num_queued_tokens: 0 }),
  );
}

/** A request's cap is both what it may generate and its max_tokens, as nothing else limits it. */
function writeHistograms(page: MetricsPage, { metrics }: Engine, base: Labels): void {
  const families: readonly (readonly [name: string, help: string, histogram: Histogram])[] = [
    ["request_prompt_tokens", "Prompt tokens per request", metrics.promptTokensPerRequest],
    ["request_generation_tokens", "Generated tokens per request", metrics.generationTokensPerRequest],
    ["iteration_tokens_total", "Tokens computed per step", metrics.tokensPerStep],
    ["request_max_num_generation_tokens", "Tokens a request may generate", metrics.maxTokensPerRequest],
    ["request_params_n", "Answers asked for per request", metrics.answersPerRequest],
    ["request_params_max_tokens", "The request's max_tokens", metrics.maxTokensPerRequest],
    ["time_to_first_token_seconds", "From arrival to first token", metrics.firstTokenSeconds],
    ["inter_token_latency_seconds", "Between two tokens of a request", metrics.interTokenSeconds],
    ["request_time_per_output_token_seconds", "Mean per request between two tokens", metrics.outputTokenSeconds],
    ["e2e_request_latency_seconds", "From arrival to end", metrics.endToEndSeconds],
    ["request_queue_time_seconds", "From arrival to the first step", metrics.queueSeconds],
    ["request_inference_time_seconds", "From the first step to the last token", metrics.inferenceSeconds],
    ["request_prefill_time_seconds", "From the first step to the first token", metrics.prefillSeconds],
    ["request_decode_time_seconds", "From the first token to the last", metrics.decodeSeconds],
    ["request_num_preemptions", "Preemptions per request", metrics.preemptionsPerRequest],
    ["request_prefill_kv_computed_tokens", "Prompt tokens computed per request", metrics.prefillTokensPerRequest],
  ];
  for (const [name, help, histogram] of families) page.histogram(`vllm:${name}`, help, [[base, histogram]]);
}

/** A picker reads block_size and the two capacities; the other labels are there because a server has them. */
function cacheConfig(engine: Engine): Labels {
  const { blockTokens } = engine.options;
  return {
    ...unusedCacheSettings,
    ...engineLabel,
    block_size: String(blockTokens),
    effective_attention_block_size: String(blockTokens),
    num_gpu_blocks: String(engine.kvBlocks),
    kv_cache_size_tokens: String(engine.kvBlocks * blockTokens),
    enable_prefix_caching: "True",
    prefix_caching_hash_algo: "fake",
  };
}

/** Plausible values without meaning. */
const unusedCacheSettings: Labels = {
  _block_size_resolved: "True",
  cache_dtype: "auto",
  cache_hit_alignment_tokens: "None",
  enable_mamba_shared_prefix_checkpoint: "False",
  gpu_memory_utilization: "0.9",
  hash_block_size: "None",
  is_attention_free: "False",
  kv_cache_dtype_skip_layers: "[]",
  kv_cache_layout: "None",
  kv_cache_max_concurrency: "None",
  kv_cache_memory_bytes: "None",
  kv_offloading_backend: "None",
  kv_offloading_size: "None",
  kv_sharing_fast_prefill: "False",
  mamba_block_size: "None",
  mamba_cache_dtype: "auto",
  mamba_cache_mode: "none",
  mamba_page_size_padded: "None",
  mamba_ssm_cache_dtype: "auto",
  num_cpu_blocks: "None",
  num_gpu_blocks_override: "None",
  prefix_cache_retention_interval: "0",
  prefix_match_unit: "None",
  replayssm_buffer_len: "0",
  skip_page_size_padded: "None",
  sliding_window: "None",
  swa_bounded_replay: "False",
  use_kda_recoverssm: "False",
  use_replayssm: "False",
  user_specified_block_size: "True",
};
