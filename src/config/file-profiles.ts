/** The profiles of the config file: by name the scorers with their weights, the filters and the picker. */
import path from "node:path";
import { isMap, isScalar } from "yaml";
import { builtInScorers } from "../../scorers/index.ts";
import { quoted } from "../discovery/pod-address.ts";
import type { Field } from "../discovery/yaml-tree.ts";
import type { FilterUse } from "../routing/filter-chain.ts";
import { builtInFilters } from "../routing/filters/index.ts";
import { bestPicker, builtInPickers } from "../routing/pickers.ts";
import type { PickerUse, Profile } from "../routing/profile.ts";
import { MOST_SCORER_WEIGHT } from "../routing/scorer-step.ts";
import type { ScorerUse } from "../routing/scoring-plan.ts";
import type { Scorer } from "../scorer.ts";
import { profileKeys } from "./file-keys.ts";
import { builds, type Find, findIn, readUse } from "./file-plug-ins.ts";
import { type FileReading, readFields } from "./file-reading.ts";
import { loadScorer } from "./load-scorer.ts";

const expectedProfile = `a mapping with ${profileKeys.join(", ")}`;
const expectedWeight = `a number 0..${MOST_SCORER_WEIGHT}`;

/** A profile, and where it stands. */
export interface FileProfile {
  readonly place: string;
  readonly profile: Profile;
}

/** By name. A profile with faults is there too, without what is wrong, so that pools may name it. */
export function readFileProfiles(reading: FileReading, field: Field): ReadonlyMap<string, FileProfile> {
  const profiles = new Map<string, FileProfile>();
  const { tree } = reading;
  if (!isMap(field.node)) {
    tree.wrong(field, "profiles by name");
    return profiles;
  }
  const find = scorerFinder(reading);
  for (const [name, each] of tree.fields(field, field.node)) {
    profiles.set(name, { place: each.place, profile: readProfile(reading, each, find) });
  }
  return profiles;
}

function readProfile(reading: FileReading, field: Field, find: Find<Scorer>): Profile {
  const { tree } = reading;
  const fields = readFields(reading, field, profileKeys, expectedProfile);
  if (fields === undefined) return { scorers: [], filters: [], picker: { picker: bestPicker } };
  const scorersField = fields.get("scorers") ?? tree.missing(field, "scorers");
  const scorerItems = tree.items(scorersField, "a list of scorers");
  const filtersField = fields.get("filters");
  const pickField = fields.get("pick");
  const picker = pickField === undefined ? { picker: bestPicker } : readPicker(reading, pickField);
  const profile = {
    scorers: readScorers(reading, scorerItems ?? [], find),
    filters: readFilters(reading, (filtersField && tree.items(filtersField, "a list of filters")) ?? []),
    picker: picker ?? { picker: bestPicker },
  };
  // What has a fault of its own may have been meant well.
  if (picker !== undefined && scorerItems?.length === profile.scorers.length) checkSay(reading, scorersField, profile);
  return profile;
}

/** Where no scorer has a say the lot decides: that has a name, and without it was not meant. */
function checkSay({ fault }: FileReading, { place }: Field, { scorers, picker }: Profile): void {
  if (picker.picker.name === "random" || scorers.some(({ weight }) => weight > 0)) return;
  fault(place, "a scorer with a weight above 0, or pick: random", scorers.length === 0 ? "none" : "weights of 0");
}

function readScorers(reading: FileReading, items: readonly Field[], find: Find<Scorer>): ScorerUse[] {
  const uses: ScorerUse[] = [];
  for (const item of items) {
    const use = readUse(reading, item, find, ["weight"]);
    if (use === undefined) continue;
    const { plugIn: scorer, options, place, fields } = use;
    const weightField = fields.get("weight");
    const weight = weightField === undefined ? 1 : readWeight(reading, weightField);
    if (uses.some((before) => before.scorer.name === scorer.name)) {
      reading.fault(place, "each scorer once", `${quoted(scorer.name)} again`);
    } else if (builds(reading, use) && weight !== undefined) {
      uses.push({ scorer, weight, options, isForeign: !builtInScorers.includes(scorer) });
    }
  }
  return uses;
}

function readWeight({ tree }: FileReading, field: Field): number | undefined {
  const value = isScalar(field.node) ? field.node.value : undefined;
  const isWeight = typeof value === "number" && value >= 0 && value <= MOST_SCORER_WEIGHT;
  return isWeight ? value : tree.wrong(field, expectedWeight);
}

function readFilters(reading: FileReading, items: readonly Field[]): FilterUse[] {
  const find = findIn(reading, builtInFilters);
  return items.flatMap((item) => {
    const use = readUse(reading, item, find);
    return use === undefined ? [] : [{ filter: use.plugIn, options: use.options }];
  });
}

function readPicker(reading: FileReading, field: Field): PickerUse | undefined {
  const use = readUse(reading, field, findIn(reading, builtInPickers));
  return use && { picker: use.plugIn, options: use.options };
}

/** By the name of a built-in scorer, or by the path of a file that holds another one. */
function scorerFinder(reading: FileReading): Find<Scorer> {
  const findBuiltIn = findIn(reading, builtInScorers, " or a path such as ./my-scorer.ts");
  const taken = new Map(builtInScorers.map(({ name }) => [name, "a built-in scorer"]));
  const loaded = new Map<string, Scorer | undefined>();
  return (name, field) => {
    if (!isPath(name)) return findBuiltIn(name, field);
    const file = path.resolve(reading.folder, name);
    if (loaded.has(file)) return loaded.get(file);
    const scorer = loadScorer(file, (member, expected, got, hint) => {
      reading.fault([field.place, quoted(name), member].filter(Boolean).join(" "), expected, got, hint);
    });
    const owner = scorer && taken.get(scorer.name);
    if (scorer !== undefined && owner === undefined) taken.set(scorer.name, name);
    if (owner !== undefined) {
      const place = `${field.place} ${quoted(name)} name`;
      reading.fault(place, `another name than that of ${owner}`, quoted(scorer?.name ?? ""));
    }
    loaded.set(file, owner === undefined ? scorer : undefined);
    return loaded.get(file);
  };
}

function isPath(name: string): boolean {
  return /[/\\]|\.[cm]?[jt]s$/.test(name);
}
