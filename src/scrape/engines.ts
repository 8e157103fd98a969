/**
 * What each engine calls the numbers pointsman wants, as data. A metric is written `name{label=value}[label]`: the
 * braces select series, the brackets name the label that holds the number; both may be absent (see metric-spec.ts).
 */
import type { PodColumn } from "../pods/columns.ts";

/** The columns read from a pod's page; what the page does not tell is unknown. */
export const readingNames = ["waiting", "running", "kvUsage"] as const satisfies readonly PodColumn[];
export type Reading = (typeof readingNames)[number];

/** Numbers kept beside the columns; what a page does not tell keeps its last value. Counters count since the start. */
export const factNames = [
  "blockTokens",
  "blocks",
  "startedAtSeconds",
  "promptTokens",
  "generationTokens",
  "prefixQueries",
  "prefixHits",
  "ttftSeconds",
  "ttftCount",
] as const;

/** Columns that are on the page as they are, and that no page has to have. */
export const extraNames = [
  "cpuCacheUsage",
  "gpuBusyRatio",
  "engineUtilization",
] as const satisfies readonly PodColumn[];
/** Columns that are the mean of a histogram: its sum over its count. */
export const meanNames = [
  "meanPromptTokens",
  "meanGenerationTokens",
  "queueSeconds",
  "prefillSeconds",
  "decodeSeconds",
] as const satisfies readonly PodColumn[];
type MeanName = (typeof meanNames)[number];

export type NumberName =
  | Reading
  | (typeof factNames)[number]
  | (typeof extraNames)[number]
  | `${MeanName}Sum`
  | `${MeanName}Count`;

/** Every number of a page, readings first: their places in the arrays they travel in. */
export const numberNames: readonly NumberName[] = [
  ...readingNames,
  ...factNames,
  ...extraNames,
  ...meanNames.map((name) => `${name}Sum` as const),
  ...meanNames.map((name) => `${name}Count` as const),
];

export interface NumberSource {
  /** The preferred name first. Matched whole, since longer names with the same start count other things. */
  readonly metrics: readonly string[];
  /** How the series of a pod's data-parallel engines become one number. */
  readonly merge: "sum" | "max" | "first";
}

export interface LoraSource {
  /** One series per combination of adapters ever seen; its value is the time at which it was last true. */
  readonly metric: string;
  readonly running: string;
  readonly waiting: string;
  readonly max: string;
}

export interface Engine {
  readonly name: string;
  readonly numbers: Readonly<Partial<Record<NumberName, NumberSource>>>;
  /** The label that tells data-parallel engines apart. Series that share it show one engine again; "" where none does. */
  readonly rankLabel: string;
  /** Metric and label that name the served model, where the label is what clients ask for. */
  readonly modelName?: string;
  readonly lora?: LoraSource;
  /** Its names are on the pages of more telling engines too, so the page is looked at afresh each time. */
  readonly vague?: boolean;
}

const sum = (...metrics: string[]): NumberSource => ({ metrics, merge: "sum" });
const max = (...metrics: string[]): NumberSource => ({ metrics, merge: "max" });
const startedAtSeconds = max("process_start_time_seconds");

/** A histogram, of which the mean is read. */
function mean<N extends MeanName>(name: N, metric: string) {
  return { [`${name}Sum`]: sum(`${metric}_sum`), [`${name}Count`]: sum(`${metric}_count`) } as {
    readonly [K in `${N}Sum` | `${N}Count`]: NumberSource;
  };
}

/** What AIBrix reads of any engine by these names, which sidecars and simulators add to the page. */
const busyness = {
  gpuBusyRatio: max("gpu_busy_time_ratio"),
  engineUtilization: max("engine_utilization"),
};

/** Names of vLLM 0.6 to 0.32; those after the first of a line are older. llm-d-inference-sim uses the same. */
const vllm: Engine = {
  name: "vllm",
  rankLabel: "engine",
  numbers: {
    waiting: sum("vllm:num_requests_waiting"),
    running: sum("vllm:num_requests_running"),
    kvUsage: max("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
    blockTokens: max("vllm:cache_config_info[block_size]"),
    blocks: sum("vllm:cache_config_info[num_gpu_blocks]"),
    startedAtSeconds,
    promptTokens: sum("vllm:prompt_tokens_total"),
    generationTokens: sum("vllm:generation_tokens_total"),
    prefixQueries: sum("vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"),
    prefixHits: sum("vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"),
    ttftSeconds: sum("vllm:time_to_first_token_seconds_sum"),
    ttftCount: sum("vllm:time_to_first_token_seconds_count"),
    // The engine of vLLM 1 has no such cache.
    cpuCacheUsage: max("vllm:cpu_cache_usage_perc"),
    ...busyness,
    ...mean("meanPromptTokens", "vllm:request_prompt_tokens"),
    ...mean("meanGenerationTokens", "vllm:request_generation_tokens"),
    ...mean("queueSeconds", "vllm:request_queue_time_seconds"),
    ...mean("prefillSeconds", "vllm:request_prefill_time_seconds"),
    ...mean("decodeSeconds", "vllm:request_decode_time_seconds"),
  },
  modelName: "vllm:num_requests_running[model_name]",
  lora: {
    metric: "vllm:lora_requests_info",
    running: "running_lora_adapters",
    waiting: "waiting_lora_adapters",
    max: "max_lora",
  },
};

/** Request gauges are shown once more per priority, and with all schedulers exporting once per tensor-parallel rank. */
const sglang: Engine = {
  name: "sglang",
  rankLabel: "dp_rank",
  numbers: {
    waiting: sum("sglang:num_queue_reqs{priority=}"),
    running: sum("sglang:num_running_reqs{priority=}"),
    kvUsage: max("sglang:token_usage"),
    // Labels before 0.5.11, gauges since.
    blockTokens: max("sglang:page_size", "sglang:cache_config_info[page_size]"),
    blocks: sum("sglang:num_pages", "sglang:cache_config_info[num_pages]"),
    startedAtSeconds,
    promptTokens: sum("sglang:prompt_tokens_total"),
    generationTokens: sum("sglang:generation_tokens_total"),
    prefixQueries: sum("sglang:prompt_tokens_total"),
    prefixHits: sum("sglang:cached_tokens_total"),
    ttftSeconds: sum("sglang:time_to_first_token_seconds_sum"),
    ttftCount: sum("sglang:time_to_first_token_seconds_count"),
    ...busyness,
  },
  modelName: "sglang:num_running_reqs[model_name]",
};

/** Its page is at /prometheus/metrics; at /metrics it answers with JSON, which is no metrics page. */
const trtllmServe: Engine = {
  name: "trtllm-serve",
  rankLabel: "",
  numbers: {
    waiting: sum("trtllm_num_requests_waiting"),
    running: sum("trtllm_num_requests_running"),
    kvUsage: max("trtllm_kv_cache_utilization"),
    blockTokens: max("trtllm_kv_cache_tokens_per_block"),
    blocks: sum("trtllm_kv_cache_max_blocks"),
    startedAtSeconds,
    promptTokens: sum("trtllm_prompt_tokens_total"),
    generationTokens: sum("trtllm_generation_tokens_total"),
    ttftSeconds: sum("trtllm_time_to_first_token_seconds_sum"),
    ttftCount: sum("trtllm_time_to_first_token_seconds_count"),
    ...busyness,
    ...mean("queueSeconds", "trtllm_request_queue_time_seconds"),
  },
  modelName: "trtllm_num_requests_running[model_name]",
};

const tritonTensorrtLlm: Engine = {
  name: "triton-tensorrt-llm",
  rankLabel: "",
  numbers: {
    waiting: sum("nv_trt_llm_request_metrics{request_type=waiting}"),
    running: sum("nv_trt_llm_request_metrics{request_type=scheduled}"),
    kvUsage: max("nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=fraction}"),
    blockTokens: max("nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=tokens_per}"),
    blocks: sum("nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=max}"),
    startedAtSeconds,
  },
};

/** It tells its queue alone: nv_inference_exec_count counts what ever ran, not what is running. */
const triton: Engine = {
  name: "triton",
  rankLabel: "",
  numbers: { waiting: sum("nv_inference_pending_request_count"), startedAtSeconds },
  vague: true,
};

/** text-generation-inference; token counts are the sums of its histograms. */
const tgi: Engine = {
  name: "tgi",
  rankLabel: "",
  numbers: {
    waiting: sum("tgi_queue_size"),
    running: sum("tgi_batch_current_size"),
    startedAtSeconds,
    promptTokens: sum("tgi_request_input_length_sum"),
    generationTokens: sum("tgi_request_generated_tokens_sum"),
  },
};

/** Of two engines whose readings a page holds equally, the earlier is taken. */
export const engines: readonly Engine[] = [vllm, sglang, trtllmServe, tritonTensorrtLlm, tgi, triton];

/** Names other projects use in their configuration. */
const aliases: Readonly<Record<string, string>> = { "llm-d-inference-sim": "vllm", "trt-llm": "trtllm-serve" };

export const engineNames: readonly string[] = [...engines.map(({ name }) => name), ...Object.keys(aliases)];

export function engineNamed(name: string): Engine | undefined {
  const known = aliases[name] ?? name;
  return engines.find((engine) => engine.name === known);
}
