/** How a new HTTP/2 connection is served: as its first request has it, which Envoy sends along with the preface. */
import type net from "node:net";
import type { Duplex } from "node:stream";
import { FrameWalk } from "./frame-walk.ts";
import { MendedSocket } from "./mended-socket.ts";

/**
 * Clients that wait for our settings first send no request until they are served; they get the way that is right for
 * any request. No correctness hangs on the time, only speed.
 */
const PATIENCE_MS = 10;
/** Gateways are few; a list that long is of something else. */
const MAX_ADDRESSES = 1_000;

export class FirstHeads {
  /** Where requests were lost because only later ones, by another filter, had what HTTP/2 refuses. */
  readonly #lossy = new Set<string>();

  /** From now on the connections of this peer are all mended. */
  noteLoss(address: string): void {
    if (this.#lossy.size >= MAX_ADDRESSES) this.#lossy.clear();
    this.#lossy.add(address);
  }

  /**
   * Hands the connection on once its first request is here: the socket itself, with all that was read put back, or one
   * that mends what HTTP/2 would refuse. Before that nothing is sent.
   */
  await(socket: net.Socket, first: Buffer, take: (connection: Duplex) => void): void {
    if (this.#lossy.has(socket.remoteAddress ?? "")) take(new MendedSocket(socket, first));
    else afterFirstHead(socket, first, take);
  }
}

function afterFirstHead(socket: net.Socket, first: Buffer, take: (connection: Duplex) => void): void {
  const walk = new FrameWalk();
  let bytes = first;
  const stop = () => {
    clearTimeout(timer);
    socket.off("data", onData);
    socket.off("close", stop);
  };
  const handOn = () => {
    stop();
    socket.pause();
    if (walk.first === "fine") socket.unshift(bytes);
    take(walk.first === "fine" ? socket : new MendedSocket(socket, bytes));
  };
  const look = (chunk: Buffer) => {
    // The walk mends what it is given.
    walk.push(Buffer.from(chunk));
    if (walk.first !== undefined) handOn();
  };
  const onData = (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    look(chunk);
  };
  const timer = setTimeout(handOn, PATIENCE_MS);
  socket.on("data", onData);
  socket.once("close", stop);
  look(first);
}
