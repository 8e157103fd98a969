/** Where the pods of one pool come from, as the config file says it under `pods`. */
import { isMap } from "yaml";
import { type DnsName, describeDnsName, expectedDnsName, parseDnsName } from "../discovery/dns/dns-names.ts";
import { expectedName, isPodName, type PodEntry, parsePodEntry, podAddress, quoted } from "../discovery/pod-address.ts";
import { podFileFaults } from "../discovery/read-pod-file.ts";
import { EntryRoll } from "../discovery/static-pods.ts";
import type { Field } from "../discovery/yaml-tree.ts";
import type { sourceKeys } from "./file-keys.ts";
import { readAibrix, readInferencePool, readSelector, readService } from "./file-kubernetes.ts";
import { type Fields, type FileReading, readFields, readItems, readText } from "./file-reading.ts";
import type { SourceConfig } from "./pool-config.ts";

type Sources = SourceConfig | readonly SourceConfig[];

/** Each gives undefined, or less than is written, where it tells faults. */
const readers: Readonly<Record<keyof typeof sourceKeys, (reading: FileReading, field: Field) => Sources | undefined>> =
  {
    static: readStatic,
    file: readFile,
    dns: readDns,
    inferencePool: readInferencePool,
    selector: readSelector,
    service: readService,
    aibrix: readAibrix,
  };

/** In the order of the keys' table, however they are written: a pod that two sources know is taken from the first. */
export function readSources(reading: FileReading, fields: Fields): SourceConfig[] {
  return Object.entries(readers).flatMap(([key, read]) => {
    const field = fields.get(key);
    return field === undefined ? [] : (read(reading, field) ?? []);
  });
}

const podAtPort = "host:port with a host name, an IPv4 address or an [IPv6 address]";

function readStatic(reading: FileReading, list: Field): SourceConfig {
  const roll = new EntryRoll();
  for (const field of readItems(reading, list, "a list of pods")) {
    const isMapping = isMap(field.node);
    const entry = isMapping ? readPod(reading, field) : readAddress(reading, field, `[name=]${podAtPort}`);
    const expected = entry && roll.add(entry);
    if (entry !== undefined && expected !== undefined) reading.fault(field.place, expected, quoted(shown(entry)));
  }
  return { kind: "static", entries: roll.entries };
}

function shown({ name, host, port }: PodEntry): string {
  const address = podAddress(host, port);
  return name === address ? address : `${name}=${address}`;
}

/** A pod with name and address apart; without a name it is called by its address. */
function readPod(reading: FileReading, pod: Field): PodEntry | undefined {
  const { tree } = reading;
  const fields = readFields(reading, pod, ["name", "address"], "a mapping with name and address");
  const entry = readAddress(reading, fields?.get("address") ?? tree.missing(pod, "address"), podAtPort);
  const nameField = fields?.get("name");
  if (nameField === undefined) return entry;
  const name = tree.text(nameField, expectedName);
  if (name !== undefined && !isPodName(name)) tree.wrong(nameField, expectedName);
  return entry && name !== undefined ? { ...entry, name } : undefined;
}

/** `expected` says whether a name may stand in the same text. */
function readAddress({ tree, fault }: FileReading, field: Field, expected: string): PodEntry | undefined {
  const text = tree.text(field, expected);
  if (text === undefined) return undefined;
  if (expected === podAtPort && text.includes("=")) return tree.wrong(field, expected);
  const entry = parsePodEntry(text);
  if (!("expected" in entry)) return entry;
  fault(field.place, entry.expected.endsWith(podAtPort) ? expected : entry.expected, entry.got, entry.hint);
  return undefined;
}

function readFile(reading: FileReading, field: Field): SourceConfig | undefined {
  const path = readText(reading, field, "a path");
  if (path === undefined) return undefined;
  for (const fault of podFileFaults(path, field.place)) {
    reading.fault(fault.path, fault.expected, fault.got, fault.hint);
  }
  return { kind: "file", path };
}

function readDns(reading: FileReading, list: Field): SourceConfig[] {
  const { tree, fault } = reading;
  const names = new Map<string, DnsName>();
  for (const field of readItems(reading, list, "a list of DNS names")) {
    const text = tree.text(field, expectedDnsName);
    if (text === undefined) continue;
    const name = parseDnsName(text);
    if ("expected" in name) fault(field.place, name.expected, name.got, name.hint);
    else if (names.has(describeDnsName(name))) tree.wrong(field, "a name that is not in the list before");
    else names.set(describeDnsName(name), name);
  }
  return [...names.values()].map((name) => ({ kind: "dns", name }));
}
