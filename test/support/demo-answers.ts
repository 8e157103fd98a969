/** Answers as the demo's client reports them. */
import type { Answer } from "../../src/demo/ask.ts";

export function goodAnswer(pod: string, ttftMs: number, promptTokens: number, cachedTokens: number): Answer {
  return { fault: undefined, pod, ttftMs, promptTokens, cachedTokens, text: "yes" };
}
