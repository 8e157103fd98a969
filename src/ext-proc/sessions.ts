/** The open HTTP/2 connections of a port, and how they end. */
import { constants, type ServerHttp2Session } from "node:http2";

/** A connection that comes in the middle of the end has so long to open its first stream. */
const LATE_MS = 1_000;
/** Of a GOAWAY that names no stream as refused. */
const HIGHEST_STREAM = 2 ** 31 - 1;

export class Sessions {
  readonly #open = new Set<ServerHttp2Session>();
  #areLeaving = false;

  get none(): boolean {
    return this.#open.size === 0;
  }

  /** One that was accepted before the end but speaks only now is served what it came for, and sent away. */
  add(session: ServerHttp2Session): void {
    this.#open.add(session);
    session.once("close", () => this.#open.delete(session));
    if (!this.#areLeaving) return;
    // Requests that came in one packet are all heard before.
    session.once("stream", () => setImmediate(() => session.close()));
    setTimeout(() => session.close(), LATE_MS).unref();
  }

  announceGoaway(): void {
    this.#areLeaving = true;
    for (const session of this.#open) {
      if (!session.destroyed) session.goaway(constants.NGHTTP2_NO_ERROR, HIGHEST_STREAM);
    }
  }

  closeGently(): void {
    this.#areLeaving = true;
    for (const session of this.#open) session.close();
  }

  destroy(): void {
    for (const session of this.#open) session.destroy();
  }
}

/** A client that breaks off before its settings would keep the connection for ever: HTTP/2 itself sets no limit. */
export function awaitSettings(session: ServerHttp2Session, timeoutMs: number, onSilent: () => void): void {
  const timer = setTimeout(() => {
    onSilent();
    session.destroy();
  }, timeoutMs).unref();
  const stop = () => clearTimeout(timer);
  session.once("remoteSettings", stop);
  session.once("close", stop);
}
