/** The one scheduling profile of an EndpointPickerConfig, with what the Go picker fills in where nobody says it. */
import { isMap } from "yaml";
import { quoted } from "../../discovery/pod-address.ts";
import type { Field } from "../../discovery/yaml-tree.ts";
import type { FilterUse } from "../../routing/filter-chain.ts";
import { bestPicker } from "../../routing/pickers.ts";
import type { PickerUse, Profile } from "../../routing/profile.ts";
import { MOST_SCORER_WEIGHT } from "../../routing/scorer-step.ts";
import type { ScorerUse } from "../../routing/scoring-plan.ts";
import type { DocumentReading } from "./document-reading.ts";
import type { Instance } from "./instances.ts";
import { amount } from "./parameters.ts";
import { readReference } from "./references.ts";
import { pickerUse } from "./use.ts";

/** An instance as a profile uses it. */
interface Use {
  readonly instance: Instance;
  readonly weight: number;
  readonly place: string;
}

const weightKind = amount(0, MOST_SCORER_WEIGHT);

/** Without a profile there is one with every filter, scorer and picker of the document, each with the weight 1. */
export function readProfile(
  reading: DocumentReading,
  list: Field | undefined,
  instances: ReadonlyMap<string, Instance>,
): Profile {
  const profiles = (list && reading.tree.items(list, "a list of profiles")) ?? [];
  const [first, second] = profiles;
  if (second !== undefined) {
    reading.fault(second.place, "one profile, since each request is served by one pod here", "another one");
  }
  const uses =
    first === undefined
      ? [...instances.values()].map((instance) => ({ instance, weight: 1, place: instance.place }))
      : readUses(reading, first, instances);
  const scorers = scorersOf(reading, uses);
  const { picker } = [...instances.values()].find(({ made }) => made.picker !== undefined)?.made ?? {};
  const chosen = pickerOf(reading, uses) ?? picker ?? pickerUse("best");
  addDeciding(reading, uses, scorers, chosen);
  return {
    filters: uses.flatMap(({ instance }): FilterUse[] =>
      instance.made.filter === undefined ? [] : [instance.made.filter],
    ),
    scorers: [...scorers.values()],
    picker: chosen,
  };
}

function readUses(reading: DocumentReading, profile: Field, instances: ReadonlyMap<string, Instance>): Use[] {
  const { tree, fault } = reading;
  if (!isMap(profile.node)) {
    tree.wrong(profile, "a mapping with name and plugins");
    return [];
  }
  const fields = tree.fields(profile, profile.node, ["name", "plugins"]);
  tree.text(fields.get("name") ?? tree.missing(profile, "name"), "a name");
  const list = fields.get("plugins");
  return ((list && tree.items(list, "a list of plugins")) ?? []).flatMap((item): Use[] => {
    if (!isMap(item.node)) return tree.wrong(item, "a mapping with pluginRef and weight") ?? [];
    const keys = tree.fields(item, item.node, ["pluginRef", "weight"]);
    const instance = readReference(
      reading,
      keys.get("pluginRef") ?? tree.missing(item, "pluginRef"),
      instances,
      undefined,
    );
    const weightField = keys.get("weight");
    const weight = weightField?.node === undefined ? 1 : weightKind.read(tree, weightField);
    if (instance === undefined || weight === undefined) return [];
    const { scorer, filter, decidingScorer, picker } = instance.made;
    const isScheduling = [scorer, filter, decidingScorer, picker].some((each) => each !== undefined);
    if (!isScheduling && instance.isDone) fault(item.place, "a filter, scorer or picker", quoted(instance.name));
    return [{ instance, weight, place: item.place }];
  });
}

/** A scorer that is there twice counts with both weights; with other parameters it cannot be, here. */
function scorersOf({ fault }: DocumentReading, uses: readonly Use[]): Map<string, ScorerUse> {
  const scorers = new Map<string, ScorerUse>();
  for (const { instance, weight, place } of uses) {
    const { scorer: use } = instance.made;
    if (use === undefined) continue;
    const { name } = use.scorer;
    const before = scorers.get(name);
    if (before !== undefined && JSON.stringify(before.options) !== JSON.stringify(use.options)) {
      fault(place, `each scorer with one set of parameters, and ${name} has another`, quoted(instance.name));
    } else scorers.set(name, { ...use, weight: weight + (before?.weight ?? 0) });
  }
  return scorers;
}

/**
 * The filters that are scorers here. Each weighs more than all that come after it and all scorers together, so that for
 * the picker of the highest sum it parts the candidates as a filter would.
 */
function addDeciding(
  { fault }: DocumentReading,
  uses: readonly Use[],
  scorers: Map<string, ScorerUse>,
  { picker }: PickerUse,
): void {
  let sum = [...scorers.values()].reduce((total, { weight }) => total + weight, 0);
  for (const { instance, place } of uses.toReversed()) {
    const { decidingScorer: use } = instance.made;
    if (use === undefined) continue;
    const { name } = use.scorer;
    if (picker.name !== bestPicker.name) fault(place, "max-score-picker beside this filter", quoted(picker.name));
    if (scorers.has(name)) fault(place, `the scorer ${name} or this filter, which are one here`, quoted(instance.name));
    const weight = 2 * sum + 1;
    scorers.set(name, { ...use, weight });
    sum += weight;
  }
}

function pickerOf({ fault }: DocumentReading, uses: readonly Use[]): PickerUse | undefined {
  const pickers = uses.filter(({ instance }) => instance.made.picker !== undefined);
  const [first, second] = pickers;
  if (second !== undefined) fault(second.place, "one picker", quoted(second.instance.name));
  return first?.instance.made.picker;
}
