/** Looks again and again: counters by how they grew, logs by what is new; says when the verdict changes. */
import { setTimeout as delay } from "node:timers/promises";
import { diagnose } from "./diagnose.ts";
import type { Evidence } from "./evidence.ts";
import { evidenceFrom, type Gathered, gather, type Inputs } from "./gather/gather.ts";
import { jsonReportOf } from "./json-report.ts";
import { exitCodes, type Outcome, outcomeOf } from "./outcome.ts";
import { reportOf } from "./report.ts";
import type { Verdict } from "./verdict.ts";
import { Window } from "./window.ts";

export interface WatchOptions {
  readonly inputs: Inputs;
  readonly intervalMs: number;
  readonly isJson: boolean;
  readonly out: (line: string) => void;
  /** Resolves when it is to end. */
  readonly interrupted: Promise<unknown>;
}

/** Resolves with the exit code of the last verdict. */
export async function watch({ inputs, intervalMs, isJson, out, interrupted }: WatchOptions): Promise<number> {
  const ending = new AbortController();
  interrupted.then(() => ending.abort()).catch(() => ending.abort());
  const watching = new Watching(isJson, out);
  while (!ending.signal.aborted) {
    const gathered = await Promise.race([gather(inputs), aborted(ending.signal)]);
    if (gathered !== undefined) watching.look(gathered);
    await delay(intervalMs, undefined, { signal: ending.signal }).catch(() => undefined);
  }
  return exitCodes[watching.outcome];
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

export class Watching {
  outcome: Outcome = "unknown";
  readonly #isJson: boolean;
  readonly #out: (line: string) => void;
  readonly #now: () => Date;
  readonly #window = new Window();
  #title: string | undefined;

  constructor(isJson: boolean, out: (line: string) => void, now = () => new Date()) {
    this.#isJson = isJson;
    this.#out = out;
    this.#now = now;
  }

  look(gathered: Gathered): void {
    const evidence = this.#window.next(gathered, evidenceFrom);
    const verdict = diagnose(evidence);
    this.outcome = outcomeOf(verdict, evidence);
    const title = titleOf(verdict, this.outcome);
    if (title === this.#title) return;
    this.#tell(title, verdict, evidence);
    this.#title = title;
  }

  #tell(title: string, verdict: Verdict, evidence: Evidence): void {
    const at = this.#now().toISOString();
    if (this.#isJson) {
      this.#out(JSON.stringify({ at, was: this.#title ?? null, now: title, ...jsonReportOf(verdict, evidence) }));
      return;
    }
    if (this.#title === undefined) {
      this.#out(`${reportOf(verdict, evidence)}\n\n${at} watching: by what is new from here on.`);
      return;
    }
    this.#out(`${at} CHANGED: was ${this.#title}; now ${title}`);
    // Of one that is well the line says all.
    if (verdict.first !== undefined) this.#out(reportOf(verdict, evidence));
  }
}

/** What is broken, not the numbers of the moment. */
function titleOf({ first, risks }: Verdict, outcome: Outcome): string {
  if (first !== undefined) return `row ${first.row.row}, ${first.row.name} (${first.object})`;
  const names = [...new Set(risks.map(({ row }) => `row ${row.row}, ${row.name}`))].join("; ");
  return outcome === "risk"
    ? `no fault, at risk of ${names}`
    : outcome === "well"
      ? "nothing is broken"
      : "nothing to judge by";
}
