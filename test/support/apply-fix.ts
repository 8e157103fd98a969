/** Does to a configuration of Envoy what a line under `Do` says: the words that it takes are those that can be pasted. */
import { parse } from "yaml";

type Tree = Record<string, unknown>;

/** Of the report as it is printed. */
export function fixIn(report: string): string[] {
  const [, block = ""] = /\n {2}Do:\n([\s\S]*?)\n {2}Then: /.exec(report) ?? [];
  return block.split("\n").map((line) => line.replace(/^ *\d+\. /, ""));
}

/** Changes `config`; false where the line is not one for the configuration. Throws where what it names is not there. */
export function applyFix(line: string, config: Tree): boolean {
  const [, host, there] = /^In cluster \S+: address (\S+) in place of (\S+)$/.exec(line) ?? [];
  if (host !== undefined && there !== undefined) return moveAddress(config, there, host);
  const [, listener, before, filter] = /^In http_filters of listener (\S+), before (\S+): (.+)$/.exec(line) ?? [];
  if (listener !== undefined && before !== undefined)
    return insertFilter(config, listener, before, parse(filter ?? ""));
  const [, gone, cluster] = /^Remove (\w+) from cluster (\S+): /.exec(line) ?? [];
  if (gone !== undefined && cluster !== undefined) return delete named(config, "cluster", cluster)[gone];
  const [, kind, name, yaml] = /^In (cluster|listener|filter) (\S+): (.+)$/.exec(line) ?? [];
  if (kind === undefined || name === undefined) return false;
  merge(named(config, kind, name), parse(yaml ?? "") as Tree);
  return true;
}

function moveAddress(config: Tree, from: string, to: string): boolean {
  const [host, port] = split(from);
  const found = maps(config).filter((map) => map["address"] === host && map["port_value"] === port);
  if (found.length === 0) throw new Error(`nothing has the address ${from}`);
  const [address, port_value] = split(to);
  for (const map of found) Object.assign(map, { address, port_value });
  return true;
}

function split(address: string): [string, number] {
  const at = address.lastIndexOf(":");
  return [address.slice(0, at), Number(address.slice(at + 1))];
}

function insertFilter(config: Tree, listener: string, before: string, filter: unknown): boolean {
  const chain = maps(named(config, "listener", listener)).find((map) => Array.isArray(map["http_filters"]));
  const filters = chain?.["http_filters"] as Tree[];
  const at = filters.findIndex(({ name }) => name === before);
  if (at === -1) throw new Error(`listener ${listener} has no filter ${before}`);
  filters.splice(at, 0, filter as Tree);
  return true;
}

/** Of a filter what its type has; the name of a cluster is a filter's too, so lists tell which is which. */
function named(config: Tree, kind: string, name: string): Tree {
  const lists = { cluster: "clusters", listener: "listeners", filter: "http_filters" } as Record<string, string>;
  const all = maps(config).flatMap((map) => (map[lists[kind] ?? ""] ?? []) as Tree[]);
  const found = all.find((each) => each["name"] === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return kind === "filter" ? (found["typed_config"] as Tree) : found;
}

/** Every map in a tree, the tree included. */
function maps(node: unknown): Tree[] {
  if (Array.isArray(node)) return node.flatMap(maps);
  if (typeof node !== "object" || node === null) return [];
  return [node as Tree, ...Object.values(node).flatMap(maps)];
}

function merge(into: Tree, from: Tree): void {
  for (const [key, value] of Object.entries(from)) {
    const there = into[key];
    const areMaps = [there, value].every((each) => typeof each === "object" && each !== null && !Array.isArray(each));
    if (areMaps) merge(there as Tree, value as Tree);
    else into[key] = value;
  }
}
