/** Flags and environment -> one frozen set of values, or one ConfigError with every fault. */
import { nearestWord } from "../discovery/nearest-word.ts";
import { quoted } from "../discovery/pod-address.ts";
import { ConfigError, type ConfigFault } from "../errors.ts";
import { meantBy, type OptionKind } from "./option-kinds.ts";
import type { OptionTable, OptionValues } from "./option-table.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A value that somebody gave: who, and how a fault of it names the place. */
export interface Given {
  readonly value: unknown;
  readonly from: "flag" | "environment" | "file";
  readonly place: string;
}

/** By the name of the option. What nobody gave, or gave wrongly, is not there. */
export type GivenValues = ReadonlyMap<string, Given>;

/**
 * A flag wins over the environment, the environment over the default. Flags may be written -x, --x, --x=v or --x v.
 * `check` finds the faults that only a look at several values, or at the world, can find.
 */
export function loadConfig<T extends OptionTable>(
  table: T,
  args: readonly string[],
  env: Environment,
  check: (values: OptionValues<T>) => readonly ConfigFault[] = () => [],
): OptionValues<T> {
  const { given, faults } = readGiven(table, args, env);
  const values = settle(table, given);
  const all = [...faults, ...check(values)];
  if (all.length > 0) throw new ConfigError(all);
  return values;
}

/** What flags and environment say. */
export function readGiven(
  table: OptionTable,
  args: readonly string[],
  env: Environment,
): { readonly given: GivenValues; readonly faults: readonly ConfigFault[] } {
  const faults: ConfigFault[] = [];
  const given = new Map<string, Given>();
  const flags = readFlags(table, args, faults);
  for (const [name, { flag, kind }] of Object.entries(table)) {
    const fromFlag = flags.get(flag);
    const written = fromFlag ?? env[environmentName(flag)];
    if (written === undefined) continue;
    const from = fromFlag === undefined ? "environment" : "flag";
    const place = from === "flag" ? dashed(flag) : environmentName(flag);
    const value = kind.parse(written);
    if (value === undefined) faults.push(wrongValue(place, kind, written));
    else given.set(name, { value, from, place });
  }
  return { given, faults };
}

/** One value for each option: of several that are given, that of the first. */
export function settle<T extends OptionTable>(table: T, ...given: readonly GivenValues[]): OptionValues<T> {
  const values = Object.entries(table).map(([name, spec]) => {
    const first = given.find((each) => each.has(name))?.get(name);
    return [name, first === undefined ? spec.default : first.value] as const;
  });
  return Object.freeze(Object.fromEntries(values)) as OptionValues<T>;
}

const PREFIX = "POINTSMAN_";

export function environmentName(flag: string): string {
  return `${PREFIX}${flag === "v" ? "VERBOSITY" : flag.toUpperCase().replaceAll("-", "_")}`;
}

export function dashed(flag: string): string {
  return flag.length === 1 ? `-${flag}` : `--${flag}`;
}

/** Kubernetes gives every container such names for each Service, also for one that is called pointsman. */
const serviceNames = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)$/;

/** Names in the environment that look like an option's and are none, each with the one that was perhaps meant. */
export function strayNames(table: OptionTable, env: Environment): { name: string; meant: string }[] {
  const known = Object.values(table).map(({ flag }) => environmentName(flag));
  const strays = Object.keys(env).filter(
    (name) => name.startsWith(PREFIX) && !known.includes(name) && !serviceNames.test(name),
  );
  // What all of them begin with says nothing of how near they are.
  const bare = known.map((name) => name.slice(PREFIX.length));
  return strays.flatMap((name) => {
    const nearest = nearestWord(name.slice(PREFIX.length), bare);
    const meant = nearest && `${PREFIX}${nearest}`;
    return meant === undefined ? [] : [{ name, meant }];
  });
}

function readFlags(table: OptionTable, args: readonly string[], faults: ConfigFault[]): Map<string, string> {
  const specs = new Map(Object.values(table).map((spec) => [spec.flag, spec]));
  const given = new Map<string, string>();
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    const [, flag, inline] = /^--?([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(arg) ?? [];
    const spec = flag === undefined ? undefined : specs.get(flag);
    if (flag === undefined || spec === undefined) {
      faults.push(unknownFault(arg, flag, [...specs.keys()]));
      // Its value, if it has one, is not a fault of its own.
      if (flag !== undefined && inline === undefined && !(args[at + 1] ?? "-").startsWith("-")) at++;
    } else if (inline !== undefined) given.set(flag, inline);
    else if (spec.kind.alone !== undefined) {
      // There are no words beside flags, so that one of its own values can be meant for nothing else.
      const word = args[at + 1];
      const isOwn = word !== undefined && spec.kind.parse(word) !== undefined;
      given.set(flag, isOwn ? word : spec.kind.show(spec.kind.alone));
      if (isOwn) at++;
    }
    // What starts with a dash is the next flag; a value that must start with one is written --flag=value.
    // Three of them begin a YAML document.
    else if (/^(?!-)|^---/.test(args[at + 1] ?? "-")) given.set(flag, args[++at] ?? "");
    else faults.push({ path: dashed(flag), expected: spec.kind.expects, got: "nothing" });
  }
  return given;
}

function wrongValue(path: string, kind: OptionKind<unknown>, written: string): ConfigFault {
  const hint = meantBy(kind, written);
  return { path, expected: kind.expects, got: quoted(written), ...(hint !== undefined && { hint }) };
}

function unknownFault(arg: string, flag: string | undefined, known: readonly string[]): ConfigFault {
  if (flag === undefined) return { path: quoted(arg), expected: "a flag", got: "a word that belongs to none" };
  const nearest = nearestWord(flag, known);
  const hint = nearest === undefined ? {} : { hint: dashed(nearest) };
  return { path: dashed(flag), expected: "a flag that --help lists", got: "an unknown one", ...hint };
}
