/** The rewrites of the config file: other names for models, for all pools or for one. */
import { isScalar, isSeq } from "yaml";
import { quoted } from "../discovery/pod-address.ts";
import type { Field } from "../discovery/yaml-tree.ts";
import { expectedModelName, isModelName } from "../rewrite/model-name.ts";
import {
  ALWAYS,
  MOST_WEIGHT,
  type RewriteRule,
  type RewriteSource,
  type RewriteTarget,
} from "../rewrite/rewrite-rules.ts";
import { BY_CONFIG } from "../rewrite/rewriter.ts";
import { type FileReading, readFields, readItems, writtenText } from "./file-reading.ts";
import type { PoolConfig } from "./pool-config.ts";

/** Keys of one rule, as operators read of them; `rewriteKeys` are their names. */
const rewriteRows = [
  {
    key: "models",
    form: "a name or a list of names",
    help: "The models, as clients ask for them; without a word every one that no other rule names.",
  },
  {
    key: "to",
    form: "a name, or a list of names or {model, weight}",
    help: "What they are called at the pods; of several one is drawn, by weight where there are any.",
  },
] as const;

const rewriteKeys = rewriteRows.map(({ key }) => key);

/** The lines of the operators' table. */
export function rewriteFileKeys(): { path: string; form: string; flag: string; help: string }[] {
  const ofPool = { path: "pools[].rewrites", form: "a list of {models, to}", flag: "" };
  return [
    ...rewriteRows.map(({ key, form, help }) => ({ path: `rewrites[].${key}`, form, flag: "", help })),
    { ...ofPool, help: "The same for requests to this pool; of two rules that fit alike the pool's counts." },
  ];
}

const targetKeys = ["model", "weight"];
const expectedTarget = "a name, or a mapping with model and weight";
const expectedWeight = `a whole number from 1 to ${MOST_WEIGHT}`;

/** Of rules that fit alike the first counts, so that a later one of the same list would never be asked. */
export function readRewrites(reading: FileReading, field: Field): RewriteRule[] {
  const seen = new Set<string>();
  return readItems(reading, field, "a list of rules").flatMap((rule) => readRule(reading, rule, seen) ?? []);
}

/** What the whole configuration says of models' names. A rule beside AIBrix's labels is for all pools that these name. */
export function configuredRewrites(
  rules: readonly RewriteRule[],
  pools: readonly Pick<PoolConfig, "name" | "rewrites">[],
): RewriteSource[] {
  const places = [{ name: "", rewrites: rules }, ...pools];
  return places.flatMap(({ name: pool, rewrites = [] }) =>
    rewrites.length === 0 ? [] : [{ name: BY_CONFIG, pool, createdAtMs: ALWAYS, rules: rewrites }],
  );
}

/** `seen` are the models that the list has named so far, with EVERY for the rule of all others. */
function readRule(reading: FileReading, field: Field, seen: Set<string>): RewriteRule | undefined {
  const fields = readFields(reading, field, rewriteKeys, "a mapping with models and to");
  if (fields === undefined) return undefined;
  const models = fields.get("models");
  if (models === undefined && isAgain(EVERY, seen)) {
    reading.fault(field.place, "one rule without models, since the first of them is for all others", "another one");
  }
  const to = fields.get("to") ?? reading.tree.missing(field, "to");
  const targets = listOf(reading, to, expectedTarget).flatMap((each) => readTarget(reading, each) ?? []);
  return { models: models === undefined ? [] : readNames(reading, models, seen), targets };
}

/** No model is called so. */
const EVERY = "";

function isAgain(model: string, seen: Set<string>): boolean {
  return seen.size === seen.add(model).size;
}

function readNames(reading: FileReading, field: Field, seen: Set<string>): string[] {
  return listOf(reading, field, "a name or a list of names").flatMap((each) => {
    const name = readName(reading, each);
    if (name !== undefined && isAgain(name, seen)) {
      reading.fault(each.place, "each model once, since the first rule that names it counts", `${quoted(name)} again`);
    }
    return name ?? [];
  });
}

/** One alone may stand for a list of one. */
function listOf(reading: FileReading, field: Field, expected: string): readonly Field[] {
  return isSeq(field.node) ? readItems(reading, field, expected) : [field];
}

function readName({ tree }: FileReading, field: Field): string | undefined {
  const name = tree.text(field, expectedModelName);
  return name === undefined || isModelName(name) ? name : tree.wrong(field, expectedModelName);
}

function readTarget(reading: FileReading, field: Field): RewriteTarget | undefined {
  if (isScalar(field.node)) {
    const model = readName(reading, field);
    return model === undefined ? undefined : { model };
  }
  const fields = readFields(reading, field, targetKeys, expectedTarget);
  if (fields === undefined) return undefined;
  const model = readName(reading, fields.get("model") ?? reading.tree.missing(field, "model"));
  const weightField = fields.get("weight");
  const weight = weightField && readWeight(reading, weightField);
  return model === undefined ? undefined : { model, ...(weight !== undefined && { weight }) };
}

function readWeight({ tree }: FileReading, field: Field): number | undefined {
  const text = writtenText(field) ?? "";
  const weight = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  return weight >= 1 && weight <= MOST_WEIGHT ? weight : tree.wrong(field, expectedWeight);
}
