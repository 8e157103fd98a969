/** Where a pod answers: how its address is written, and how people write one in a list. */
import { BlockList, isIP, isIPv6, SocketAddress } from "node:net";
import type { ConfigFault } from "../errors.ts";

/** One entry of a list; `host` is an IP address without brackets, or a name to resolve. */
export interface PodEntry {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** What is wrong with one word; its place is added by who knows it. */
export type EntryFault = Omit<ConfigFault, "path">;

export const expectedPort = "an integer 1..65535";
export const expectedName = "a name of letters, digits and _ . : / @ -";
export const expectedIp = "an IP address that one pod can have";
const expectedEntry = "[name=]host:port with a host name, an IPv4 address or an [IPv6 address]";
const namePattern = /^[\w.:/@[\]-]{1,253}$/;
// The last label holds a letter, so that a mistyped IPv4 address is not taken for a name.
const hostPattern =
  /^(?=.{1,253}$)(?:[a-z0-9_](?:[\w-]{0,61}[a-z0-9])?\.)*(?=[^.]*[a-z])[a-z0-9](?:[\w-]{0,61}[a-z0-9])?\.?$/i;

/** Addresses that stand for nobody, for everybody, or for a group: no connection to them reaches one certain pod. */
const nobodys = new BlockList();
nobodys.addSubnet("0.0.0.0", 8);
nobodys.addSubnet("224.0.0.0", 4);
nobodys.addAddress("255.255.255.255");
nobodys.addAddress("::", "ipv6");
nobodys.addSubnet("ff00::", 8, "ipv6");

/** `ip:port` as Envoy writes it (IPv6 as inet_ntop does, in brackets), since Envoy compares the text. */
export function podAddress(ip: string, port: number): string {
  const plain = plainIp(ip);
  return isIPv6(plain) ? `[${plain}]:${port}` : `${plain}:${port}`;
}

/** One text per address; an IPv4 address mapped into IPv6 is that IPv4 address, or one pod would be two. */
function plainIp(ip: string): string {
  if (!isIPv6(ip)) return ip;
  const { address } = new SocketAddress({ address: ip, family: "ipv6" });
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1] ?? address;
}

/** Reads `host:port`, `[::1]:8000` or `name=10.0.0.1:8000`. */
export function parsePodEntry(text: string): PodEntry | EntryFault {
  const got = quoted(text);
  const equals = text.indexOf("=");
  const name = equals === -1 ? text : text.slice(0, equals);
  const target = text.slice(equals + 1);
  const colon = target.lastIndexOf(":");
  const host = parseHost(target.slice(0, Math.max(colon, 0)));
  if (host === undefined) return { expected: expectedEntry, got, ...hintFor(target) };
  if (isIP(host) !== 0 && !isUsableIp(host)) return { expected: expectedIp, got };
  const port = parsePort(target.slice(colon + 1));
  if (port === undefined) return { expected: "a port from 1 to 65535", got };
  return isPodName(name) ? { name, host, port } : { expected: expectedName, got };
}

export function parsePort(text: string): number | undefined {
  const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

export function isPodName(text: string): boolean {
  return namePattern.test(text);
}

export function isHostName(text: string): boolean {
  return isIP(text) === 0 && hostPattern.test(text);
}

/** An address that one pod can have and Envoy understands; it knows no IPv6 zones. */
export function isUsableIp(ip: string): boolean {
  if (isIP(ip) === 0 || ip.includes("%")) return false;
  const plain = plainIp(ip);
  return !nobodys.check(plain, isIPv6(plain) ? "ipv6" : "ipv4");
}

/** What the operator wrote, short enough for a line of the log, and without what only the operator may know. */
export function quoted(text: string): string {
  const known = withoutSecrets(text);
  return JSON.stringify(known.length > 60 ? `${known.slice(0, 57)}...` : known);
}

/** A URL, or what was meant to be one, loses its user and password, whatever characters they have, and its query. */
function withoutSecrets(text: string): string {
  const shown = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, "$1[redacted]@");
  return shown.replace(/(\/[^?]*)\?.+$/s, "$1?[redacted]");
}

/** Host and port of a URL, for who writes one where they alone are wanted. */
export function hostOfUrl(text: string): string | undefined {
  const [, host] = /^https?:\/\/(?:.*@)?([^/?#@\s]+)/is.exec(text) ?? [];
  return host;
}

function parseHost(written: string): string | undefined {
  const bracketed = written.startsWith("[") && written.endsWith("]");
  const host = (bracketed ? written.slice(1, -1) : written).toLowerCase();
  const isHost = bracketed ? isIPv6(host) && !host.includes("%") : isIP(host) === 4 || isHostName(host);
  return isHost ? host : undefined;
}

/** What was probably meant: a URL's host and port, or an IPv6 address in brackets. */
function hintFor(target: string): { readonly hint?: string } {
  const url = hostOfUrl(target);
  if (url !== undefined) return { hint: url };
  const colon = target.lastIndexOf(":");
  const host = target.slice(0, Math.max(colon, 0));
  return isIP(host) === 6 ? { hint: `[${host}]:${target.slice(colon + 1)}` } : {};
}
