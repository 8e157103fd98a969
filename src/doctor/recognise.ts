/** What a piece of text is, by its content first and by its name where that leaves a doubt; and what is read out of it. */
import { parse } from "yaml";
import { readHosts } from "./envoy/hosts.ts";
import { readConfig } from "./envoy/read-config.ts";
import { readStats } from "./envoy/stats.ts";
import type { EnvoyVersion, Evidence } from "./evidence.ts";
import { objectsIn, readObjects } from "./kube/kube-object.ts";
import { readAnswers } from "./live/live-answers.ts";
import { readAccessLine } from "./logs/access-line.ts";
import { readLines } from "./logs/read-lines.ts";
import { readPods, readSamples } from "./picker/picker-pages.ts";
import { isRecord } from "./place.ts";

type Reading = Partial<Evidence>;

/** Why a page could not be read that was to be one. */
export const BROKEN_TREE = "its JSON is broken, or cut off";

/** Envoy's page of listeners: known, and all in the configuration too. */
const nothingNew: Reading = {};

/** undefined where nothing is known of it; throws where it is broken. */
export function readEvidence(text: string, source: string): Reading | undefined {
  const trimmed = text.trimStart();
  if (trimmed === "") return undefined;
  if (/^[[{]/.test(trimmed)) {
    const tree = parsed(trimmed);
    if (tree !== undefined) return ofTree(tree, text, source);
  }
  if (/^(apiVersion|kind|items|static_resources|admin|---)/m.test(trimmed)) {
    const read = ofYaml(text, source);
    if (read !== undefined) return read;
  }
  if (/^# (HELP|TYPE) pointsman_/m.test(text)) {
    return { picker: { samples: readSamples(text, source), pods: [], source } };
  }
  if (trimmed.split("\n").every((line) => /^(\S{1,200}::\S{1,200}:\d+)?$/.test(line.trim()))) return nothingNew;
  if (/^[^\s:].{0,500}?::(health_flags|cx_active|max_connections)::/m.test(text))
    return { hosts: readHosts(text, source) };
  if (/^(cluster|http|server|listener|cluster_manager|runtime)\.\S.*: \d+$/m.test(text)) {
    return { stats: readStats(text, source) };
  }
  const lines = isCutTree(trimmed) ? undefined : readLines(text, source);
  // A tree that was cut off holds names of fields and of files, and none of it was said by anybody.
  if (lines === undefined && /^(\{|\[\s*["{[])/.test(trimmed)) throw new Error(BROKEN_TREE);
  return lines;
}

/** One line that begins as a tree, and does not end as one. */
function isCutTree(text: string): boolean {
  return text.startsWith("{") && !text.trimEnd().includes("\n");
}

/** The whole as one piece of JSON; a log of JSON lines is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function ofTree(tree: unknown, text: string, source: string): Reading | undefined {
  if (Array.isArray(tree)) {
    const pods = readPods(tree);
    if (pods.some((pod) => "address" in pod)) return { picker: { samples: [], pods, source } };
    const objects = objectsIn(tree, source);
    return objects.length > 0 ? { objects } : undefined;
  }
  if (!isRecord(tree)) return undefined;
  if (Array.isArray(tree["configs"]) || "static_resources" in tree) return { config: readConfig(tree, source) };
  // What a live probe wrote, by itself or in a report.
  if (Array.isArray(tree["asked"]))
    return tree["asked"].length === 0 ? nothingNew : { live: readAnswers(tree["asked"]) };
  if ("listener_statuses" in tree) return nothingNew;
  if ("cluster_statuses" in tree) return { hosts: readHosts(text, source) };
  if (Array.isArray(tree["stats"])) return { stats: readStats(text, source) };
  if ("command_line_options" in tree && "version" in tree) return { server: readServer(tree, source) };
  if ("kind" in tree) return { objects: objectsIn(tree, source) };
  const access = readAccessLine(text, source);
  if (access !== undefined) return { access: [access] };
  // A log of one line; or the body of an error, as a pod or a picker wrote it.
  return readLines(text, source);
}

function ofYaml(text: string, source: string): Reading | undefined {
  // The file that an Envoy was started with.
  if (/^static_resources:/m.test(text)) return { config: readConfig(parse(text), source) };
  const objects = readObjects(text, source);
  if (objects.length > 0) return { objects };
  return undefined;
}

function readServer(tree: Readonly<Record<string, unknown>>, source: string): EnvoyVersion {
  const [, version = ""] = /(\d+\.\d+\.\d+)/.exec(String(tree["version"])) ?? [];
  return { version, state: String(tree["state"] ?? ""), source };
}
