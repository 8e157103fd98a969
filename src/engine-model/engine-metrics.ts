/** What the engine counts: gauges as of the last step's end, counters and histograms since start, all in tokens and seconds. */
import { Histogram } from "./histogram.ts";
import type { FinishReason, Sequence } from "./sequence.ts";

const upTo5000 = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
const requestSeconds = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680];
const tokenSeconds = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];
const firstTokenSeconds = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
];

/** "repetition" never happens here; a server shows it. */
export type CountedReason = FinishReason | "abort" | "repetition";

/** The bucket bounds are vLLM's, so that its dashboards fit. */
export class EngineMetrics {
  running = 0;
  waiting = 0;
  /** Blocks held by running sequences over all blocks, 0..1: an idle engine shows 0 however much it has cached. */
  kvUsage = 0;

  steps = 0;
  prefixQueryTokens = 0;
  prefixHitTokens = 0;
  promptTokens = 0;
  cachedPromptTokens = 0;
  generationTokens = 0;
  preemptions = 0;
  readonly finished: Record<CountedReason, number> = { stop: 0, length: 0, abort: 0, error: 0, repetition: 0 };

  readonly promptTokensPerRequest = new Histogram(upTo5000);
  readonly generationTokensPerRequest = new Histogram(upTo5000);
  readonly prefillTokensPerRequest = new Histogram(upTo5000);
  readonly maxTokensPerRequest = new Histogram(upTo5000);
  /** Observed by the API in front, as the engine sees every answer as a request of its own. */
  readonly answersPerRequest = new Histogram([1, 2, 5, 10, 20]);
  readonly preemptionsPerRequest = new Histogram([1, 2, 3, 4, 5, 10, 20]);
  readonly tokensPerStep = new Histogram([1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384]);

  readonly firstTokenSeconds = new Histogram(firstTokenSeconds);
  readonly interTokenSeconds = new Histogram(tokenSeconds);
  readonly outputTokenSeconds = new Histogram(tokenSeconds);
  readonly endToEndSeconds = new Histogram(requestSeconds);
  readonly queueSeconds = new Histogram(requestSeconds);
  readonly inferenceSeconds = new Histogram(requestSeconds);
  readonly prefillSeconds = new Histogram(requestSeconds);
  readonly decodeSeconds = new Histogram(requestSeconds);

  /** First admission only: vLLM counts a prompt's lookup once. */
  observeAdmission(sequence: Sequence): void {
    this.prefixQueryTokens += sequence.prompt.tokens;
    this.prefixHitTokens += sequence.cachedTokens;
  }

  /** Before the sequence's `lastTokenAtMs` moves on. */
  observeToken(sequence: Sequence, nowMs: number): void {
    this.generationTokens++;
    if (sequence.generated > 1) {
      this.interTokenSeconds.observe((nowMs - sequence.lastTokenAtMs) / 1000);
      return;
    }
    this.firstTokenSeconds.observe((nowMs - sequence.arrivedAtMs) / 1000);
    this.promptTokens += sequence.prompt.tokens;
    this.cachedPromptTokens += sequence.cachedTokens;
  }

  /** Aborted requests are counted, not measured. */
  observeFinish(sequence: Sequence, reason: FinishReason): void {
    this.finished[reason]++;
    const decodeMs = sequence.lastTokenAtMs - sequence.firstTokenAtMs;
    this.promptTokensPerRequest.observe(sequence.prompt.tokens);
    this.generationTokensPerRequest.observe(sequence.generated);
    this.prefillTokensPerRequest.observe(sequence.prompt.tokens - sequence.cachedTokens);
    this.maxTokensPerRequest.observe(sequence.request.maxTokens);
    this.preemptionsPerRequest.observe(sequence.preemptions);
    this.outputTokenSeconds.observe(sequence.generated > 1 ? decodeMs / 1000 / (sequence.generated - 1) : 0);
    this.endToEndSeconds.observe((sequence.finishedAtMs - sequence.arrivedAtMs) / 1000);
    this.queueSeconds.observe((sequence.scheduledAtMs - sequence.arrivedAtMs) / 1000);
    this.inferenceSeconds.observe((sequence.lastTokenAtMs - sequence.scheduledAtMs) / 1000);
    this.prefillSeconds.observe((sequence.firstTokenAtMs - sequence.scheduledAtMs) / 1000);
    this.decodeSeconds.observe(decodeMs / 1000);
  }
}
