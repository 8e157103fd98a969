/** The pods of `--pods`: parses the list, and resolves host names again and again. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { ConfigFault } from "../errors.ts";
import { type PodSource, podAddress, type SourceFailure } from "./discovery.ts";
import type { PodSpec } from "./pod-table.ts";

/** One entry of the list; `host` is an IP address without brackets, or a name to resolve. */
export interface PodEntry {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** All addresses of a host name. */
export type Lookup = (host: string) => Promise<readonly string[]>;

export interface StaticPodsParts {
  readonly lookup?: Lookup;
  /** Told once per host name until it resolves again. */
  onFailure(failure: SourceFailure): void;
}

const REFRESH_MS = 30_000;
/** Sooner after a failure, since names often appear just after the picker when a whole system starts. */
const RETRY_MS = 5_000;

const expected = "[name=]host:port with a host name, an IPv4 address or an [IPv6 address]";
const namePattern = /^[\w.:/@[\]-]+$/;
// The last label holds a letter, so that a mistyped IPv4 address is not taken for a name.
const hostPattern =
  /^(?=.{1,253}$)(?:[a-z0-9_](?:[\w-]{0,61}[a-z0-9])?\.)*(?=[^.]*[a-z])[a-z0-9](?:[\w-]{0,61}[a-z0-9])?\.?$/i;
const portPattern = /^[1-9]\d{0,4}$/;

/** Reads `host:port,[::1]:8000,name=10.0.0.1:8000`; every fault of the list is reported, not just the first. */
export function parsePodList(
  text: string,
  option = "--pods",
): { readonly pods: readonly PodEntry[] } | { readonly faults: readonly ConfigFault[] } {
  if (text.trim() === "") return { faults: [{ path: option, expected: "at least one host:port", got: "nothing" }] };
  const pods: PodEntry[] = [];
  const faults: ConfigFault[] = [];
  for (const [i, part] of text.split(",").entries()) {
    const parsed = parseEntry(part.trim(), pods);
    if ("host" in parsed) pods.push(parsed);
    else faults.push({ path: `${option}[${i}]`, ...parsed });
  }
  return faults.length > 0 ? { faults } : { pods };
}

type EntryFault = Omit<ConfigFault, "path">;

function parseEntry(text: string, before: readonly PodEntry[]): PodEntry | EntryFault {
  const got = JSON.stringify(text);
  const equals = text.indexOf("=");
  const name = equals === -1 ? text : text.slice(0, equals);
  const target = text.slice(equals + 1);
  const colon = target.lastIndexOf(":");
  const written = target.slice(0, Math.max(colon, 0));
  const portText = target.slice(colon + 1);
  const bracketed = written.startsWith("[") && written.endsWith("]");
  const host = bracketed ? written.slice(1, -1) : written;
  if (!isHost(host, bracketed)) return { expected, got, ...hintFor(target) };
  const port = portPattern.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65_535) return { expected: "a port from 1 to 65535", got };
  if (!namePattern.test(name)) return { expected: "a name of letters, digits and _ . : / @ -", got };
  if (before.some((pod) => pod.name === name)) return { expected: "a name that is not in the list before", got };
  const address = podAddress(host.toLowerCase(), port);
  if (before.some((pod) => podAddress(pod.host, pod.port) === address)) {
    return { expected: "an address that is not in the list before", got };
  }
  return { name, host: host.toLowerCase(), port };
}

function isHost(host: string, bracketed: boolean): boolean {
  if (bracketed) return isIP(host) === 6 && isUsable(host);
  return isIP(host) === 4 || hostPattern.test(host);
}

/** An address Envoy understands; it knows no IPv6 zones. */
function isUsable(ip: string): boolean {
  return isIP(ip) !== 0 && !ip.includes("%");
}

/** What was probably meant: a URL's host and port, or an IPv6 address in brackets. */
function hintFor(target: string): { readonly hint?: string } {
  const url = /^https?:\/\/([^/]+)/.exec(target)?.[1];
  if (url !== undefined) return { hint: url };
  const colon = target.lastIndexOf(":");
  const host = target.slice(0, Math.max(colon, 0));
  return isIP(host) === 6 ? { hint: `[${host}]:${target.slice(colon + 1)}` } : {};
}

export class StaticPods implements PodSource {
  readonly name = "static";
  readonly #entries: readonly PodEntry[];
  readonly #parts: StaticPodsParts;
  /** The addresses last known of each entry. */
  readonly #known = new Map<PodEntry, readonly string[]>();
  readonly #failing = new Set<PodEntry>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(entries: readonly PodEntry[], parts: StaticPodsParts) {
    this.#entries = entries;
    this.#parts = parts;
    for (const entry of entries) if (isIP(entry.host) !== 0) this.#known.set(entry, [entry.host]);
  }

  async start(publish: (pods: readonly PodSpec[]) => void): Promise<void> {
    // Addresses need no DNS, and do not wait for it.
    if (this.#known.size > 0) publish(this.#specs());
    const named = this.#entries.filter((entry) => !this.#known.has(entry));
    if (named.length > 0) await this.#refresh(named, publish);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Never rejects: a name that does not resolve keeps the addresses it had. */
  async #refresh(named: readonly PodEntry[], publish: (pods: readonly PodSpec[]) => void): Promise<void> {
    await Promise.all(named.map((entry) => this.#resolve(entry)));
    if (this.#stopped) return;
    const waitMs = this.#failing.size > 0 ? RETRY_MS : REFRESH_MS;
    this.#timer = setTimeout(() => void this.#refresh(named, publish), waitMs).unref();
    if (this.#failing.size < named.length) publish(this.#specs());
  }

  async #resolve(entry: PodEntry): Promise<void> {
    try {
      const found = await (this.#parts.lookup ?? lookupAll)(entry.host);
      const addresses = found.filter(isUsable);
      if (addresses.length === 0) throw new Error("no addresses");
      this.#known.set(entry, addresses);
      this.#failing.delete(entry);
    } catch (error) {
      if (this.#failing.has(entry) || this.#stopped) return;
      this.#failing.add(entry);
      const reason = error instanceof Error ? error.message : String(error);
      this.#parts.onFailure({ source: this.name, message: `${entry.host} does not resolve: ${reason}` });
    }
  }

  /** A name with several addresses gives several pods, told apart by their address. */
  #specs(): PodSpec[] {
    return this.#entries.flatMap((entry) => {
      const addresses = (this.#known.get(entry) ?? []).map((ip) => podAddress(ip, entry.port));
      const alone = addresses.length === 1;
      return addresses.map((address) => ({ name: alone ? entry.name : `${entry.name}@${address}`, address }));
    });
  }
}

async function lookupAll(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}
