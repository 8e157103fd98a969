/** What `--pods-dns` names: hosts with a port, looked up as A and AAAA records, and services, looked up as SRV. */
import type { ConfigFault } from "../../errors.ts";
import { type EntryFault, hostOfUrl, isHostName, parsePort, quoted } from "../pod-address.ts";
import { type AddressType, addressTypes } from "./dns-exchange.ts";

export type DnsName =
  | { readonly kind: "service"; readonly name: string }
  | { readonly kind: "host"; readonly name: string; readonly port: number; readonly types: readonly AddressType[] };

export const expectedDnsName = "host.name:port, or srv:name for SRV records";
/** Where pods have an address of each family, one of them is enough: `a:name:port`. */
const typesByPrefix: Record<string, readonly AddressType[]> = { a: ["A"], aaaa: ["AAAA"] };

/** Reads `vllm.default:8000,srv:_http._tcp.vllm.default,a:vllm:8000`, and reports every fault of the list. */
export function parseDnsNames(
  text: string,
  option = "--pods-dns",
): { readonly names: readonly DnsName[] } | { readonly faults: readonly ConfigFault[] } {
  if (text.trim() === "") return { faults: [{ path: option, expected: expectedDnsName, got: "nothing" }] };
  const names: DnsName[] = [];
  const faults: ConfigFault[] = [];
  const seen = new Set<string>();
  for (const [i, part] of text.split(",").entries()) {
    const parsed = parseDnsName(part.trim());
    const path = `${option}[${i}]`;
    if ("expected" in parsed) faults.push({ path, ...parsed });
    else if (seen.size === seen.add(describeDnsName(parsed)).size) {
      faults.push({ path, expected: "a name that is not in the list before", got: quoted(part.trim()) });
    } else names.push(parsed);
  }
  return faults.length > 0 ? { faults } : { names };
}

/** As it is written; equal for equal names. */
export function describeDnsName(dnsName: DnsName): string {
  if (dnsName.kind === "service") return `srv:${dnsName.name}`;
  const { name, port, types } = dnsName;
  return types.length === 1 ? `${types[0]?.toLowerCase()}:${name}:${port}` : `${name}:${port}`;
}

export function parseDnsName(written: string): DnsName | EntryFault {
  const text = written.toLowerCase();
  const got = quoted(written);
  const service = /^srv:(.*)$/.exec(text)?.[1] ?? (/^_[^:]*$/.test(text) ? text : undefined);
  if (service !== undefined && isHostName(service)) return { kind: "service", name: service };
  const [, prefix = "", host, portText] = /^(?:(\w+):)?([^:]*):([^:]*)$/.exec(text) ?? [];
  if (host === undefined || portText === undefined || !isHostName(host))
    return { expected: expectedDnsName, got, ...hintFor(text) };
  if (prefix === "srv" || host.startsWith("_")) return { expected: expectedDnsName, got, hint: `srv:${host}` };
  const types = prefix === "" ? addressTypes : typesByPrefix[prefix];
  if (types === undefined) return { expected: expectedDnsName, got };
  const port = parsePort(portText);
  return port === undefined ? { expected: "a port from 1 to 65535", got } : { kind: "host", name: host, port, types };
}

/** A URL's host and port. */
function hintFor(text: string): { readonly hint?: string } {
  const url = hostOfUrl(text);
  return url === undefined ? {} : { hint: url };
}
