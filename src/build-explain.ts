/** Puts together what explains: the answer to "where would this request go", and the decision log. */

import { DecisionRing } from "./explain/decision-ring.ts";
import type { Explanation } from "./explain/explanation.ts";
import { readDecision } from "./explain/read-decision.ts";
import type { RequestRecord, StreamHost } from "./ext-proc/stream-host.ts";
import { type AskedRequest, foresee } from "./ext-proc/what-if.ts";
import { DecisionLog } from "./observe/decision-log.ts";
import type { DecisionTrace } from "./observe/decision-trace.ts";
import type { Logger } from "./observe/log.ts";
import { bothRecords, loggedRequest } from "./observe/logged-request.ts";
import type { Instruments } from "./observe/metrics.ts";
import type { SharedOutput } from "./observe/shared-output.ts";
import type { PodTable } from "./pods/pod-table.ts";

/** Explains what is not decided: without side effects. `host` is the one that streams have. */
export function buildExplain(host: StreamHost, table: PodTable): (asked: AskedRequest) => Explanation | "listed" {
  let ring: DecisionRing | undefined;
  return (asked) => {
    ring ??= new DecisionRing(table, 1);
    const startedAtMs = host.now();
    const foreseen = foresee(host, asked);
    if (foreseen === "listed") return foreseen;
    const { decision, seed } = foreseen;
    const entry = ring.entry(ring.add(decision, host.router.trail, Date.now(), host.now()));
    host.router.forget();
    if (entry === undefined) throw new Error("the ring holds no entry");
    entry.elapsedMs = host.now() - startedAtMs;
    const told = readDecision(ring, entry, "next");
    if (told === undefined) throw new Error("the entry holds no decision");
    return { ...told, seed };
  };
}

export interface DecisionLogSources {
  readonly path: string;
  readonly share: number;
  readonly trace: DecisionTrace;
  readonly table: PodTable;
  readonly log: Logger;
  readonly instruments: Instruments;
  readonly output?: SharedOutput | undefined;
}

/** undefined where none is wanted. */
export function buildDecisionLog({ path, share, trace, table, log, instruments, output }: DecisionLogSources) {
  if (path === "") return undefined;
  const written = instruments.decisionLogLines.cell({ outcome: "written" });
  const dropped = instruments.decisionLogLines.cell({ outcome: "dropped" });
  const events = {
    written: (lines: number) => {
      written.value += lines;
    },
    dropped: (lines: number) => {
      dropped.value += lines;
    },
    failed: (error: unknown) =>
      log.error({ err: error, path }, "the decision log cannot be written: its lines are dropped"),
    hangs: () =>
      log.error({ path }, "a write to the decision log hangs: lines wait, and are dropped where they are too many"),
    recovered: () => log.info({ path }, "the decision log is written again"),
    fault: (error: unknown) => {
      instruments.faults.add({ where: "decision log" });
      log.error({ err: error }, "a line of the decision log could not be made");
    },
  };
  return new DecisionLog({ path, share, trace, table, events, output });
}

/** Begins the records of a request that somebody wants; undefined where nobody does. */
export function openRecords(
  log: DecisionLog | undefined,
  others: (() => RequestRecord) | undefined,
): (() => RequestRecord) | undefined {
  if (log === undefined) return others;
  if (others === undefined) return () => loggedRequest(log);
  return () => bothRecords(loggedRequest(log), others());
}
