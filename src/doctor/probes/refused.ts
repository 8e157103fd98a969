/** Row 58: an object that its controller refused, for whatever reason it gives. */
import { rows } from "../catalogue/rows.ts";
import type { Evidence } from "../evidence.ts";
import { titleOf } from "../kube/kube-object.ts";
import { bearsOnPick, quoteOf, type Refusal, refusalsIn, wordsOf } from "../kube/refusals.ts";
import type { Because, Probe, Sighting } from "../probe.ts";
import { directResponse } from "./direct-response.ts";
import { noAddress } from "./no-address.ts";
import { policyRefused } from "./policy-refused.ts";
import { poolGroup } from "./pool-group.ts";
import { poolsOff } from "./pools-off.ts";

export const refused: Probe = {
  row: rows.refused,
  needs: [["objects"]],
  look: (evidence) => {
    const told = toldElsewhere(evidence);
    const open = refusalsIn(evidence.objects).filter(({ object }) => !told.has(titleOf(object)));
    const byObject = Map.groupBy(open, ({ object }) => object);
    return [...byObject].map(([object, refusals]) => {
      const [first, ...more] = refusals as [Refusal, ...Refusal[]];
      return sightingOf(first, more, bearsOnPick(object, evidence.objects) || isMet(first, evidence));
    });
  },
};

/** Rows that know more of the same words: what they name is not named twice. */
const others: readonly Probe[] = [policyRefused, poolsOff, poolGroup, noAddress, directResponse];

function toldElsewhere(evidence: Evidence): Set<string> {
  const sightings = others.flatMap(({ look }) => look(evidence)).filter(({ weight }) => weight !== "past");
  const behind = sightings.flatMap(({ because = [] }) => because.map(({ evidence: { text } }) => text));
  const named = refusalsIn(evidence.objects).filter((refusal) => behind.includes(quoteOf(refusal).text));
  return new Set([...sightings.map(({ object }) => object), ...named.map(({ object }) => titleOf(object))]);
}

/** A request failed on a route that was made of it, by the names that Envoy Gateway and Istio give to routes. */
function isMet({ object: { namespace, name } }: Refusal, { access }: Evidence): boolean {
  const names = [`httproute/${namespace}/${name}/`, `${namespace}.${name}.`];
  return access.some(({ status, route }) => status >= 400 && names.some((each) => route.startsWith(each)));
}

function sightingOf(first: Refusal, more: readonly Refusal[], isOnTheWay: boolean): Sighting {
  const { object, condition, message } = first;
  const title = titleOf(object);
  return {
    weight: isOnTheWay ? "fault" : "risk",
    mayCause: ["gateway", "accepted", "filter", "route", "link", "stream", "address", "cluster"],
    object: title,
    says: `${title} has ${wordsOf(first)}${condition.of === "" ? "" : ` (said for ${condition.of})`}`,
    evidence: [quoteOf(first), ...more.map(quoteOf)],
    because: more
      .filter((each) => each.message !== message)
      .slice(0, 2)
      .map((each): Because => ({ says: `It has ${wordsOf(each)} too.`, evidence: quoteOf(each) })),
    values: { object: title, message, condition: condition.type },
  };
}
