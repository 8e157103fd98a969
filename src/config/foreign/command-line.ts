/** The foreign flags of a command line: parsed beside our own, told apart from them, and what is said of them. */
import { type Environment, environmentName, type GivenValues } from "../load-config.ts";
import type { OptionKind } from "../option-kinds.ts";
import { type OptionTable, option } from "../option-table.ts";
import { serveOptions } from "../options.ts";
import type { EngineNames } from "./custom-engine.ts";
import type { StartNote } from "./document-reading.ts";
import { type ForeignFlag, foreignFlags, verbosityOf } from "./flags.ts";

const MOST_VERBOSE = 5;
const ownFlags: ReadonlySet<string> = new Set(Object.values(serveOptions).map((spec) => spec.flag));
const added = foreignFlags.filter((each): each is ForeignFlag & { readonly kind: OptionKind<unknown> } => {
  return each.kind !== undefined && !ownFlags.has(each.flag);
});

/** All flags that `serve` takes: our own, and those of other pickers by their own names. */
export const allFlags: OptionTable = {
  ...Object.fromEntries(added.map(({ flag, kind, ours }) => [nameOf(flag), option(flag, kind, undefined, ours)])),
  ...serveOptions,
  verbosity: { ...serveOptions.verbosity, kind: moreThanMost(serveOptions.verbosity.kind) },
};

/** Go's log has any level; what is beyond our last says no more. */
function moreThanMost(kind: OptionKind<number>): OptionKind<number> {
  return { ...kind, parse: (text) => kind.parse(text) ?? (/^\d+$/.test(text) ? MOST_VERBOSE : undefined) };
}

/** No option of ours has a name like this. */
function nameOf(flag: string): string {
  return `foreign:${flag}`;
}

export interface ForeignGiven {
  /** Metrics that flags name. */
  readonly engineNames: EngineNames;
  readonly notes: readonly StartNote[];
  /** Of flags that are ours too, but that an EndpointPickerConfig says in its own way. */
  readonly besideDocument: readonly StartNote[];
}

/** Takes apart what was parsed by `allFlags`. */
export function separate(given: GivenValues): { readonly own: GivenValues; readonly foreign: ForeignGiven } {
  const notes: StartNote[] = [];
  const names: Partial<Record<keyof EngineNames, string>> = {};
  for (const { flag, names: spec, note } of added) {
    const value = given.get(nameOf(flag))?.value;
    if (value === undefined) continue;
    if (spec !== undefined && value !== "") names[spec] = String(value);
    const says = note?.(value);
    if (says !== undefined) notes.push({ about: `--${flag}`, says });
  }
  const own = new Map([...given].filter(([name]) => Object.hasOwn(serveOptions, name)));
  return { own, foreign: { engineNames: names, notes, besideDocument: notesOfOwn(own) } };
}

function notesOfOwn(own: GivenValues): StartNote[] {
  return Object.entries(serveOptions).flatMap(([name, spec]) => {
    const given = own.get(name);
    const says =
      given?.from === "flag" ? foreignFlags.find(({ flag }) => flag === spec.flag)?.note?.(given.value) : undefined;
    return says === undefined ? [] : [{ about: `--${spec.flag}`, says }];
  });
}

/** What other pickers read from elsewhere, as if our own environment said it; that one wins. */
export function withForeignDefaults(args: readonly string[], env: Environment): Environment {
  const level = args.flatMap((arg, i) => {
    const [, inline] = /^--?zap-log-level(?:=(.*))?$/.exec(arg) ?? [];
    return /^--?zap-log-level(=|$)/.test(arg) ? [inline ?? args[i + 1] ?? ""] : [];
  });
  const verbosity = verbosityOf(level.at(-1) ?? "");
  return {
    ...(env["NAMESPACE"] !== undefined && { [environmentName(serveOptions.poolNamespace.flag)]: env["NAMESPACE"] }),
    ...(verbosity !== undefined && { [environmentName(serveOptions.verbosity.flag)]: verbosity }),
    ...env,
  };
}
