/** Requests that fail though no row of the catalogue fits what is known: that must not look like health. */
import { countedFailure } from "./counted-failures.ts";
import { wasBeforeFilter } from "./envoy/pick-results.ts";
import type { Evidence } from "./evidence.ts";
import { answersOf, type Failing, failingLines, RECENT, wayOf } from "./failing-lines.ts";
import { deadPort, type LiveAnswer } from "./live/live-answers.ts";
import type { AccessLine } from "./logs/access-line.ts";
import { isWithoutHost, isWithoutRoute } from "./logs/answered-by.ts";
import { isFailure, nameOf } from "./logs/recovered.ts";
import type { Quote } from "./place.ts";

export interface Unexplained {
  readonly says: string;
  readonly evidence: Quote;
}

/** Only asked where nothing is found to be broken. */
export function unexplained(evidence: Evidence): Unexplained | undefined {
  const { live } = evidence;
  const asked = live?.asked ?? [];
  const request = asked.find(({ question }) => question === "request");
  if (request !== undefined && !request.isWell) return ofAnswer("the request that was sent failed", request);
  const failing = failingLines(evidence);
  const last = failing?.failed.at(-1);
  if (failing !== undefined && last !== undefined) return { says: saysOf(failing, evidence), evidence: last.quote };
  const counted = countedFailure(evidence);
  if (counted !== undefined) return { ...counted, says: `${counted.says}, and ${WOULD_TELL}` };
  const pick = asked.find(({ question }) => question === "pick") ?? deadPort(live);
  return pick === undefined || pick.isWell ? undefined : ofAnswer("the picker that was asked did not pick", pick);
}

function ofAnswer(says: string, { quote }: LiveAnswer): Unexplained {
  return { says: `${says}, and nothing that was given tells why`, evidence: quote };
}

const WOULD_TELL = "nothing that was given tells why: lines of the access log would";

function saysOf(failing: Failing, evidence: Evidence): string {
  const { failed, recent } = failing;
  const says = `${failed.length} of the last ${recent.length} requests failed${wayOf(failing)}`;
  if (failed.every((line) => wasBeforeFilter(line, evidence))) {
    return `${says} while no filter ran for them, and the configuration has one now: send a request, and look again`;
  }
  if (failed.every(isWithoutHost)) return `${says}, and nothing that was given tells why: ${candidates(failed)}`;
  if (failed.every(isWithoutRoute)) return `${says}, and nothing that was given tells why: ${NO_ROUTE}`;
  const answers = answersOf(failed);
  return `${says}${answers === "" ? "" : `: ${answers}`}, and nothing that was given tells why`;
}

const NO_ROUTE =
  "flag NR is row 29 (the header with the model came too late, or not at all), or a host or path that no route has; config_dump would tell";

/** UH without the name of a cluster: the rows that end so. */
function candidates(failed: readonly AccessLine[]): string {
  const wasRead = failed.some(({ bytesReceived = 0 }) => bytesReceived > 0);
  const rows = [
    ...(wasRead ? [] : ["1 (no filter asked the picker)"]),
    "5 (no usable address)",
    "6 (no healthy endpoint)",
  ];
  return `flag UH is row ${rows.join(", ")}; config_dump and clusters would tell`;
}

/** Which requests failed and which did not, by route or by cluster, where the log tells them apart. */
export function sharesOf(evidence: Evidence): string {
  const failing = failingLines(evidence);
  const recent = evidence.access.slice(-RECENT);
  const failed = recent.filter(isFailure);
  if (failing === undefined)
    return countedFailure(evidence)?.says ?? `${failed.length} of the last ${recent.length} requests failed`;
  // One that is seldom asked for, and not among the last.
  if (failed.length === 0)
    return `${failing.failed.length} of the last ${failing.recent.length} failed${wayOf(failing)}`;
  const all = `${failed.length} of the last ${recent.length} requests failed`;
  const groups = Map.groupBy(recent, (line) => nameOf(line) || "-");
  if (groups.size < 2 || groups.size > MOST_GROUPS) return all;
  const shares = [...groups].map(([name, lines]) => ({ name, all: lines.length, bad: lines.filter(isFailure).length }));
  const worst = shares.toSorted((a, b) => b.bad / b.all - a.bad / a.all);
  return `${all}: ${worst.map(({ name, all: count, bad }) => `${bad} of ${count} on ${name}`).join(", ")}`;
}

const MOST_GROUPS = 4;
