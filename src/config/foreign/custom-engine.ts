/** An engine whose metrics somebody names: by the flags of the old pickers, or in a core-metrics-extractor. */
import { type Engine, engineNamed, type LoraSource, type NumberSource } from "../../scrape/engines.ts";
import { parseMetricSpec } from "../../scrape/metric-spec.ts";

/** As the Go picker calls them; each a metric such as name{label=value}. */
export interface EngineNames {
  readonly queuedRequestsSpec?: string;
  readonly runningRequestsSpec?: string;
  readonly kvUsageSpec?: string;
  readonly loraSpec?: string;
  readonly cacheInfoSpec?: string;
  readonly cacheBlockSizeLabelName?: string;
  readonly cacheNumBlocksLabelName?: string;
  readonly cacheBlockSizeSpec?: string;
  readonly cacheNumBlocksSpec?: string;
}

const loraLabels = { running: "running_lora_adapters", waiting: "waiting_lora_adapters", max: "max_lora" } as const;

/**
 * The named metrics first, and behind them those that the engine `name` is known to have; of an engine that is not known
 * the named ones alone. A text is one of the names, which is none.
 */
export function customEngine(name: string, names: EngineNames): Engine | string {
  const wrong = Object.entries(names).find(
    ([key, text]) => key.endsWith("Spec") && parseMetricSpec(text) === undefined,
  );
  if (wrong !== undefined) return wrong[1];
  const known = engineNamed(name);
  const { lora = known?.lora, ...numbers } = sourcesOf(names);
  const merged = Object.entries(numbers).map(([number, { metrics, merge }]) => {
    const more = known?.numbers[number as keyof Engine["numbers"]]?.metrics ?? [];
    return [number, { metrics: [...new Set([...metrics, ...more])], merge }] as const;
  });
  return {
    name,
    rankLabel: known?.rankLabel ?? "",
    numbers: { startedAtSeconds, ...known?.numbers, ...Object.fromEntries(merged) },
    ...(known?.modelName !== undefined && { modelName: known.modelName }),
    ...(lora !== undefined && { lora }),
  };
}

const startedAtSeconds: NumberSource = { metrics: ["process_start_time_seconds"], merge: "max" };

type Sources = Partial<Record<"waiting" | "running" | "kvUsage" | "blockTokens" | "blocks", NumberSource>>;

function sourcesOf(names: EngineNames): Sources & { readonly lora?: LoraSource } {
  const { cacheInfoSpec, cacheBlockSizeLabelName = "block_size", cacheNumBlocksLabelName = "num_gpu_blocks" } = names;
  const blockSize = names.cacheBlockSizeSpec ?? (cacheInfoSpec && `${cacheInfoSpec}[${cacheBlockSizeLabelName}]`);
  const blocks = names.cacheNumBlocksSpec ?? (cacheInfoSpec && `${cacheInfoSpec}[${cacheNumBlocksLabelName}]`);
  return {
    ...source("waiting", names.queuedRequestsSpec, "sum"),
    ...source("running", names.runningRequestsSpec, "sum"),
    ...source("kvUsage", names.kvUsageSpec, "max"),
    ...source("blockTokens", blockSize, "max"),
    ...source("blocks", blocks, "sum"),
    ...(names.loraSpec !== undefined && {
      lora: { metric: parseMetricSpec(names.loraSpec)?.name ?? "", ...loraLabels },
    }),
  };
}

function source(name: keyof Sources, metric: string | undefined, merge: NumberSource["merge"]): Sources {
  return metric === undefined || metric === "" ? {} : { [name]: { metrics: [metric], merge } };
}
