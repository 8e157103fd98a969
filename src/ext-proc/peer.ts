/** Who is at the other end of a connection, in words for the log, also after the connection is gone. */
import type net from "node:net";

/** The system forgets a peer's address as soon as the connection closes, which is when most lines are written. */
const remembered = new WeakMap<object, string>();

/** Called when a connection is accepted. */
export function rememberPeer(socket: net.Socket): void {
  remembered.set(socket, describe(socket));
}

/** Of a raw socket, or of the TLS socket over it: `_parent` is Node's link from the latter to the former. */
export function peerOf(socket: net.Socket & { readonly _parent?: object | null }): string {
  return remembered.get(socket) ?? remembered.get(socket._parent ?? socket) ?? describe(socket);
}

/** All connections from the same place have it alike. */
export function hostOf(socket: net.Socket): string {
  return peerOf(socket).replace(/:\d+$/, "");
}

function describe({ remoteAddress, remotePort }: net.Socket): string {
  if (remoteAddress === undefined) return "unix socket";
  return `${remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`;
}
