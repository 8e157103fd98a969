/** A text of lines that each stand for themselves: an access log, the log of a program, both in one, or neither. */
import { type AccessLine, readAccessLine } from "./access-line.ts";
import { type LogLine, readLogLine } from "./log-line.ts";
import { isOfProgram } from "./prefix.ts";

export interface Lines {
  readonly access: readonly AccessLine[];
  readonly logs: readonly LogLine[];
  readonly logNames?: readonly string[];
}

/** What stands behind it in a line tells nothing more. */
const LONGEST_LINE = 16 * 1024;

/** Traces and tables go over lines without a beginning of their own. */
const LEAST_SHARE = 1 / 3;
/** An error by itself, as a shell or a pod wrote it, is no prose where so many of its lines are one. */
const LEAST_SIGNS = 1 / 5;

/** undefined where it is no log: prose and settings may hold the words of an error, and nothing failed for that. */
export function readLines(text: string, source: string): Lines | undefined {
  const access: AccessLine[] = [];
  const logs: LogLine[] = [];
  let [written, ofPrograms] = [0, 0];
  text.split("\n").forEach((whole, index) => {
    const line = whole.length > LONGEST_LINE ? whole.slice(0, LONGEST_LINE) : whole;
    if (line.trim() === "") return;
    written++;
    const request = readAccessLine(line, source, index + 1);
    if (request !== undefined) {
      access.push(request);
      return;
    }
    const said = readLogLine(line, source, index + 1);
    if (said !== undefined) logs.push(said);
    if (isOfProgram(line)) ofPrograms++;
  });
  const isByForm = access.length + ofPrograms >= written * LEAST_SHARE;
  const isBySigns = logs.length > 0 && (isNamedSo(source) || logs.length >= written * LEAST_SIGNS);
  if (written === 0 || (!isByForm && !isBySigns)) return undefined;
  return { access, logs, ...(access.length === 0 && { logNames: [source] }) };
}

/** As files of logs and those of a cluster's pods are called. */
function isNamedSo(source: string): boolean {
  return /\.(log|out|err)(\.\d+)?$|^log of /.test(source);
}
