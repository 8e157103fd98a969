/** How a new plaintext connection is served: as its first request has it, which Envoy sends along with the preface. */
import type net from "node:net";
import type { Duplex } from "node:stream";
import { FrameWalk } from "./frame-walk.ts";
import { MendedSocket } from "./mended-socket.ts";
import { hostOf } from "./peer.ts";

/**
 * Clients that wait for our settings first send no request until they are served; they get the way that is right for
 * any request. No correctness hangs on the time, only speed.
 */
const PATIENCE_MS = 10;
/** Gateways are few; a list that long is of something else. */
const MAX_HOSTS = 1_000;
/** An address may come to be somebody else's. */
const REMEMBERED_MS = 24 * 3_600_000;

export class FirstHeads {
  /** Where requests were lost because only later ones, by another filter, had what HTTP/2 refuses; and since when. */
  readonly #lossy = new Map<string, number>();

  /** From now on the connections of this host are all mended. */
  noteLoss(host: string): void {
    if (this.#lossy.size >= MAX_HOSTS) this.#lossy.clear();
    this.#lossy.set(host, performance.now());
  }

  /**
   * Hands the connection on once its first request is here: the socket itself, with all that was read put back, or one
   * that mends what HTTP/2 would refuse. Before that nothing is sent.
   */
  await(socket: net.Socket, first: Buffer, take: (connection: Duplex) => void): void {
    const since = this.#lossy.get(hostOf(socket));
    if (since === undefined || performance.now() - since > REMEMBERED_MS) afterFirstHead(socket, first, take);
    else take(new MendedSocket(socket, first));
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
    if (socket.destroyed) return;
    socket.pause();
    if (walk.first === "fine") socket.unshift(bytes);
    take(walk.first === "fine" ? socket : new MendedSocket(socket, bytes));
  };
  const look = (chunk: Buffer) => {
    walk.push(chunk);
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
