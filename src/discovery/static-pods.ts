/** The pods of `--pods`: addresses as they are written, and host names that are resolved again and again. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { ConfigFault } from "../errors.ts";
import { type EntryFault, isUsableIp, type PodEntry, parsePodEntry, podAddress } from "./pod-address.ts";
import type { PodSource, SourceEvents } from "./pod-source.ts";
import { RepeatedLook } from "./repeated-look.ts";

/** All addresses of a host name. */
export type Lookup = (host: string) => Promise<readonly string[]>;

export interface StaticPodsParts {
  readonly lookup?: Lookup;
  readonly refreshMs?: number;
  readonly retryMs?: number;
}

/** The system's resolver tells no time to live, so every name is asked as often as a source must confirm. */
const REFRESH_MS = 15_000;
/** Sooner after a failure, since names often appear just after the picker when a whole system starts. */
const RETRY_MS = 5_000;

/** Reads `host:port,[::1]:8000,name=10.0.0.1:8000`; every fault of the list is reported, not just the first. */
export function parsePodList(
  text: string,
  option = "--pods",
): { readonly pods: readonly PodEntry[] } | { readonly faults: readonly ConfigFault[] } {
  if (text.trim() === "") return { faults: [{ path: option, expected: "at least one host:port", got: "nothing" }] };
  const roll = new EntryRoll();
  const faults: ConfigFault[] = [];
  for (const [i, part] of text.split(",").entries()) {
    const fault = parseNext(part.trim(), roll);
    if (fault !== undefined) faults.push({ path: `${option}[${i}]`, ...fault });
  }
  return faults.length > 0 ? { faults } : { pods: roll.entries };
}

function parseNext(text: string, roll: EntryRoll): EntryFault | undefined {
  const parsed = parsePodEntry(text);
  if ("expected" in parsed) return parsed;
  const expected = roll.add(parsed);
  return expected === undefined ? undefined : { expected, got: JSON.stringify(text) };
}

/** The entries of one list, each name and each address once. */
export class EntryRoll {
  readonly entries: PodEntry[] = [];
  readonly #names = new Set<string>();
  readonly #addresses = new Set<string>();

  /** What is expected instead of an entry whose name or address the list has already; undefined once it is added. */
  add(entry: PodEntry): string | undefined {
    const address = podAddress(entry.host, entry.port);
    if (this.#names.has(entry.name)) return "a name that is not in the list before";
    if (this.#addresses.has(address)) return "an address that is not in the list before";
    this.#names.add(entry.name);
    this.#addresses.add(address);
    this.entries.push(entry);
    return undefined;
  }
}

/** One source for all addresses, and one for each host name, so that a name that is lost casts no doubt on the rest. */
export function staticSources(entries: readonly PodEntry[], parts: StaticPodsParts = {}): PodSource[] {
  const literal = entries.filter(({ host }) => isIP(host) !== 0);
  const named = entries.filter(({ host }) => isIP(host) === 0);
  return [...(literal.length > 0 ? [new LiteralPods(literal)] : []), ...named.map((entry) => hostPods(entry, parts))];
}

/** Addresses need no DNS and never grow old. */
class LiteralPods implements PodSource {
  readonly name = "list of addresses";
  readonly perishable = false;
  readonly #entries: readonly PodEntry[];
  #stopped = false;

  constructor(entries: readonly PodEntry[]) {
    this.#entries = entries;
  }

  start(events: SourceEvents): Promise<void> {
    const pods = this.#entries.map(({ name, host, port }) => ({ name, address: podAddress(host, port) }));
    if (!this.#stopped) events.publish(pods);
    return Promise.resolve();
  }

  stop(): void {
    this.#stopped = true;
  }
}

function hostPods(entry: PodEntry, { lookup = lookupAll, refreshMs, retryMs }: StaticPodsParts): PodSource {
  return new RepeatedLook({
    name: `host ${entry.host}:${entry.port}`,
    look: async () => ({
      pods: podsOf(entry, await resolve(entry.host, lookup)),
      againMs: refreshMs ?? REFRESH_MS,
    }),
    retryMs: retryMs ?? RETRY_MS,
  });
}

async function resolve(host: string, lookup: Lookup): Promise<string[]> {
  try {
    const addresses = (await lookup(host)).filter(isUsableIp);
    if (addresses.length > 0) return addresses;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${host} does not resolve: ${reason}`);
  }
  throw new Error(`${host} does not resolve: no addresses`);
}

/**
 * A name with several addresses gives several pods, told apart by their address. That is their identity in any case:
 * a pod stays the same one when the name gains a second address.
 */
function podsOf({ name, port }: PodEntry, ips: readonly string[]) {
  const alone = ips.length === 1;
  return ips.map((ip) => {
    const address = podAddress(ip, port);
    return { name: alone ? name : `${name}@${address}`, address, uid: `${name}@${address}` };
  });
}

async function lookupAll(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}
