/** Whom to ask and which names to try: /etc/resolv.conf as the system's own resolver reads it. */
import { getServers } from "node:dns";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { parsePort } from "../pod-address.ts";

export interface DnsServer {
  readonly address: string;
  readonly port: number;
}

export interface ResolverSettings {
  readonly servers: readonly DnsServer[];
  /** Domains that a short name is tried in. */
  readonly search: readonly string[];
  /** A name with fewer dots is short. */
  readonly ndots: number;
}

/** More are ignored, here as in the C library. */
const SERVER_LIMIT = 3;
const NDOTS_LIMIT = 15;
const DNS_PORT = 53;

/** Read anew for every look: a machine that moves gets other name servers. */
export async function readResolverSettings(path = "/etc/resolv.conf"): Promise<ResolverSettings> {
  const settings = parseResolvConf(await readFile(path, "utf8").catch(() => ""));
  return settings.servers.length > 0 ? settings : { ...settings, servers: getServers().map(parseServer) };
}

export function parseResolvConf(text: string): ResolverSettings {
  const servers: DnsServer[] = [];
  let search: readonly string[] = [];
  let ndots = 1;
  for (const line of text.split("\n")) {
    const [keyword, ...words] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    const [first = ""] = words;
    if (keyword === "nameserver" && isIP(first) !== 0) servers.push({ address: first, port: DNS_PORT });
    else if (keyword === "search" || keyword === "domain") search = words.map(withoutLastDot).filter(Boolean);
    else if (keyword === "options") ndots = ndotsOf(words) ?? ndots;
  }
  return { servers: servers.slice(0, SERVER_LIMIT), search, ndots };
}

/** The full names that a name may stand for, in the order in which they are tried. */
export function fullNames(name: string, { search, ndots }: ResolverSettings): string[] {
  if (name.endsWith(".")) return [withoutLastDot(name)];
  const searched = search.map((domain) => `${name}.${domain}`);
  const dots = name.split(".").length - 1;
  return dots >= ndots ? [name, ...searched] : [...searched, name];
}

/** As node:dns tells a server: an address, or with another port address:port. */
function parseServer(text: string): DnsServer {
  const [, v6, v4, port] = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text) ?? [];
  return { address: v6 ?? v4 ?? text, port: parsePort(port ?? "") ?? DNS_PORT };
}

function ndotsOf(words: readonly string[]): number | undefined {
  const written = words.map((word) => /^ndots:(\d+)$/.exec(word)?.[1]).findLast((digits) => digits !== undefined);
  return written === undefined ? undefined : Math.min(Number(written), NDOTS_LIMIT);
}

function withoutLastDot(name: string): string {
  return name.replace(/\.$/, "");
}
