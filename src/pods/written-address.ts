/** Addresses as others write them, in the spelling that a pod's address has, so that texts can be compared. */
import { isIPv6, SocketAddress } from "node:net";

/** `10.0.0.1`, `10.0.0.1:8000`, `[::1]` or `[::1]:8000`, IPv6 in its shortest form; other texts as they came. */
export function asPodsAreWritten(entry: string): string {
  const text = entry.trim();
  // At most one colon: no IPv6.
  if (text.indexOf(":") === text.lastIndexOf(":")) return text;
  const [, bracketed, port = ""] = /^\[([^\]]*)\](:\d+)?$/.exec(text) ?? [];
  const host = bracketed ?? text;
  if (!isIPv6(host) || host.includes("%")) return text;
  return `[${new SocketAddress({ address: host, family: "ipv6" }).address}]${port}`;
}
