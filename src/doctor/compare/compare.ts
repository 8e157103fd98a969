/** Two set-ups, one that works and one that does not: what differs first on the way of a request. */
import { type Step, steps } from "../catalogue/row.ts";
import { type Evidence, has } from "../evidence.ts";
import { inOneLine } from "../printable.ts";
import { compareConfigs } from "./compare-configs.ts";
import { compareObjects } from "./compare-objects.ts";
import type { OnTheWay } from "./differences.ts";

export interface Named {
  readonly name: string;
  readonly evidence: Evidence;
}

export interface Comparison {
  /** `nothing to compare`: there is no kind of evidence that both have; `not all compared`: no difference in what both have. */
  readonly outcome: "same" | "different" | "not all compared" | "nothing to compare";
  readonly first?: OnTheWay;
  readonly also: readonly OnTheWay[];
  /** What one of the two lacks, or holds and cannot be read. */
  readonly notCompared: readonly string[];
  readonly text: string;
}

const MOST_SHOWN = 12;
const order = Object.keys(steps) as Step[];

export function compared(good: Named, bad: Named): Comparison {
  const [a, b] = [good.evidence, bad.evidence];
  const parts = [
    ...(a.objects.length > 0 && b.objects.length > 0 ? [compareObjects(a.objects, b.objects)] : []),
    ...(a.config !== undefined && b.config !== undefined ? [compareConfigs(a.config, b.config)] : []),
    ...(a.server !== undefined && b.server !== undefined ? [ofVersions(a.server, b.server)] : []),
  ];
  const all = parts.flat().sort((x, y) => order.indexOf(x.step) - order.indexOf(y.step));
  const [first, ...also] = all;
  const notCompared = [...onOneSide(good, bad), ...onOneSide(bad, good), ...unreadOf(good), ...unreadOf(bad)];
  const alike = notCompared.length === 0 ? "same" : "not all compared";
  const outcome = parts.length === 0 ? "nothing to compare" : first === undefined ? alike : "different";
  const comparison = { outcome, ...(first !== undefined && { first }), also, notCompared } as const;
  return { ...comparison, text: textOf(comparison, good.name, bad.name) };
}

const kinds = { objects: "objects", config: "a config_dump", server: "server_info" } as const;

function onOneSide(one: Named, other: Named): string[] {
  return (["objects", "config", "server"] as const)
    .filter((kind) => has(one.evidence, kind) && !has(other.evidence, kind))
    .map((kind) => `${one.name} has ${kinds[kind]}, and ${other.name} has none`);
}

function unreadOf({ evidence }: Named): string[] {
  return evidence.unread.map(({ source, why }) => `${source}: ${why}`);
}

function ofVersions(good: { version: string }, bad: { version: string }): OnTheWay[] {
  const step = "filter";
  return good.version === bad.version
    ? []
    : [{ step, object: "Envoy", path: "version", kind: "different", good: good.version, bad: bad.version }];
}

function textOf(comparison: Omit<Comparison, "text">, good: string, bad: string): string {
  const { outcome, notCompared } = comparison;
  const gaps = notCompared.map((each) => `  - ${inOneLine(each)}`);
  const head =
    outcome === "nothing to compare"
      ? [`Nothing to compare: ${good} and ${bad} have no objects, config_dump or server_info in common.`]
      : outcome === "different"
        ? differencesIn(comparison, good, bad)
        : [
            `No difference on the way of a request between ${good} and ${bad}${gaps.length > 0 ? ", in what both have" : ""}.`,
          ];
  return [...head, ...(gaps.length > 0 ? ["", "Not compared:", ...gaps] : [])].join("\n");
}

function differencesIn({ first, also }: Omit<Comparison, "text">, good: string, bad: string): string[] {
  if (first === undefined) return [];
  const line = ({ object, path, kind, good: a, bad: b }: OnTheWay) => {
    const where = path === object || path === "" ? object : `${object}: ${path}`;
    if (kind === "missing") return inOneLine(`${where} is missing${a === "there" ? "" : ` (${good} has ${a})`}`);
    return inOneLine(
      kind === "added" ? `${where} is there in ${bad} only: ${b}` : `${where}: ${a} in ${good}, ${b} in ${bad}`,
    );
  };
  const more = also.length - MOST_SHOWN;
  const shown = also.slice(0, MOST_SHOWN).map((each) => `  - ${line(each)}`);
  return [
    `FIRST DIFFERENCE: ${line(first)}`,
    `  It bears on: ${steps[first.step]}`,
    ...(also.length > 0 ? ["", "Also different, in the order of the way:", ...shown] : []),
    ...(more > 0 ? [`  - and ${more} more (--json has all)`] : []),
  ];
}
