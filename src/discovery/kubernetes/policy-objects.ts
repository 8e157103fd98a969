/** The objects that say how a pool's requests are meant: InferenceModelRewrite and InferenceObjective. */
import { isModelName } from "../../rewrite/model-name.ts";
import { MOST_WEIGHT, type RewriteRule, type RewriteSource, type RewriteTarget } from "../../rewrite/rewrite-rules.ts";
import { at, type Json, listAt, Malformed, textAt } from "./kube-json.ts";

/** Groups in the order of preference; the new one has them since the old one gave them up. */
export const policyGroups = ["llm-d.ai", "inference.networking.x-k8s.io"] as const;
export const POLICY_VERSION = "v1alpha2";

export interface Objective {
  readonly name: string;
  readonly priority: number;
}

const MOST_PRIORITY = 2 ** 31;
/** Of a reference that states none. */
const NO_KIND = "InferencePool";

/** undefined for one that is about another pool. `pool` is what the InferencePool of this name is called here. */
export function readRewrite(object: Json, poolName: string, pool: string): RewriteSource | Malformed | undefined {
  const place = refersTo(object, poolName);
  if (place !== true) return place;
  const rules = listAt(object, "spec", "rules").map(readRule);
  const broken = rules.find((rule) => rule instanceof Malformed);
  if (broken instanceof Malformed) return broken;
  const createdAtMs = Date.parse(textAt(object, "metadata", "creationTimestamp") ?? "");
  return {
    name: `${textAt(object, "metadata", "namespace") ?? ""}/${textAt(object, "metadata", "name") ?? ""}`,
    pool,
    // One without a date is no older than any other.
    createdAtMs: Number.isNaN(createdAtMs) ? Number.POSITIVE_INFINITY : createdAtMs,
    rules: rules.filter((rule) => !(rule instanceof Malformed)) as RewriteRule[],
  };
}

export function readObjective(object: Json, poolName: string): Objective | Malformed | undefined {
  const place = refersTo(object, poolName);
  if (place !== true) return place;
  const priority = at(object, "spec", "priority") ?? 0;
  const isInRange = Number.isInteger(priority) && Math.abs(Number(priority)) <= MOST_PRIORITY;
  if (!isInRange) return new Malformed("has a priority that is no whole number");
  return { name: textAt(object, "metadata", "name") ?? "", priority: Number(priority) };
}

/** The groups of pools and of these objects changed apart from each other: the name alone tells which pool is meant. */
function refersTo(object: Json, poolName: string): true | Malformed | undefined {
  const name = textAt(object, "spec", "poolRef", "name");
  if (name === undefined) return new Malformed("names no pool");
  const kind = textAt(object, "spec", "poolRef", "kind") ?? NO_KIND;
  return name === poolName && kind === NO_KIND ? true : undefined;
}

/** A rule without matches is for every model, as is one with a match that asks for nothing. */
function readRule(rule: unknown): RewriteRule | Malformed {
  const matches = listAt(rule, "matches").map((match) => at(match, "model"));
  const types = matches.map((model) => (model === undefined ? "Exact" : (textAt(model, "type") ?? "Exact")));
  const strange = types.find((type) => type !== "Exact");
  if (strange !== undefined) return new Malformed(`has a match of the unknown type ${JSON.stringify(strange)}`);
  const names = matches.map((model) => at(model, "value"));
  if (matches.some((model, i) => model !== undefined && !isModelName(names[i]))) {
    return new Malformed("has a match whose value is no name of a model");
  }
  const targets = listAt(rule, "targets").map(readTarget);
  if (targets.length === 0) return new Malformed("has a rule without targets");
  const broken = targets.find((target) => target instanceof Malformed);
  if (broken instanceof Malformed) return broken;
  const isForAll = names.includes(undefined);
  return { models: isForAll ? [] : names.filter(isModelName), targets: targets as RewriteTarget[] };
}

function readTarget(target: unknown): RewriteTarget | Malformed {
  const model = at(target, "modelRewrite");
  if (!isModelName(model)) return new Malformed("has a target whose modelRewrite is no name of a model");
  const weight = at(target, "weight");
  if (weight === undefined || weight === null) return { model };
  const isInRange = Number.isInteger(weight) && Number(weight) >= 1 && Number(weight) <= MOST_WEIGHT;
  return isInRange ? { model, weight: Number(weight) } : new Malformed(`has a weight outside 1 to ${MOST_WEIGHT}`);
}
