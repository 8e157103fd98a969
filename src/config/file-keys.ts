/**
 * The keys of the config file. What an option says for every pool a key says for one: it takes kind and help from
 * there, so that each is written once.
 */

import { backendFileKeys } from "./file-backends.ts";
import { costFileKeys } from "./file-costs.ts";
import { rewriteFileKeys } from "./file-rewrites.ts";
import type { OptionSpec, OptionTable } from "./option-table.ts";
import { serveOptions } from "./options.ts";
import { scrapeOptions as poolOptions, sourceOptions } from "./pod-options.ts";

type SourceOption = keyof typeof sourceOptions;

interface SourceKey {
  /** What is written there. */
  readonly form: string;
  readonly help: string;
  /** The flag that does the same. */
  readonly option: SourceOption;
}

/** What stands under `pods`, one or several of them. */
export const sourceKeys = {
  static: {
    form: "a list of host:port, name=host:port or {name, address}",
    help: "These pods; host names are resolved again and again.",
    option: "pods",
  },
  file: { form: "a path", help: "The pods of a YAML file, which is watched.", option: "podsFile" },
  dns: {
    form: "a list of host.name:port or srv:name",
    help: "Pods from DNS, asked again as their records expire.",
    option: "podsDns",
  },
  inferencePool: {
    form: "namespace/name or {namespace, name, group}",
    help: "The pods of an InferencePool of Kubernetes; group is that of --pool-group.",
    option: "inferencePool",
  },
  selector: {
    form: "{namespace, labels, ports}",
    help: "Pods of Kubernetes by a label selector in one text, at 1 to 8 ports.",
    option: "endpointSelector",
  },
  service: {
    form: "namespace/name:port or {namespace, name, port}",
    help: "Pods by the EndpointSlices of a Kubernetes Service; port by name or number, the first without it.",
    option: "podsService",
  },
  aibrix: {
    form: "a namespace, or all",
    help: "Pods with AIBrix's labels, a pool for each model: alone in its pool, which has no name.",
    option: "podsAibrix",
  },
} as const satisfies Record<string, SourceKey>;

/** Under `scrape`, of the whole file or of one pool. */
export const scrapeKeys = keysUnder("scrape", poolOptions);

/** In the file itself for all pools, or in one of them. */
export const settingKeys = keysUnder("", poolOptions);

/** By section, "" for the file itself: by its key there the name of the option. */
export const sectionKeys: Readonly<Record<string, Readonly<Record<string, string>>>> = Object.fromEntries(
  [...new Set(Object.values<OptionSpec<unknown>>(serveOptions).flatMap(({ key }) => sectionOf(key) ?? []))].map(
    (section) => [section, keysUnder(section, serveOptions)],
  ),
);

/** What stands in the file itself. */
export const rootKeys = [
  ...Object.keys(sectionKeys).filter((section) => section !== ""),
  "pools",
  "profiles",
  "rewrites",
  "costs",
  "backends",
  ...Object.keys(sectionKeys[""] ?? {}),
];

export const poolKeys = ["name", "pods", "scrape", "profile", "rewrites", ...Object.keys(settingKeys)] as const;

/** What stands in a profile, under the name that the user gives it. */
const profileRows = [
  {
    path: "profiles.NAME.scorers",
    form: "a list of names, paths or {use, weight, ...options}",
    help: "What pods are judged by; `use` names a scorer or the file of one, `weight` is 1 without a word.",
  },
  {
    path: "profiles.NAME.filters",
    form: "a list of names or {use, ...options}",
    help: "Which pods may serve at all, in this order; none without a word.",
  },
  {
    path: "profiles.NAME.pick",
    form: "a name or {use, ...options}",
    help: "How one is chosen by the weighted sums; best without a word.",
  },
] as const;

/** Names under `profiles.NAME`. */
export const profileKeys = profileRows.map(({ path }) => path.replace(/^.*\./, ""));

/** A line of the operators' table. */
export interface FileKey {
  readonly path: string;
  readonly form: string;
  /** The flag that says the same, and is the default where it says so for every pool. */
  readonly flag: string;
  readonly help: string;
}

export function fileKeys(): FileKey[] {
  const fromOption = (parent: string, [key, name]: [string, keyof typeof poolOptions]): FileKey => {
    const { kind, flag, help } = poolOptions[name];
    return { path: `${parent}.${key}`, form: kind.expects, flag, help };
  };
  return [
    {
      path: "pools[].name",
      form: "kebab-case",
      flag: "",
      help: "What routes and x-pointsman-pool call the pool; may be left out where there is one.",
    },
    ...Object.entries<SourceKey>(sourceKeys).map(([key, { form, help, option }]) => {
      return { path: `pools[].pods.${key}`, form, flag: sourceOptions[option].flag, help };
    }),
    ...Object.entries(scrapeKeys).map((entry) => fromOption("pools[].scrape", entry)),
    ...Object.entries(settingKeys).map((entry) => fromOption("pools[]", entry)),
    {
      path: "pools[].profile",
      form: "a name under profiles",
      flag: "",
      help: "How its requests are routed; without a word by the profile default, which is built in unless it is written.",
    },
    ...profileRows.map((row) => ({ ...row, flag: "" })),
    ...rewriteFileKeys(),
    ...costFileKeys(),
    ...backendFileKeys(),
  ];
}

/** The section of an option's key; undefined where pools say it each for themselves, or no file can. */
function sectionOf(key: string): string | undefined {
  if (key === "" || key.startsWith("pools[]")) return undefined;
  return key.includes(".") ? key.slice(0, key.indexOf(".")) : "";
}

function keysUnder<T extends OptionTable>(section: string, options: T): Readonly<Record<string, keyof T & string>> {
  const under = Object.entries(options).filter(([, { key }]) => sectionOf(key) === section);
  return Object.fromEntries(under.map(([name, { key }]) => [key.slice(key.indexOf(".") + 1), name]));
}
