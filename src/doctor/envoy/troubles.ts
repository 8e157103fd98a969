/** What went wrong on a link, whoever tells of it: a line of the access log, Envoy's own log, or the counters alone. */
import type { Evidence } from "../evidence.ts";
import { isWellNow, weightOfLines } from "../logs/recovered.ts";
import type { Quote } from "../place.ts";
import type { Sighting } from "../probe.ts";
import { atMostRisk, weightOfCount } from "../weight.ts";
import { badOf, isFailing, type Link, linksOf, linksOfLine } from "./links.ts";
import { isOnPath } from "./request-paths.ts";
import type { Stats } from "./stats.ts";
import { type StreamError, type StreamErrorKind, streamErrors } from "./stream-errors.ts";

export interface Trouble {
  /** Absent where there is no configuration to tell it from. */
  readonly link: Link | undefined;
  readonly error: StreamError | undefined;
  readonly weight: Sighting["weight"];
  /** The strongest first; never empty. */
  readonly quotes: readonly [Quote, ...Quote[]];
}

/** Of a link and its counters: the one that tells of this trouble, if it is above what is usual. */
export type Telltale = (link: Link, stats: Stats) => Quote | undefined;

/** What the counters say where most streams are fine: nothing, for it may be long past, or that it is a risk. */
export type NowAndThen = "is nothing" | "is a risk";

/** One for each link at most: the first line that tells of it, with the counter that confirms it. */
export function troubles(
  evidence: Evidence,
  kinds: readonly StreamErrorKind[],
  telltale: Telltale,
  nowAndThen: NowAndThen = "is nothing",
): Trouble[] {
  const { stats } = evidence;
  const links = linksOf(evidence);
  const counted = (link: Link) => (stats === undefined ? undefined : telltale(link, stats));
  const byLink = new Map<Link | undefined, StreamError[]>();
  for (const error of streamErrors(evidence)) {
    const link = linkOf(error, links, counted);
    // What an old Envoy says of any of them the counters tell apart.
    const isTold = error.kind === "unavailable" && link !== undefined && counted(link) !== undefined;
    if (!isTold && !kinds.includes(error.kind)) continue;
    const known = byLink.get(link);
    if (known === undefined) byLink.set(link, [error]);
    else known.push(error);
  }
  const told = [...byLink].flatMap(([link, errors]): Trouble[] => {
    const [error] = errors;
    if (error === undefined) return [];
    const confirmed = link === undefined ? undefined : counted(link);
    const quotes: Trouble["quotes"] = confirmed === undefined ? [error.quote] : [error.quote, confirmed];
    const weight = weightOfErrors(errors, link, evidence);
    return [{ link, error, weight: link?.isWatchedOnly === true ? atMostRisk(weight) : weight, quotes }];
  });
  const countedOnly = links
    .filter((link) => !byLink.has(link))
    .flatMap((link): Trouble[] => {
      const quote = counted(link);
      if (quote === undefined || (nowAndThen === "is nothing" && !isFailing(link))) return [];
      return [{ link, error: undefined, weight: weightOfLink(link, evidence), quotes: [quote, ...failures(link)] }];
    });
  return [...told, ...countedOnly];
}

/** Envoy's own log does not tell of what went well: where the access log does, it decides. */
export function weightOfErrors(
  errors: readonly StreamError[],
  link: Link | undefined,
  evidence: Evidence,
): Sighting["weight"] {
  const lines = errors.flatMap(({ line }) => line ?? []);
  if (lines.length > 0) return weightOfLines(lines, evidence.access);
  return isWell(link, evidence) ? "risk" : "fault";
}

/** By the gauges of now, or by the share of streams that came to nothing, where the requests of now do not contradict it. */
function weightOfLink(link: Link, evidence: Evidence): Sighting["weight"] {
  if (link.isWatchedOnly) return "risk";
  if (link.isDown) return "fault";
  if (isFailing(link)) return isWell(link, evidence) ? "risk" : "fault";
  const weights = link.askers.flatMap(({ counters }) =>
    counters === undefined ? [] : [atMostRisk(weightOfCount(badOf(counters), counters.started))],
  );
  return weights.length > 0 && weights.every((weight) => weight === "past") ? "past" : "risk";
}

/** So many requests went well that the counters, or Envoy's log, tell of before; one that is passed by fails unseen. */
function isWell(link: Link | undefined, { access }: Evidence): boolean {
  if (link?.askers.some(({ extProc }) => extProc.failsOpen) === true) return false;
  const paths = link?.askers.flatMap((asker) => asker.paths);
  return isWellNow(
    paths === undefined ? access : access.filter((line) => paths.some((path) => isOnPath(line, path))),
    ENOUGH,
  );
}

const ENOUGH = 20;

/** Of several the one whose counters tell of it, else one whose streams fail. */
function linkOf(error: StreamError, links: readonly Link[], counted: (link: Link) => Quote | undefined) {
  const taken = linksOfLine(links, error.line);
  return taken.find((link) => counted(link) !== undefined) ?? taken.find(isFailing) ?? taken[0];
}

function failures({ askers }: Link): Quote[] {
  return askers.flatMap(({ counters }) =>
    counters === undefined ? [] : [counters.quote(counters.failed > 0 ? "streams_failed" : "message_timeouts")],
  );
}

/** How the report names it. */
export function nameOf(link: Link | undefined): string {
  return link === undefined ? "the picker's cluster" : `cluster ${link.to}`;
}

/** Where the picker is meant to be; "" where that is not known. */
export function addressOf(link: Link | undefined): string {
  const hosts = link?.hosts ?? [];
  const ill = hosts.find(({ ailments, connectFailures }) => ailments !== "" || connectFailures > 0);
  return (ill ?? hosts[0])?.address ?? link?.cluster?.endpoints[0] ?? "";
}

/** For the braces of a fix; what is not known stays for the reader to fill in. */
export function valuesOf(link: Link | undefined): Readonly<Record<string, string>> {
  const address = addressOf(link);
  const [asker] = link?.askers ?? [];
  return {
    ...(link !== undefined && { cluster: link.to }),
    ...(address !== "" && { address }),
    ...(asker !== undefined && { filter: asker.filter.name }),
  };
}
