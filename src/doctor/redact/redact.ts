/**
 * What may be handed on of each source, by a list of what is kept: names, conditions, counters, settings, and the lines that
 * mean something. What is left diagnoses to the same verdict; what nobody here knows goes, whatever it is called.
 */
import type { Source } from "../diagnose.ts";
import { readYaml } from "../kube/read-yaml.ts";
import { readAccessLine } from "../logs/access-line.ts";
import { isRecord } from "../place.ts";
import { keptLines } from "./kept-lines.ts";
import { keptTree } from "./kept-tree.ts";
import { emptied, withoutSecrets } from "./shapes.ts";

/** undefined where nothing of it may leave: what is neither known nor a log may hold anything. */
export function redacted({ name, text, file }: Source): Source | undefined {
  const clean = keptText(text);
  return clean === undefined ? undefined : { name, text: clean, ...(file !== undefined && { file }) };
}

function keptText(text: string): string | undefined {
  const trimmed = text.trimStart();
  if (/^[[{]/.test(trimmed)) {
    const tree = parsed(trimmed);
    // A tree of one line with a status is a line of an access log.
    if (tree !== undefined) {
      const kept = readAccessLine(trimmed, "") === undefined ? keptPage(tree) : undefined;
      return kept === undefined ? keptLines(text) : JSON.stringify(kept);
    }
  }
  if (/^(apiVersion|kind|items|static_resources|admin|---)/m.test(trimmed) && !/^\S+::\S+::/m.test(text)) {
    const known = treesIn(text)
      .map(keptPage)
      .filter((tree) => tree !== undefined);
    // As JSON, which is read in a hundredth of the time.
    if (known.length > 0) {
      return JSON.stringify(known.length === 1 ? known[0] : { apiVersion: "v1", kind: "List", items: known });
    }
  }
  return keptCounters(text) ?? keptLines(text);
}

/** None where the YAML is broken, or too long: nothing of it is read either. */
function treesIn(text: string): unknown[] {
  try {
    return readYaml(text, () => true);
  } catch {
    return [];
  }
}

/** A page of Envoy's, of the picker's or of a Kubernetes API; undefined for any other tree. */
function keptPage(tree: unknown): unknown {
  if (Array.isArray(tree)) {
    const isKnown = (each: unknown) => isRecord(each) && ("kind" in each || "address" in each);
    return tree.every(isKnown) ? tree.map((each) => ("kind" in each ? keptTree(each) : keptPod(each))) : undefined;
  }
  if (!isRecord(tree)) return undefined;
  if (Array.isArray(tree["asked"])) return { asked: tree["asked"].filter(isRecord).map(keptAnswer) };
  if (Array.isArray(tree["pods"])) return { pods: tree["pods"].filter(isRecord).map(keptPod) };
  if ("command_line_options" in tree) {
    const { version, state } = tree;
    return { ...(keptTree({ version, state }) as object), command_line_options: {} };
  }
  if (Array.isArray(tree["configs"]) || "static_resources" in tree) return keptTree(tree, ["configs"]);
  if (["cluster_statuses", "listener_statuses", "stats"].some((key) => Array.isArray(tree[key]))) return keptTree(tree);
  return "kind" in tree ? keptTree(tree) : undefined;
}

const podFields = new Set(["name", "address", "models", "state", "role", "namespace", "model", "grade", "health"]);

/** Of the picker's own page: numbers, and the names of what it knows. */
function keptPod(pod: Readonly<Record<string, unknown>>): unknown {
  const entries = Object.entries(pod).map(([name, value]) => {
    const isPlain = typeof value === "number" || typeof value === "boolean" || value === null;
    return [name, isPlain ? value : podFields.has(name) ? keptTree({ models: value }) : emptied(value)];
  });
  return Object.fromEntries(
    entries.map(([name, value]) => [name, isRecord(value) && "models" in value ? value["models"] : value]),
  );
}

/** Written by the doctor itself, of a request of its own. */
export function keptAnswer({ question, isWell, status, quote }: Readonly<Record<string, unknown>>): unknown {
  const said = isRecord(quote) ? quote : {};
  const words = (value: unknown) => withoutSecrets(String(value ?? ""));
  return {
    ...{ question: words(question), isWell: isWell === true, status: words(status) },
    quote: { source: words(said["source"]), text: words(said["text"]) },
  };
}

/** Counters, hosts, listeners and metrics have a name and a number in every line; what is none of them goes. */
const COUNTER =
  /^(# (HELP|TYPE) \w|\S+: (-?\d+$|P\d|No recorded)|\S+::\S+::|\S+::\S+:\d+$|[a-zA-Z_:][\w:]*(\{.*\})? ([\d.eE+-]+|NaN|[+-]Inf)$)/;

function keptCounters(text: string): string | undefined {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const known = lines.filter((line) => COUNTER.test(line.trimEnd()));
  if (known.length * 5 < lines.length * 4 || known.length === 0) return undefined;
  return `${known.map((line) => withoutSecrets(keptMetric(line))).join("\n")}\n`;
}

const plainLabel =
  /^(kind|code|outcome|reason|pod|model|model_name|le|quantile|phase|profile|scorer|filter|state|status|name|version)$/;

function keptMetric(line: string): string {
  const [, name = "", labels = "", value = ""] = /^([a-zA-Z_:][\w:]*)\{(.*)\} (\S+)$/.exec(line) ?? [];
  if (name === "") return line;
  const kept = [...labels.matchAll(/(\w+)="([\w.:/@-]*)"/g)].filter(([, label = ""]) => plainLabel.test(label));
  return `${name}{${kept.map(([pair]) => pair).join(",")}} ${value}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
