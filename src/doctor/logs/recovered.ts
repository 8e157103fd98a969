/** What lines of an access log that tell of one fault weigh: by their share of the requests on their way, and of those of now. */
import type { Sighting } from "../probe.ts";
import { FEW, SMALL, WORTH } from "../weight.ts";
import type { AccessLine } from "./access-line.ts";

/** So many requests after the last that failed, and what is broken for all is broken no more. */
const RECOVERED = 20;
/** Where the log is long these tell how it is now. */
const RECENT = 100;

/** What happens to some all their life may happen three times in a row; not so many times. */
const RUN = 5;

/** `way`: the requests that could have met it. */
export function isOver(last: AccessLine, way: readonly AccessLine[]): boolean {
  return way.length - 1 - way.lastIndexOf(last) >= RECOVERED;
}

/** Of lines that tell of one fault: is it one of now, and of so many that it is worth it? */
export function weightOfLines(lines: readonly AccessLine[], access: readonly AccessLine[]): Sighting["weight"] {
  return weightBy(lines, access, (way, hits) => {
    const isLot = hits.size >= WORTH * way.length && !isStray(hits.size, access.length);
    return isLot || lastOf(way, RECENT, hits) >= WORTH * RECENT || lastOf(way, FEW, hits) === FEW;
  });
}

/** A fault where it is the lot of most requests, or of all of now; of some it is what happens to them all their life. */
export function weightOfShare(lines: readonly AccessLine[], access: readonly AccessLine[]): Sighting["weight"] {
  return weightBy(lines, access, (way, hits) => {
    const isMost = hits.size * 2 > way.length && !isStray(hits.size, access.length);
    return isMost || lastOf(way, RECOVERED, hits) * 2 > RECOVERED || lastOf(way, RUN, hits) === RUN;
  });
}

/** So many of the last on their way that it is worth a word, though most went well. */
export function isOften(lines: readonly AccessLine[], access: readonly AccessLine[]): boolean {
  return lastOf(wayOf(lines, access), RECOVERED, new Set(lines)) * 4 >= RECOVERED;
}

type IsWorth = (way: readonly AccessLine[], hits: ReadonlySet<AccessLine>) => boolean;

function weightBy(lines: readonly AccessLine[], access: readonly AccessLine[], isWorth: IsWorth): Sighting["weight"] {
  const last = lines.at(-1);
  if (last === undefined) return "risk";
  const way = wayOf(lines, access);
  if (isOver(last, way)) return lines.length < SMALL * way.length ? "past" : "risk";
  return isWorth(way, new Set(lines)) ? "fault" : "risk";
}

/** The requests that went where these did, well or not: by the name of their route, else of their cluster. */
function wayOf(lines: readonly AccessLine[], access: readonly AccessLine[]): readonly AccessLine[] {
  const names = new Set(lines.map(nameOf));
  return names.has("") ? access : access.filter((line) => names.has(nameOf(line)));
}

/** Of the way that a request went, as far as the line tells: its route, else its cluster. */
export function nameOf({ route, upstreamCluster }: AccessLine): string {
  return route || upstreamCluster;
}

/** One or two in a long log, though nobody else went that way. */
function isStray(count: number, all: number): boolean {
  return count < FEW && count < WORTH * all;
}

function lastOf(way: readonly AccessLine[], count: number, hits: ReadonlySet<AccessLine>): number {
  return way.slice(-count).filter((line) => hits.has(line)).length;
}

/** Envoy's own failures and those of others; a client that went away before its answer came is none. */
export function isFailure({ status, flags, details }: AccessLine): boolean {
  const isLeft =
    /\b(DC|DR)\b/.test(flags) || /^(downstream_remote_disconnect|http2\.remote_re(set|fuse))/.test(details);
  return status >= 500 || (status === 0 && !isLeft);
}

/** Of requests that could have failed of something: so many of the last went well, or all there are. */
export function isWellNow(way: readonly AccessLine[], least = 1): boolean {
  return way.length >= least && !way.slice(-RECOVERED).some(isFailure);
}
