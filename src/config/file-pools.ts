/** The pools of the config file: names, sources of pods, scraping and settings of each. */
import { isMap, isSeq } from "yaml";
import { nearestWord } from "../discovery/nearest-word.ts";
import { quoted } from "../discovery/pod-address.ts";
import type { Field } from "../discovery/yaml-tree.ts";
import { DEFAULT_PROFILE } from "../pods/pool.ts";
import { poolKeys, scrapeKeys, settingKeys, sourceKeys } from "./file-keys.ts";
import { type Fields, type FileReading, readFields, readItems, readOptions } from "./file-reading.ts";
import { readRewrites } from "./file-rewrites.ts";
import { readSources } from "./file-sources.ts";
import { scrapeOptions } from "./pod-options.ts";
import { asAibrix, DEFAULT_POOL, type PoolConfig, type PoolValues, poolConfig } from "./pool-config.ts";

const namePattern = /^(?=.{1,63}$)[a-z0-9]+(-[a-z0-9]+)*$/;
const expectedName = "a name of small letters and digits, with dashes between";
const sourceNames = Object.keys(sourceKeys);
const expectedSources = `a mapping with one or more of ${sourceNames.join(", ")}`;

/** `profiles` are the names of those in the file; there always is a default one. */
export function readFilePools(reading: FileReading, list: Field, profiles: readonly string[]): PoolConfig[] {
  const pools = readItems(reading, list, "a list of pools");
  const known = {
    names: new Set<string>(),
    isOnly: pools.length === 1,
    profiles: [...new Set([...profiles, DEFAULT_PROFILE])],
  };
  return pools.flatMap((pool) => readPool(reading, pool, known) ?? []);
}

interface Known {
  /** Of the pools before, "" for one that AIBrix's labels name. */
  readonly names: Set<string>;
  readonly isOnly: boolean;
  readonly profiles: readonly string[];
}

function readPool(reading: FileReading, pool: Field, { names, isOnly, profiles }: Known): PoolConfig | undefined {
  const fields = readFields(reading, pool, poolKeys, "a mapping with pods");
  if (fields === undefined) return undefined;
  const podsField = fields.get("pods") ?? reading.tree.missing(pool, "pods");
  const sources = readSourceFields(reading, podsField);
  const aibrix = sources?.get("aibrix");
  const name = aibrix === undefined ? readName(reading, pool, fields, isOnly) : "";
  if (aibrix !== undefined) checkAibrix(reading, aibrix, { nameField: fields.get("name"), sources, names });
  else if (name !== undefined && names.has(name)) {
    reading.fault((fields.get("name") ?? pool).place, "a name that no pool before it has", quoted(name));
  }
  if (name !== undefined) names.add(name);
  const defaults = aibrix === undefined ? reading.config : asAibrix(reading.config);
  const values = { ...defaults, ...readPoolValues(reading, fields) };
  const profile = readProfileName(reading, fields.get("profile"), profiles);
  const rewrites = fields.get("rewrites");
  const config = poolConfig(name ?? DEFAULT_POOL, readSources(reading, sources ?? new Map()), values, profile);
  return rewrites === undefined ? config : { ...config, rewrites: readRewrites(reading, rewrites) };
}

function readProfileName({ tree, fault }: FileReading, field: Field | undefined, known: readonly string[]): string {
  if (field === undefined) return DEFAULT_PROFILE;
  const expected = `one of ${known.join(", ")}, as under profiles`;
  const name = tree.text(field, expected);
  if (name === undefined || known.includes(name)) return name ?? DEFAULT_PROFILE;
  fault(field.place, expected, quoted(name), nearestWord(name, known));
  return DEFAULT_PROFILE;
}

/** A bare list of pods is what a file of pods holds. */
function readSourceFields(reading: FileReading, field: Field): Fields | undefined {
  const { node, place } = field;
  if (isSeq(node)) return reading.tree.wrong(field, expectedSources, "static with this list");
  if (isMap(node) && node.items.length === 0) reading.fault(place, expectedSources, "an empty one");
  return readFields(reading, field, sourceNames, expectedSources);
}

function readName({ tree }: FileReading, pool: Field, fields: Fields, isOnly: boolean): string | undefined {
  const field = fields.get("name");
  if (field === undefined && isOnly) return DEFAULT_POOL;
  if (field === undefined) return tree.wrong(tree.missing(pool, "name"), `${expectedName}, as there are several pools`);
  const name = tree.text(field, expectedName);
  return name === undefined || namePattern.test(name) ? name : tree.wrong(field, expectedName, kebab(name));
}

/** The same name as it should be written. */
function kebab(name: string): string | undefined {
  const words = name.replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase();
  const meant = words.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return namePattern.test(meant) ? meant : undefined;
}

/** Pods of AIBrix say by their labels which pool they are in, and nothing else can be told of such a pool. */
function checkAibrix(
  { fault }: FileReading,
  aibrix: Field,
  { nameField, sources, names }: { nameField: Field | undefined; sources: Fields | undefined; names: Set<string> },
): void {
  if (nameField !== undefined) fault(nameField.place, "no name beside aibrix, whose labels name the pools", "one");
  if (sources !== undefined && sources.size > 1) fault(aibrix.place, "aibrix alone in its pool", "other sources");
  if (names.has("")) fault(aibrix.place, "aibrix in one pool only", "another one");
}

/** What the pool says otherwise than the options. */
function readPoolValues(reading: FileReading, fields: Fields): Partial<PoolValues> {
  const scrapeField = fields.get("scrape");
  const known = Object.keys(scrapeKeys);
  const scrape = scrapeField && readFields(reading, scrapeField, known, `a mapping with ${known.join(", ")}`);
  const written = [
    ...readOptions(reading, scrape ?? new Map(), scrapeKeys, scrapeOptions),
    ...readOptions(reading, fields, settingKeys, scrapeOptions),
  ];
  return Object.fromEntries(written.map(({ name, value }) => [name, value]));
}
