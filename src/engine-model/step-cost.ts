/** What one engine step computes, and how many seconds that takes. */
import type { EngineProfile } from "./engine-profile.ts";

/** The work of a step, added up sequence by sequence. One instance is reused for every step. */
export class StepLoad {
  tokens = 0;
  /** Sum over prefill chunks of chunk * mean context: token pairs that attention has to visit. */
  prefillPairs = 0;
  /** Sum over decoding sequences of the tokens they read. */
  decodeContext = 0;
  sequences = 0;

  clear(): void {
    this.tokens = 0;
    this.prefillPairs = 0;
    this.decodeContext = 0;
    this.sequences = 0;
  }

  /** A chunk sees what lies before it and, on average, half of itself. */
  addPrefill(computedBefore: number, chunk: number): void {
    this.tokens += chunk;
    this.prefillPairs += chunk * (computedBefore + chunk / 2);
    this.sequences++;
  }

  /** A decoded token reads everything up to and including itself. */
  addDecode(context: number): void {
    this.tokens++;
    this.decodeContext += context;
    this.sequences++;
  }
}

/** o + hypot(f, b*tokens) + a*sum(chunk*context) + k*sum(decode context) + s*sequences */
export function stepSeconds(profile: EngineProfile, load: StepLoad): number {
  // Math.hypot guards against overflow at ten times the cost of a square root; these numbers need no guard.
  const compute = profile.tokenSeconds * load.tokens;
  return (
    profile.overheadSeconds +
    Math.sqrt(profile.floorSeconds * profile.floorSeconds + compute * compute) +
    profile.prefillContextSeconds * load.prefillPairs +
    profile.decodeContextSeconds * load.decodeContext +
    profile.sequenceSeconds * load.sequences
  );
}
