/** What differs between two configurations, key by key, and how much of it a running picker can follow. */
import { isDeepStrictEqual } from "node:util";
import type { RewriteRule } from "../rewrite/rewrite-rules.ts";
import type { Profile } from "../routing/profile.ts";
import type { BackendConfig } from "./file-backends.ts";
import { scrapeKeys } from "./file-keys.ts";
import type { Settings } from "./load-settings.ts";
import type { OptionSpec } from "./option-table.ts";
import { type Config, serveOptions } from "./options.ts";
import { scrapeOptions } from "./pod-options.ts";
import type { PoolConfig } from "./pool-config.ts";

/** Longer values are cut: a list of pods may be as long as the file. */
const SHOWN_CHARS = 120;

type Shown = ReadonlyMap<string, string>;

export interface SettingsChange {
  /** The new settings, with the old values where only another start can take the new ones. */
  readonly settings: Settings;
  /** Such as "limits.body: 32Mi -> 64Mi". */
  readonly changes: readonly string[];
  /** The same of what waits for the next start. */
  readonly needRestart: readonly string[];
}

/** `started` is what the process began with. */
export function changeOf(before: Settings, wanted: Settings, started: Config): SettingsChange {
  const held = heldBack(before.config, wanted.config, started);
  const config = { ...wanted.config, ...held };
  const settings = { ...wanted, config, profiles: withKnown(before.profiles, wanted.profiles) };
  const needRestart = Object.keys(held).map((name) => {
    const { key, kind } = specOf(name);
    return arrow(key, kind.show(settingOf(before.config, name)), kind.show(settingOf(wanted.config, name)));
  });
  return { settings, needRestart, changes: differences(before, settings) };
}

/** The running values of what a running picker cannot change. */
function heldBack(running: Config, wanted: Config, started: Config): Partial<Config> {
  const names = Object.keys(serveOptions).filter((name) => {
    const { change } = specOf(name);
    const value = settingOf(wanted, name);
    const mayFollow = change === "live" || (change === "lower" && Number(value) <= Number(settingOf(started, name)));
    return !mayFollow && !isDeepStrictEqual(settingOf(running, name), value);
  });
  return Object.fromEntries(names.map((name) => [name, settingOf(running, name)]));
}

/** A profile that is the same as before is the very one, so that its lane and what that has learnt stay. */
function withKnown(before: Settings["profiles"], wanted: Settings["profiles"]): Settings["profiles"] {
  const known = [...before.values()];
  const obtain = (profile: Profile) => known.find((each) => isDeepStrictEqual(each, profile)) ?? profile;
  return new Map([...wanted].map(([name, profile]) => [name, obtain(profile)]));
}

function differences(before: Settings, after: Settings): string[] {
  const byName = (pools: readonly PoolConfig[]) => new Map(pools.map((pool) => [pool.name || "aibrix", pool]));
  return [
    ...between(shownOptions(before.config), shownOptions(after.config)),
    ...betweenAll("pools", byName(before.pools), byName(after.pools), shownPool),
    ...reordered(before.pools, after.pools),
    ...betweenAll("profiles", before.profiles, after.profiles, shownProfile),
    ...between(shownRewrites(before.rewrites), shownRewrites(after.rewrites)),
    ...between(shownCosts(before.costs), shownCosts(after.costs)),
    ...betweenAll("backends", named(before.backends), named(after.backends), shownBackend),
  ];
}

function betweenAll<T>(
  section: string,
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  show: (each: T) => Shown,
): string[] {
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names.flatMap((name) => {
    const [was, is] = [before.get(name), after.get(name)];
    if (was === undefined) return [`${section}.${name}: added`];
    if (is === undefined) return [`${section}.${name}: removed`];
    const seen = between(show(was), show(is), `${section}.${name}.`);
    // What has no words of its own, such as the names of an engine's metrics.
    return seen.length > 0 || isDeepStrictEqual(was, is) ? seen : [`${section}.${name}: changed`];
  });
}

/** The order counts where a request names no pool. */
function reordered(before: readonly PoolConfig[], after: readonly PoolConfig[]): string[] {
  const names = (pools: readonly PoolConfig[], others: readonly PoolConfig[]) =>
    pools.flatMap(({ name }) => (others.some((other) => other.name === name) ? [name] : [])).join(", ");
  const [was, is] = [names(before, after), names(after, before)];
  return was === is ? [] : [arrow("the order of the pools", was, is)];
}

function between(before: Shown, after: Shown, prefix = ""): string[] {
  const keys = [...after.keys()].filter((key) => before.get(key) !== after.get(key));
  return keys.map((key) => arrow(prefix + key, before.get(key) ?? "", after.get(key) ?? ""));
}

function arrow(key: string, was: string, is: string): string {
  return `${key}: ${cut(was)} -> ${cut(is)}`;
}

function cut(text: string): string {
  return text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS)}...`;
}

/** Those of the process; what is said for all pools shows in each of them. */
function shownOptions(config: Config): Shown {
  const names = Object.keys(serveOptions).filter((name) => !(name in scrapeOptions) && specOf(name).key !== "");
  return new Map(names.map((name) => [specOf(name).key, specOf(name).kind.show(settingOf(config, name))]));
}

function shownPool({ settings, scrape, sources, rewrites }: PoolConfig): Shown {
  const values: Readonly<Record<string, unknown>> = { ...scrape };
  const asked = Object.entries(scrapeKeys).map(([key, name]) => {
    const value = values[key] ?? values[`${key}Ms`];
    return [`scrape.${key}`, typeof value === "number" ? specOf(name).kind.show(value) : textOf(value)] as const;
  });
  const pods = sources.map((source) => JSON.stringify(source)).join(", ");
  const set = Object.entries(settings).map(([key, value]) => [key, textOf(value)] as const);
  return new Map([...set, ...asked, ...shownRewrites(rewrites)]).set("pods", pods);
}

function shownCosts(costs: Settings["costs"]): Shown {
  return new Map(costs.map(({ key, text }) => [`costs.${key}`, text]));
}

function named(backends: Settings["backends"]): ReadonlyMap<string, BackendConfig> {
  return new Map(backends.map((backend) => [backend.name, backend]));
}

function shownBackend({ translator, options, models, model, credential, ...others }: BackendConfig): Shown {
  const { headers, name: _, ...plain } = others;
  return new Map([
    ...Object.entries(plain).map(([key, value]) => [key, textOf(value)] as const),
    ["api", withOptions(translator.name, options)],
    ["model", textOf(model)],
    ["models", JSON.stringify(Object.fromEntries(models))],
    ["headers", JSON.stringify(headers)],
    ["credential", withOptions(credential.kind.name, credential.options)],
  ]);
}

function withOptions(name: string, options: object = {}): string {
  return Object.keys(options).length === 0 ? name : `${name} ${JSON.stringify(options)}`;
}

function shownRewrites(rewrites: readonly RewriteRule[] = []): Shown {
  return new Map([["rewrites", rewrites.map((rule) => JSON.stringify(rule)).join(", ") || "none"]]);
}

function textOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return value === "" ? "none" : String(value);
  return "name" in value ? String(value.name) : JSON.stringify(value);
}

function shownProfile({ scorers, filters, picker }: Profile): Shown {
  const scored = scorers.map(({ scorer, weight, options }) => `${weight} x ${withOptions(scorer.name, options)}`);
  const filtered = filters.map(({ filter, options }) => withOptions(filter.name, options));
  return new Map([
    ["scorers", scored.join(", ") || "none"],
    ["filters", filtered.join(", ") || "none"],
    ["pick", withOptions(picker.picker.name, picker.options)],
  ]);
}

function specOf(name: string): OptionSpec<unknown> {
  return serveOptions[name as keyof typeof serveOptions] as OptionSpec<unknown>;
}

function settingOf(config: Config, name: string): unknown {
  return config[name as keyof Config];
}
