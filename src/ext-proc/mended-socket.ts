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
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#pass(first);
    socket.on("data", (chunk: Buffer) => this.#pass(chunk));
    socket.once("end", () => this.push(null));
    socket.once("close", () => this.destroy());
    socket.on("error", () => this.destroy());
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
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}

/**
 * A session over a stream that is no socket does not know its peer, which the log names. `stream` is Node's link to
 * that stream, `_peername` where it keeps the peer.
 */
export function nameSocketOf(session: Http2Session): void {
  const socket = session.socket as net.Socket & { readonly stream?: unknown };
  if (socket.stream instanceof MendedSocket) Object.assign(socket, { _peername: socket.stream.peername });
}
