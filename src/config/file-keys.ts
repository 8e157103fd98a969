/**
 * The keys of the config file. What an option says for every pool a key says for one: it takes kind and help from
 * there, so that each is written once.
 */
import { scrapeOptions as poolOptions, sourceOptions } from "./pod-options.ts";

type PoolOption = keyof typeof poolOptions;
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

/** What stands under `scrape`. */
export const scrapeKeys = {
  interval: "refreshMetricsIntervalMs",
  timeout: "scrapeTimeoutMs",
  scheme: "modelServerMetricsScheme",
  port: "modelServerMetricsPort",
  path: "modelServerMetricsPath",
  engine: "engine",
  caFile: "modelServerCaFile",
  tokenFile: "modelServerTokenFile",
  insecureSkipVerify: "modelServerInsecure",
  modelsPath: "modelsPath",
  modelsInterval: "modelsIntervalMs",
} as const satisfies Record<string, PoolOption>;

/** What stands in the pool itself. */
export const settingKeys = {
  unknownModel: "unknownModel",
  listModels: "listModels",
} as const satisfies Record<string, PoolOption>;

export const poolKeys = ["name", "pods", "scrape", "profile", ...Object.keys(settingKeys)] as const;

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
  const fromOption = (parent: string, [key, name]: [string, PoolOption]): FileKey => {
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
  ];
}
