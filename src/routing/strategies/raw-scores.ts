/**
 * AIBrix's strategies as scorers: each writes its raw number per pod, unknown where a metric is missing, and spreads
 * them over 0..1. In that form a strategy that stands alone and one in a mix are the same: the best raw number is 1.
 */
import { defineScorer } from "../../scorer.ts";
import { minMax } from "./min-max.ts";

/** AIBrix's guesses of a request where no pod tells how long its requests are. */
const GUESSED_PROMPT_TOKENS = 10;
const GUESSED_GENERATION_TOKENS = 100;

export const leastRequest = defineScorer({
  name: "least-request",
  summary: "Fewest requests in flight by our own count.",
  leaning: "spread",
  reads: ["inFlight"],
  options: {},
  build: () => (pods, scores) => leastOf(pods.inFlight, pods.size, scores),
});

export const throughput = defineScorer({
  name: "throughput",
  summary: "Least 2 x prompt tokens + generated tokens of the pod's mean request.",
  leaning: "spread",
  reads: ["meanPromptTokens", "meanGenerationTokens"],
  options: {},
  build: () => (pods, scores) => {
    for (let row = 0; row < pods.size; row++) {
      scores[row] = 2 * (pods.meanPromptTokens[row] ?? Number.NaN) + (pods.meanGenerationTokens[row] ?? Number.NaN);
    }
    minMax(scores, pods.size, "least");
  },
});

export const leastLatency = defineScorer({
  name: "least-latency",
  summary: "Least mean time in the queue, and to read and write a request of the pods' mean length.",
  leaning: "spread",
  reads: ["queueSeconds", "prefillSeconds", "decodeSeconds", "meanPromptTokens", "meanGenerationTokens"],
  options: {},
  build: () => (pods, scores) => {
    const { size, queueSeconds, prefillSeconds, decodeSeconds, meanPromptTokens, meanGenerationTokens } = pods;
    const promptTokens = meanAboveZero(meanPromptTokens, size) ?? GUESSED_PROMPT_TOKENS;
    const generationTokens = meanAboveZero(meanGenerationTokens, size) ?? GUESSED_GENERATION_TOKENS;
    for (let row = 0; row < size; row++) {
      // A pod whose requests had no tokens is taken for one with the guess; one that tells nothing of them is unknown.
      const ownPrompt = meanPromptTokens[row] === 0 ? promptTokens : (meanPromptTokens[row] ?? Number.NaN);
      const ownGeneration =
        meanGenerationTokens[row] === 0 ? generationTokens : (meanGenerationTokens[row] ?? Number.NaN);
      const prefill = ((prefillSeconds[row] ?? Number.NaN) / ownPrompt) * promptTokens;
      const decode = ((decodeSeconds[row] ?? Number.NaN) / ownGeneration) * generationTokens;
      scores[row] = (queueSeconds[row] ?? Number.NaN) + prefill + decode;
    }
    minMax(scores, size, "least");
  },
});

export const leastKvCache = defineScorer({
  name: "least-kv-cache",
  summary: "Least share of the KV cache and of the CPU cache, added up; a pod that lacks either is not scored.",
  leaning: "spread",
  reads: ["kvUsage", "cpuCacheUsage"],
  options: {},
  build: () => (pods, scores) => {
    for (let row = 0; row < pods.size; row++) {
      scores[row] = (pods.kvUsage[row] ?? Number.NaN) + (pods.cpuCacheUsage[row] ?? Number.NaN);
    }
    minMax(scores, pods.size, "least");
  },
});

export const leastGpuCache = defineScorer({
  name: "least-gpu-cache",
  summary: "Least share of the KV cache.",
  leaning: "spread",
  reads: ["kvUsage"],
  options: {},
  build: () => (pods, scores) => leastOf(pods.kvUsage, pods.size, scores),
});

export const leastBusyTime = defineScorer({
  name: "least-busy-time",
  summary: "Least share of time in which the GPU is busy.",
  leaning: "spread",
  reads: ["gpuBusyRatio"],
  options: {},
  build: () => (pods, scores) => leastOf(pods.gpuBusyRatio, pods.size, scores),
});

export const leastUtilization = defineScorer({
  name: "least-utilization",
  summary: "Least utilisation, by the engine's own word.",
  leaning: "spread",
  reads: ["engineUtilization"],
  options: {},
  build: () => (pods, scores) => leastOf(pods.engineUtilization, pods.size, scores),
});

/** A request without a session matches nowhere, which makes all pods alike. */
export const sessionMatch = defineScorer({
  name: "session-affinity",
  summary: "The pod of the request's session, by x-session-id or x-aibrix-session-key.",
  leaning: "affinity",
  reads: ["sessionMatch"],
  options: {},
  build: () => (pods, scores) => mostOf(pods.sessionMatch, pods.size, scores),
});

/** What prefix-cache counts in a mix: the match alone, without the limits on load that it has where it decides alone. */
export const prefixMatch = defineScorer({
  name: "prefix-cache",
  summary: "Largest share of the prompt in the pod's prefix cache.",
  leaning: "affinity",
  reads: ["prefixHit"],
  options: {},
  build: () => (pods, scores) => mostOf(pods.prefixHit, pods.size, scores),
});

function leastOf(column: Float64Array, size: number, scores: Float64Array): void {
  for (let row = 0; row < size; row++) scores[row] = column[row] ?? Number.NaN;
  minMax(scores, size, "least");
}

function mostOf(column: Float64Array, size: number, scores: Float64Array): void {
  for (let row = 0; row < size; row++) scores[row] = column[row] ?? Number.NaN;
  minMax(scores, size, "most");
}

/** Of the rows that have more than nothing. */
function meanAboveZero(column: Float64Array, size: number): number | undefined {
  let sum = 0;
  let count = 0;
  for (let row = 0; row < size; row++) {
    const value = column[row] ?? Number.NaN;
    if (!(value > 0)) continue;
    sum += value;
    count++;
  }
  return count === 0 ? undefined : sum / count;
}
