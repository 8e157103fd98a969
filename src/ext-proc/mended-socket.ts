/** A connection of which every request goes through FrameWalk before HTTP/2 sees it. Slower than the socket itself. */
import type { Http2Session } from "node:http2";
import type net from "node:net";
import { Duplex } from "node:stream";
import { FrameWalk } from "./frame-walk.ts";

export class MendedSocket extends Duplex {
  readonly #socket: net.Socket;
  readonly #walk = new FrameWalk();

  /** `first` has been read from the socket already. */
  constructor(socket: net.Socket, first: Buffer) {
    super();
    this.#socket = socket;
    this.#pass(first);
    const end = () => this.destroy();
    socket.on("data", (chunk: Buffer) => this.#pass(chunk));
    // A client that sends no more is gone. HTTP/2 is not told of an end: it would shut down what it may still write to.
    socket.once("end", end).once("close", end).on("error", end);
    if (socket.destroyed) this.destroy();
  }

  /** As Node keeps it for a socket; empty for a Unix socket. */
  get peername(): object {
    const { remoteAddress: address, remotePort: port, remoteFamily: family } = this.#socket;
    return address === undefined ? {} : { address, port, family };
  }

  /** What TLS agreed on. */
  get alpnProtocol(): string | false | null | undefined {
    return (this.#socket as { alpnProtocol?: string | false | null }).alpnProtocol;
  }

  #pass(chunk: Buffer): void {
    const bytes = this.#walk.push(chunk);
    if (bytes.length > 0 && !this.push(bytes)) this.#socket.pause();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#socket.write(chunk)) done();
    else this.#socket.once("drain", done);
  }

  /** HTTP/2 writes the head of a frame and what is in it apart: this makes one packet of them. */
  override _writev(parts: readonly { chunk: Buffer }[], done: () => void): void {
    this.#socket.cork();
    for (const { chunk } of parts) this.#socket.write(chunk);
    this.#socket.uncork();
    if (this.#socket.writableNeedDrain) this.#socket.once("drain", done);
    else done();
  }

  override _final(done: () => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}

/** The mending stream under a session; `stream` is Node's link from what it puts around a stream that is no socket. */
function mendedUnder(session: Http2Session): MendedSocket | undefined {
  const { stream } = session.socket as { readonly stream?: unknown };
  return stream instanceof MendedSocket ? stream : undefined;
}

export function isMended(session: Http2Session): boolean {
  return mendedUnder(session) !== undefined;
}

/**
 * A session over a stream that is no socket does not know its peer, which the log names. `_peername` is where Node
 * keeps it.
 */
export function nameSocketOf(session: Http2Session): void {
  const mended = mendedUnder(session);
  if (mended !== undefined) Object.assign(session.socket, { _peername: mended.peername });
}
