/** The requests of now that fail: of the whole log, or of one route that is seldom used and lost among the others. */
import { isOnPath, requestPaths } from "./envoy/request-paths.ts";
import type { Evidence } from "./evidence.ts";
import type { AccessLine } from "./logs/access-line.ts";
import { isOfPod } from "./logs/answered-by.ts";
import { isFailure, nameOf, weightOfLines } from "./logs/recovered.ts";
import { FEW, WORTH } from "./weight.ts";

/** What failed longer ago than so many requests may be over. */
export const RECENT = 20;

export interface Failing {
  readonly failed: readonly AccessLine[];
  /** The last of those on the same way, well or not. */
  readonly recent: readonly AccessLine[];
  /** The route, else the cluster; "" for the log as a whole. */
  readonly way: string;
}

/** Strays in a long log are none. */
export function failingLines(evidence: Evidence): Failing | undefined {
  const { access } = evidence;
  const ways = Map.groupBy(access, nameOf);
  const recent = access.slice(-RECENT);
  const failed = failedOf(recent, access);
  const names = new Set(failed.map(nameOf));
  const [name = ""] = names;
  // All on one way of several: how it goes on the others says nothing of it.
  if (names.size === 1 && name !== "" && ways.size > 1) return ofWay(name, ways.get(name) ?? []);
  if (failed.length > 0) return { failed, recent, way: names.size === 1 ? name : "" };
  const seldom = [...ways].find(([, lines]) => isFailing(lines, evidence));
  return seldom === undefined ? undefined : ofWay(...seldom);
}

function ofWay(way: string, lines: readonly AccessLine[]): Failing {
  const recent = lines.slice(-RECENT);
  const failed = recent.filter(isFailure);
  return { failed: failed.length > 0 ? failed : recent.filter(isRefused), recent, way };
}

/** What a gateway or a pod refuses now and then it does when most is refused. */
function failedOf(recent: readonly AccessLine[], access: readonly AccessLine[]): readonly AccessLine[] {
  const failed = recent.filter(isFailure);
  if (failed.length > 0 && weightOfLines(access.filter(isFailure), access) === "fault") return failed;
  const refused = recent.filter((line) => isFailure(line) || isRefused(line));
  return refused.length * 2 > recent.length ? refused : [];
}

/** 499 is a client that left, in the words of others. */
function isRefused({ status }: AccessLine): boolean {
  return status >= 400 && status < 499;
}

/** A route that the configuration has no more is past, however it ended. */
function isFailing(lines: readonly AccessLine[], { access, config }: Evidence): boolean {
  const failed = lines.filter(isFailure);
  const last = failed.at(-1);
  if (last === undefined || (failed.length < FEW && failed.length < WORTH * access.length)) return false;
  const paths = config === undefined ? [] : requestPaths(config);
  const isThere = paths.length === 0 || paths.some((path) => isOnPath(last, path));
  return isThere && weightOfLines(failed, lines) === "fault";
}

/** ` on route x`, where it is one that has a name. */
export function wayOf({ failed, way }: Failing): string {
  if (way === "") return "";
  return failed[0]?.route === "" ? ` on cluster ${way}` : ` on route ${way}`;
}

/** Who answered, where all were answered alike: the pod, or Envoy for want of the picker or of something else. */
export function answersOf(failed: readonly AccessLine[]): string {
  const statuses = [...new Set(failed.map(({ status }) => status))].join(", ");
  const [line] = failed;
  if (line === undefined) return "";
  if (failed.every(isOfPod)) return `the pod itself answered ${statuses} (via_upstream)`;
  if (failed.every(({ details }) => details.startsWith("ext_proc_error"))) {
    return `Envoy answered ${statuses} because the stream to the picker failed (${line.details.slice(0, LONGEST_DETAILS)})`;
  }
  const words = (each: AccessLine) => [each.flags, each.details].filter((word) => word !== "").join(" ");
  const isAlike = failed.every((each) => words(each) === words(line));
  return isAlike && words(line) !== "" ? `status ${statuses}, ${words(line).slice(0, LONGEST_DETAILS)}` : "";
}

const LONGEST_DETAILS = 200;
