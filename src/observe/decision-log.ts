/** The decision log: a share of the requests as JSON lines, each when its pod is picked and once more at its end. */

import { type EndLine, pickLine } from "../explain/log-line.ts";
import { FINGERPRINT_TOKENS, PromptFingerprint } from "../explain/prompt-fingerprint.ts";
import type { StreamEnd } from "../ext-proc/stream-host.ts";
import { type PodColumn, podColumnNames } from "../pods/columns.ts";
import type { PodTable } from "../pods/pod-table.ts";
import type { AnswerReport } from "../response/answer-reading.ts";
import type { Trail } from "../routing/router.ts";
import { promptTokensOf } from "../scorer.ts";
import type { DecisionTrace } from "./decision-trace.ts";
import { LineFile, type LineFileEvents } from "./line-file.ts";
import type { SharedOutput } from "./shared-output.ts";

/** What a pick changes at once, and so must be gathered before it to be told. */
export const watchedColumns: readonly PodColumn[] = ["waiting", "running", "pendingTokens"];

const LONGEST_REQUEST_ID = 128;

export interface DecisionLogParts {
  /** "stdout" is standard output. */
  readonly path: string;
  /** 0..1 of the requests. */
  readonly share: number;
  readonly trace: DecisionTrace;
  readonly table: PodTable;
  readonly events: LineFileEvents & { fault(error: unknown): void };
  /** Whom standard output is shared with. */
  readonly output?: SharedOutput | undefined;
}

export class DecisionLog {
  readonly #parts: DecisionLogParts;
  readonly #file: LineFile;
  readonly #fingerprint = new PromptFingerprint();
  /** Of the decision last told of; "" where it was not taken. */
  lastId = "";

  constructor(parts: DecisionLogParts) {
    this.#parts = parts;
    this.#file = new LineFile(parts.path, parts.events, { output: parts.output });
  }

  /** After the answer is out, in the tick of the decision. A fault here costs a line. */
  picked(number: number, requestId: string, trail: Trail | undefined): void {
    this.lastId = "";
    const id = this.#parts.trace.idOf(number);
    if (!isInSample(requestId === "" ? id : requestId, this.#parts.share)) return;
    try {
      this.#write(number, id, requestId, trail);
    } catch (error) {
      this.#parts.events.fault(error);
    }
  }

  ended(id: string, end: StreamEnd, status: number, report: AnswerReport | undefined): void {
    const line: EndLine = {
      ...{ event: "end", id, requestId: bounded(end.requestId), cause: end.cause },
      ...(status > 0 && { status }),
      ...knownOf({
        ttftMs: report?.ttftMs,
        tpotMs: report?.tpotMs,
        promptTokens: report?.usage.promptTokens,
        cachedTokens: report?.usage.cachedTokens,
        completionTokens: report?.usage.completionTokens,
      }),
    };
    this.#file.add(JSON.stringify(line));
  }

  flush(): Promise<void> {
    return this.#file.flush();
  }

  /** False: a write hangs, and with it the end of this process. */
  close(): Promise<boolean> {
    return this.#file.close();
  }

  #write(number: number, id: string, requestId: string, trail: Trail | undefined): void {
    const { ring } = this.#parts.trace;
    const entry = ring.entry(number);
    const { request } = trail ?? {};
    const ids = request === undefined ? "" : this.#fingerprint.of(request);
    const line =
      entry &&
      pickLine(ring, entry, {
        ...{ id, requestId: bounded(requestId) },
        promptTokens: request === undefined ? 0 : promptTokensOf(request),
        prefix: ids === "" ? undefined : { blockTokens: FINGERPRINT_TOKENS, ids },
        more: this.#readings(),
      });
    if (line === undefined) return;
    this.#file.add(JSON.stringify(line));
    this.lastId = id;
  }

  /** What is known of pods whatever the scorers read: another profile may want it. */
  #readings(): Record<string, Float64Array> {
    const { columns } = this.#parts.table;
    // Those that the pick itself has changed are told by the candidates: they are watched.
    return Object.fromEntries(unchangedColumns.map((name) => [name, columns[name]]));
  }
}

const unchangedColumns = podColumnNames.filter((name) => name !== "inFlight" && !watchedColumns.includes(name));

/** The same requests in every process with the same share: by a hash of the id (FNV-1a). */
export function isInSample(requestId: string, share: number): boolean {
  if (share >= 1) return true;
  let hash = 0x811c9dc5;
  for (let i = 0; i < requestId.length; i++) hash = Math.imul(hash ^ requestId.charCodeAt(i), 0x01000193);
  // The last characters reach the high bits only through another mixing.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 13), 0x297a2d39);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32 < share;
}

/** A client may write anything into its request's id. */
function bounded(requestId: string): string {
  return requestId.slice(0, LONGEST_REQUEST_ID);
}

function knownOf(values: Readonly<Record<string, number | undefined>>): Record<string, number> {
  const known: Record<string, number> = {};
  for (const [name, value] of Object.entries(values))
    if (value !== undefined && !Number.isNaN(value)) known[name] = value;
  return known;
}
