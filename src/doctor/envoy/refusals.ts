/** Updates of its configuration that Envoy refused, by whatever tells of them. */
import type { Step } from "../catalogue/row.ts";
import type { Evidence } from "../evidence.ts";
import type { Quote } from "../place.ts";
import type { Sighting } from "../probe.ts";
import { WORTH } from "../weight.ts";
import type { Rejected } from "./config-view.ts";
import { linksOf } from "./links.ts";
import { needsPick, requestPaths } from "./request-paths.ts";

export interface Refusal {
  /** `listener requests`, or what is known of it. */
  readonly of: string;
  /** Envoy's own words; "" where only a counter tells. */
  readonly details: string;
  readonly weight: Sighting["weight"];
  /** Where nothing shows that requests pass through what was refused: the steps in which they may fail of it all the same. */
  readonly mayCause?: readonly Step[];
  readonly quote: Quote;
}

const COUNTER = /(^|\.)(lds|cds|rds\..+|srds|rtds)\.update_rejected$/;

/** What stands in the dump is refused to this day; a line or a counter may tell of one that was mended since. */
export function refusals(evidence: Evidence): Refusal[] {
  const { config, logs } = evidence;
  const dumped = (config?.rejected ?? []).map(
    (rejected): Refusal => ({
      of: `${rejected.kind} ${rejected.name}`,
      details: rejected.details,
      weight: "fault",
      ...(!isOnWay(rejected, evidence) && { mayCause: [] }),
      quote: rejected.at.quote(),
    }),
  );
  // A listener that never came up is in the dump under its name, and once more without.
  if (dumped.length > 0) return [...new Map(dumped.map((each) => [each.of, each])).values()];
  const weight = config === undefined ? "fault" : "risk";
  const logged = logs.filter(({ sign }) => sign.name === "update-rejected");
  const last = logged.at(-1);
  if (last !== undefined) {
    return [{ of: "an update", details: last.quote.text, weight, mayCause: ["filter", "route"], quote: last.quote }];
  }
  // A dump without a word of it is of an Envoy that has taken what came since: then only many count.
  const isDumped = config?.listeners.some(({ at }) => at.path.startsWith("configs")) ?? false;
  return counted(evidence, isDumped ? WORTH : 0);
}

/** Requests that ask a picker, or are to, pass through it. */
function isOnWay({ kind, name }: Rejected, evidence: Evidence): boolean {
  const { config } = evidence;
  const paths = config === undefined ? [] : requestPaths(config);
  const asking = paths.filter((path) => path.asking.length > 0 || path.clusters.some(needsPick));
  if (kind === "cluster") {
    const pickers = linksOf(evidence).map(({ to }) => to);
    return [...asking.flatMap(({ route }) => route.clusters), ...pickers].includes(name);
  }
  return asking.some(({ listener }) => {
    const table = [listener.at.at("rds", "route_config_name"), listener.at.at("route_config", "name")];
    return kind === "listener" ? listener.listener === name : table.some((each) => each.text() === name);
  });
}

/** `least`: the share of all updates of a kind, from which on it is worth a word. */
function counted({ stats }: Evidence, least: number): Refusal[] {
  if (stats === undefined) return [];
  const isMany = (name: string) => {
    const count = stats.get(name) ?? 0;
    const all = stats.get(name.replace(/update_rejected$/, "update_attempt")) ?? 0;
    return count > 0 && (least === 0 || (all > 0 && count >= least * all));
  };
  const names = [...stats.names()].filter((name) => COUNTER.test(name) && isMany(name));
  return names
    .slice(0, 1)
    .map((name) => ({ of: "an update", details: "", weight: "risk" as const, quote: stats.quote(name) }));
}

/** Row 45, not 22: Envoy 1.35.0 takes no filter that fails open and has duplex bodies. */
export function isOfFailOpen({ details }: Refusal): boolean {
  return /FULL_DUPLEX_STREAMED/i.test(details) && /fail(ure)?[_ -]?(mode[_ -]?allow|open)/i.test(details);
}
