/**
 * When one pick passed from phase to phase. From the last of the body to the answer there is one chain of calls, so that
 * one set of marks serves all streams; it is read before the next pick begins.
 */

/** What a pick spends its time on, in this order. */
export const pickPhases = {
  wait: "from the headers to the end of the body, inflation included",
  read: "reading the body",
  route: "matching the prompt, scoring and picking",
  reply: "writing the answer",
  learn: "what follows the answer: the prefix index learns the pick",
} as const;

export type PickPhase = keyof typeof pickPhases;

export class PickPhases {
  /** The headers came. */
  startedAtMs = 0;
  /** There is nothing more to wait for. */
  completeAtMs = 0;
  readAtMs = 0;
  decidedAtMs = 0;
  repliedAtMs = 0;
  learntAtMs = 0;

  begin(startedAtMs: number, nowMs: number): void {
    this.startedAtMs = startedAtMs;
    // Where nothing is read, that took no time.
    this.completeAtMs = this.readAtMs = nowMs;
  }
}
