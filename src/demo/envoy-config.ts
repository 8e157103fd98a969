/** Reads a shipped Envoy config and changes named places in it, so that what runs is what operators are given. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

/** A key of a map, or in a list the position (number) or the `name` of an element (string). */
export type Place = readonly (string | number)[];

/** `set` needs the place to exist, `add` needs it not to (in a list it inserts), `remove` needs it to exist. */
export type Edit =
  | { readonly op: "set" | "add"; readonly at: Place; readonly to: unknown }
  | { readonly op: "remove"; readonly at: Place };

export interface EnvoyConfig {
  readonly [key: string]: unknown;
}

const shipped = new URL("../../deploy/envoy/", import.meta.url);

const listener: Place = ["static_resources", "listeners", "requests"];
const hcm: Place = [
  ...listener,
  "filter_chains",
  0,
  "filters",
  "envoy.filters.network.http_connection_manager",
  "typed_config",
];

/** Places of the shipped files that others edit. */
export const places = {
  listener,
  hcm,
  extProc: [...hcm, "http_filters", "envoy.filters.http.ext_proc", "typed_config"],
  picker: ["static_resources", "clusters", "picker"],
  pods: ["static_resources", "clusters", "pods"],
} as const satisfies Record<string, Place>;

/** `file` is a name in deploy/envoy/ or an absolute path. */
export function renderEnvoyConfig(file: string, edits: readonly Edit[]): EnvoyConfig {
  const path = file.startsWith("/") ? file : fileURLToPath(new URL(file, shipped));
  // Through JSON, so that no two places share a node.
  const tree: unknown = JSON.parse(JSON.stringify(parse(readFileSync(path, "utf8"))));
  if (!isMap(tree)) throw new Error(`${file} is not an Envoy config`);
  for (const edit of edits) applyEdit(tree, edit, file);
  return tree;
}

/** Port 0 lets the system choose; startEnvoy says which it was. */
export function listenOn(port: number, address = "127.0.0.1"): Edit {
  return { op: "set", at: [...listener, "address"], to: socketAddress(address, port) };
}

export function adminOn(port: number, address = "127.0.0.1"): Edit {
  return { op: "set", at: ["admin", "address"], to: socketAddress(address, port) };
}

/** Addresses as `ip:port`, IPv6 in brackets. */
export function pickersAt(addresses: readonly string[]): Edit {
  return endpointsOf("picker", addresses);
}

/** Only for round-robin.yaml and override-host.yaml: elsewhere the picker alone names the pods. */
export function podsAt(addresses: readonly string[]): Edit {
  return endpointsOf("pods", addresses);
}

function endpointsOf(cluster: "picker" | "pods", addresses: readonly string[]): Edit {
  return {
    op: "set",
    at: [...places[cluster], "load_assignment", "endpoints", 0, "lb_endpoints"],
    to: addresses.map((text) => ({ endpoint: { address: parseAddress(text) } })),
  };
}

function parseAddress(text: string): object {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const address = found?.[1] ?? found?.[2];
  if (address === undefined) throw new Error(`expected ip:port, got "${text}"`);
  return socketAddress(address, Number(found?.[3]));
}

function socketAddress(address: string, port: number): object {
  return { socket_address: { address, port_value: port } };
}

function applyEdit(tree: object, edit: Edit, file: string): void {
  const { op, at } = edit;
  const last = at.at(-1);
  if (last === undefined) throw new Error("an edit needs a place");
  let parent: unknown = tree;
  at.slice(0, -1).forEach((step, depth) => {
    parent = child(parent, step) ?? fail(file, at.slice(0, depth + 1), "does not exist");
  });
  const there = child(parent, last) !== undefined;
  // Inserting into a list pushes what is there along.
  if (op === "add" && there && !Array.isArray(parent)) fail(file, at, "exists already");
  if (op !== "add" && !there) fail(file, at, "does not exist");
  if (Array.isArray(parent)) {
    const index = typeof last === "number" ? last : parent.findIndex((item) => nameOf(item) === last);
    if (index < 0 || index > parent.length) fail(file, at, "is no position of this list");
    parent.splice(index, op === "add" ? 0 : 1, ...(op === "remove" ? [] : [edit.to]));
  } else if (isMap(parent)) {
    if (op === "remove") delete parent[last];
    else parent[last] = edit.to;
  } else fail(file, at, "is neither in a map nor in a list");
}

function child(node: unknown, step: string | number): unknown {
  if (Array.isArray(node)) return typeof step === "number" ? node[step] : node.find((item) => nameOf(item) === step);
  return isMap(node) && Object.hasOwn(node, step) ? node[step] : undefined;
}

function nameOf(node: unknown): unknown {
  if (!isMap(node)) return undefined;
  const { name } = node;
  return name;
}

function isMap(node: unknown): node is Record<string, unknown> {
  return typeof node === "object" && node !== null && !Array.isArray(node);
}

function fail(file: string, at: Place, what: string): never {
  throw new Error(`${file}: ${at.join(" > ")} ${what}`);
}
