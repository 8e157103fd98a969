/** What `pointsman doctor` can be told: its options, and the words beside them, which are files and folders. */
import { existsSync } from "node:fs";
import { readGiven, settle } from "../config/load-config.ts";
import { durationMs, flag, type OptionKind, text } from "../config/option-kinds.ts";
import { type OptionValues, option } from "../config/option-table.ts";
import type { Inputs } from "../doctor/gather/gather.ts";
import { ConfigError, type ConfigFault } from "../errors.ts";

/** Of a page or a gateway; a bare host:port is one of plain HTTP. */
const httpUrl: OptionKind<string> = {
  expects: "http://HOST:PORT",
  parse: (written) => {
    const whole = /^[a-z][a-z\d+.-]*:\/\//i.test(written) ? written : `http://${written}`;
    return URL.canParse(whole) && /^https?:\/\/[^/]/.test(whole) ? whole.replace(/\/+$/, "") : undefined;
  },
  show: (value) => value || "none",
};

export interface PickerPlaces {
  readonly pages: readonly string[];
  readonly port: string;
}

const pickerPlaces: OptionKind<PickerPlaces> = {
  expects: "http://HOST:9090, http://HOST:9091, HOST:9002 or several with commas",
  parse: (written) => {
    const parts = written.split(",").map((part) => part.trim());
    const pages = parts.filter((part) => /^https?:\/\//.test(part)).map(httpUrl.parse);
    const ports = parts.filter((part) => /^(unix:\/.+|(\[[\da-fA-F:]+\]|[\w.-]+):\d{1,5})$/.test(part));
    const good = pages.filter((page) => page !== undefined);
    const isGood = good.length + ports.length === parts.length && ports.length < 2;
    return isGood ? { pages: good, port: ports[0] ?? "" } : undefined;
  },
  show: ({ pages, port }) => [...pages, port].filter(Boolean).join(",") || "none",
};

export const doctorOptions = {
  envoy: option("envoy", httpUrl, "", "Envoy's admin port: its configuration, counters, clusters and version."),
  picker: option(
    "picker",
    pickerPlaces,
    { pages: [], port: "" },
    "The picker: http://HOST:9090 for its metrics, http://HOST:9091 for its pods, HOST:9002 for one real pick.",
  ),
  log: option(
    "log",
    text("a file"),
    "",
    "A log of any part; the same as naming the file by itself. May be given again.",
  ),
  line: option("line", text("a line"), "", "A line of an access log, JSON or text. May be given again."),
  kubeconfig: option(
    "kubeconfig",
    text("a file, or auto"),
    "",
    "Read objects, conditions and logs from Kubernetes; auto looks where kubectl does. Secrets are not read.",
  ),
  probe: option(
    "probe",
    httpUrl,
    "",
    "The gateway: one request of one token, one with a forged destination header, and /v1/models.",
  ),
  model: option("model", text("a name"), "", "Model of those requests; without it the first that /v1/models lists."),
  header: option(
    "header",
    text("NAME: VALUE"),
    "",
    "A header of those requests, such as a token; it is shown nowhere. May be given again.",
  ),
  json: option("json", flag, false, "Print the verdict as JSON."),
  watch: option(
    "watch",
    flag,
    false,
    "Look again and again, by what is new each time, and say when the verdict changes.",
  ),
  interval: option("interval", durationMs(100, 3_600_000), 2_000, "Time between two looks of --watch."),
  collect: option(
    "collect",
    text("a folder"),
    "",
    "Write what can be reached into this folder, without secrets and prompts, to be read by doctor FOLDER elsewhere.",
  ),
  compare: option("compare", flag, false, "Name what differs first between two folders or files: --compare GOOD BAD."),
} as const;

export interface DoctorSettings {
  readonly values: OptionValues<typeof doctorOptions>;
  readonly inputs: Inputs;
}

/** These may be given several times; the rest of the options only once. */
const repeated = ["log", "line", "header"] as const;
type Repeated = Readonly<Record<(typeof repeated)[number], readonly string[]>>;

/** Throws a ConfigError with every fault there is. */
export function readDoctorArgs(args: readonly string[]): DoctorSettings {
  const { flags, words, many } = split(args);
  // A look is for once: nothing of it is taken from the environment, where POINTSMAN_ENVOY is a program.
  const { given, faults } = readGiven(doctorOptions, flags, {});
  const values = settle(doctorOptions, given);
  const paths = [...words, ...many.log];
  const headers = many.header.map((each) => /^\s*([!#$%&'*+.^_`|~\w-]+)\s*:\s*(.*)$/.exec(each));
  const inputs: Inputs = {
    paths,
    lines: many.line,
    envoy: values.envoy,
    pickerPages: values.picker.pages,
    pickerPort: values.picker.port,
    kubeconfig: values.kubeconfig,
    probe: values.probe,
    model: values.model,
    headers: Object.fromEntries(
      headers.flatMap((met) => (met === null ? [] : [[(met[1] ?? "").toLowerCase(), met[2] ?? ""]])),
    ),
  };
  const all = [...faults, ...givenTwice(flags), ...faultsOf(values, inputs, headers.includes(null))];
  // Where something was meant and is wrong, that is what to say.
  if (all.length === 0 && isNothing(inputs) && values.collect === "") all.push(nothingGiven);
  if (all.length > 0) throw new ConfigError(all);
  return { values, inputs };
}

function faultsOf(values: DoctorSettings["values"], inputs: Inputs, isHeaderWrong: boolean): ConfigFault[] {
  const { collect, compare, watch, kubeconfig } = values;
  const faults: ConfigFault[] = inputs.paths
    .filter((path) => !existsSync(path))
    .map((path) => ({ path: JSON.stringify(path), expected: "a file or folder", got: "nothing of that name" }));
  if (kubeconfig !== "" && kubeconfig !== "auto" && !existsSync(kubeconfig)) {
    faults.push({ path: "--kubeconfig", expected: "a file, or auto", got: JSON.stringify(kubeconfig) });
  }
  // Its value may be a token: it is not repeated here.
  if (isHeaderWrong) faults.push({ path: "--header", expected: "NAME: VALUE", got: "something else" });
  const tasks = [collect !== "" && "--collect", compare && "--compare", watch && "--watch"].filter(Boolean);
  if (tasks.length > 1)
    faults.push({ path: tasks.join(" "), expected: "one of them at a time", got: String(tasks.length) });
  faults.push(...besides(values, inputs));
  if (compare && inputs.paths.length !== 2) {
    faults.push({
      path: "--compare",
      expected: "two folders or files, GOOD and BAD",
      got: String(inputs.paths.length),
    });
  }
  return faults;
}

/** It compares what lies in two folders, and nothing else. */
function besides(
  { compare, envoy, picker, kubeconfig, probe }: DoctorSettings["values"],
  { lines }: Inputs,
): ConfigFault[] {
  if (!compare) return [];
  const given = { envoy, picker: [...picker.pages, picker.port].join(""), kubeconfig, probe, line: lines.join("") };
  return Object.entries(given)
    .filter(([, value]) => value !== "")
    .map(([name]) => ({ path: `--${name}`, expected: "nothing beside --compare", got: "a value" }));
}

/** Which of them was meant? */
function givenTwice(flags: readonly string[]): ConfigFault[] {
  const names = flags.map((each) => /^--?([^=]*)/.exec(each)?.[1] ?? "");
  const more = new Set(names.filter((name, at) => names.indexOf(name) !== at));
  return [...more].map((name) => ({ path: `--${name}`, expected: "given once", got: "several" }));
}

const nothingGiven: ConfigFault = {
  path: "doctor",
  expected: "something to look at: files, --envoy, --picker, --kubeconfig, --probe or --line",
  got: "nothing",
};

function isNothing({ paths, lines, envoy, pickerPages, pickerPort, kubeconfig, probe }: Inputs): boolean {
  return [...paths, ...lines, ...pickerPages, envoy, pickerPort, kubeconfig, probe].every((each) => each === "");
}

/** Words that are no flag and no flag's value are paths. */
function split(args: readonly string[]): {
  readonly flags: string[];
  readonly words: string[];
  readonly many: Repeated;
} {
  const flags: string[] = [];
  const words: string[] = [];
  const many = { log: [] as string[], line: [] as string[], header: [] as string[] };
  const specs = new Map(Object.values(doctorOptions).map((spec) => [spec.flag as string, spec]));
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    const [, name = "", inline] = /^--?([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(arg) ?? [];
    const spec = specs.get(name);
    const next = args[at + 1];
    const takesNext = spec !== undefined && spec.kind.alone === undefined && inline === undefined;
    const value = inline ?? (takesNext && next !== undefined && !next.startsWith("--") ? next : undefined);
    if (name === "") words.push(arg);
    else if (value !== undefined) {
      if (inline === undefined) at++;
      const list = many[name as keyof typeof many];
      if (list === undefined) flags.push(`--${name}=${value}`);
      else list.push(value);
    } else if (spec?.kind.alone !== undefined) flags.push(`--${name}=${spec.kind.show(spec.kind.alone as never)}`);
    else flags.push(arg);
  }
  return { flags, words, many };
}
