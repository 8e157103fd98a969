/** AIBrix's strategies by name: how each decides alone, and what it counts in a mix. */
import type { OptionValues } from "../option-values.ts";
import { pickAny, pickBest, pickOfTwo } from "../pick.ts";
import type { Pick, Picker } from "../pickers.ts";
import type { Profile } from "../profile.ts";
import type { ScorerUse } from "../scoring-plan.ts";
import { pickNearlyBest } from "./pick-nearly-best.ts";
import { prefixChoice } from "./prefix-choice.ts";
import {
  leastBusyTime,
  leastGpuCache,
  leastKvCache,
  leastLatency,
  leastRequest,
  leastUtilization,
  prefixMatch,
  sessionMatch,
  throughput,
} from "./raw-scores.ts";
import type { StrategyPart } from "./strategy-text.ts";

interface Strategy {
  /** One line for the docs. */
  readonly summary: string;
  /** What it goes by alone; absent where the lot decides. */
  readonly scorer?: ScorerUse["scorer"];
  readonly pick: Pick;
  /** What it counts in a mix; absent where AIBrix refuses it there. */
  readonly inMix?: ScorerUse["scorer"];
}

/** The same numbers alone and in a mix. */
function byScore(scorer: ScorerUse["scorer"]): Strategy {
  return { summary: scorer.summary, scorer, pick: pickBest, inMix: scorer };
}

export const strategies: Readonly<Record<string, Strategy>> = {
  random: { summary: "Any pod with the same probability.", pick: (_scores, size, random) => pickAny(size, random) },
  "least-request": byScore(leastRequest),
  throughput: byScore(throughput),
  "least-latency": byScore(leastLatency),
  "least-kv-cache": byScore(leastKvCache),
  "least-gpu-cache": byScore(leastGpuCache),
  "least-busy-time": byScore(leastBusyTime),
  "least-utilization": byScore(leastUtilization),
  "prefix-cache": { summary: prefixChoice.summary, scorer: prefixChoice, pick: pickBest, inMix: prefixMatch },
  "power-of-two": {
    summary: "The one with fewer requests in flight, by our own count, of two pods drawn at random.",
    scorer: leastRequest,
    pick: pickOfTwo,
  },
  "session-affinity": byScore(sessionMatch),
};

/** AIBrix's others, and what of them is not to be had here. */
export const unsupportedStrategies: Readonly<Record<string, string>> = {
  "prefix-cache-preble": "needs a tree of tokens and a model of the GPUs' time; prefix-cache is the nearest",
  "vtc-basic": "shares pods out among users by their tokens, which are not counted here",
  pd: "sends each request to two pods, one that reads and one that writes",
  slo: "needs profiles of pods and a queue; least-latency is the nearest",
  "slo-least-load": "needs profiles of pods and a queue; least-request is the nearest",
  "slo-least-load-pulling": "needs profiles of pods and a queue; least-request is the nearest",
  "slo-pack-load": "needs profiles of pods and a queue",
};

/** What a strategy settles of a profile; the filters are those of the pool's own. */
export type StrategyProfile = Omit<Profile, "filters">;

/** undefined where one of the parts is no strategy of ours, or may not be mixed. `options` are those of prefix-cache. */
export function strategyProfile(parts: readonly StrategyPart[], options: OptionValues): StrategyProfile | undefined {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return aloneProfile(only.name, options);
  const uses: ScorerUse[] = [];
  const whole = parts.reduce((sum, { weight }) => sum + weight, 0);
  for (const { name, weight } of parts) {
    const scorer = strategyNamed(name)?.inMix;
    if (scorer === undefined) return undefined;
    uses.push({ scorer, weight: weight / whole });
  }
  return { scorers: uses, picker: { picker: pickerOf("mix", pickNearlyBest) } };
}

function aloneProfile(name: string, options: OptionValues): StrategyProfile | undefined {
  const strategy = strategyNamed(name);
  if (strategy === undefined) return undefined;
  const { scorer, pick } = strategy;
  const given = scorer === prefixChoice ? { options } : {};
  const scorers = scorer === undefined ? [] : [{ scorer, weight: 1, ...given }];
  return { scorers, picker: { picker: pickerOf(name, pick) } };
}

function strategyNamed(name: string): Strategy | undefined {
  return Object.hasOwn(strategies, name) ? strategies[name] : undefined;
}

function pickerOf(name: string, pick: Pick): Picker {
  return { name, summary: "", options: {}, build: () => pick };
}
