/** The header that tells a client why its request went where it did: one short line, made where it is asked for. */

import type { Refusal } from "../routing/choose-pool.ts";
import type { Picked } from "../routing/decision.ts";
import type { Trail } from "../routing/router.ts";
import { shortNumber } from "./short-number.ts";

export const WHY_HEADER = "x-pointsman-why";

/** Long enough for a pod's name and five scorers; bounded, since proxies bound headers. */
const LONGEST = 256;
/** Two names of this length fit in. */
const LONGEST_PART = 112;
const SCORERS_NAMED = 5;
const BETWEEN = "; ";
const DOTS = "...";

/** Call it in the tick of the pick. */
export function whyPicked({ pod, reason, strategy, score }: Picked, { lane }: Trail): string {
  const trace = lane?.trace;
  const size = trace?.rows.size ?? 0;
  const parts = [`pod=${pod.name}`, `reason=${reason}`, `of=${size}`];
  if (strategy !== undefined) parts.push(`by=${strategy}`);
  if (trace?.isScored === true) parts.push(`score=${short(score)}`, ...scorersOf(trace, pod.slot));
  return bounded(parts);
}

export function whyRefused({ code, pool }: Refusal): string {
  return bounded([
    `refused=${code}`,
    ...(pool === undefined ? [] : [`pool=${pool.name}`, `pods=${pool.members.size}`]),
  ]);
}

/** Where the data plane went on to another pod. */
export function whyMoved(why: string, served: string): string {
  const last = part(`served=${served}`);
  return `${bounded(why.split(BETWEEN), LONGEST - BETWEEN.length - last.length)}${BETWEEN}${last}`;
}

/** What each counted for the pod, most first, of what it could. */
function scorersOf({ rows, plan, telling }: NonNullable<Trail["lane"]>["trace"], slot: number): string[] {
  const row = rows.slots.subarray(0, rows.size).indexOf(slot);
  return plan
    .stepsOf(telling)
    .filter(({ counts, weight }) => counts && weight > 0)
    .map(({ name, weight, scores }) => ({ name, weight, gained: (scores[row] ?? 0) * weight }))
    .sort((one, other) => other.gained - one.gained)
    .slice(0, SCORERS_NAMED)
    .map(({ name, weight, gained }) => `${name}=${short(gained)}/${short(weight)}`);
}

/** The first parts, as many as fit; where some do not, dots say so. */
function bounded(parts: readonly string[], longest = LONGEST): string {
  const told: string[] = [];
  let left = longest - BETWEEN.length - DOTS.length;
  for (const text of parts) {
    const next = part(text);
    left -= next.length + (told.length > 0 ? BETWEEN.length : 0);
    if (left < 0) break;
    told.push(next);
  }
  if (told.length < parts.length && told.at(-1) !== DOTS) told.push(DOTS);
  return told.join(BETWEEN);
}

/** What is no plain ASCII is a question mark; a name that is too long loses its middle, since names differ at their end. */
function part(text: string): string {
  const plain = text.replace(/[^ -~]/g, "?");
  if (plain.length <= LONGEST_PART) return plain;
  return `${plain.slice(0, 20)}${DOTS}${plain.slice(20 + DOTS.length - LONGEST_PART)}`;
}

function short(value: number): string {
  return shortNumber(value, 3);
}
