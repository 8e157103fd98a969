/** A line of a program's log that one of the signs fits. */
import type { Quote } from "../place.ts";
import { type Sign, signs } from "./signs.ts";

export interface LogLine {
  readonly sign: Sign;
  readonly quote: Quote;
}

const SHOWN_LENGTH = 400;

/** The first sign that fits; the others say less. */
export function readLogLine(text: string, source: string, line?: number): LogLine | undefined {
  const sign = signs.find(({ pattern }) => pattern.test(text));
  if (sign === undefined) return undefined;
  const shown = text.trim().slice(0, SHOWN_LENGTH);
  return { sign, quote: { source, text: shown, ...(line !== undefined && { line }) } };
}
