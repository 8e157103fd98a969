/**
 * Envoy resets every ext_proc stream when it is done with it, so node:http2's own limit on resets is lifted
 * (see grpc-port.ts). This guard takes its place: it closes a connection that opens streams only to reset them.
 */
import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { peerOf } from "./peer.ts";

/** A burst of clients that leave is legitimate: so many resets, in so short a time, hardly any of them answered. */
const WINDOW_MS = 10_000;
const MAX_RESETS = 10_000;
const MIN_ANSWERED_SHARE = 0.1;

export class ResetGuard {
  readonly #now: () => number;
  readonly #onFlood: (peer: string) => void;

  constructor(now: () => number, onFlood: (peer: string) => void) {
    this.#now = now;
    this.#onFlood = onFlood;
  }

  watch(session: ServerHttp2Session): void {
    const peer = peerOf(session.socket);
    let windowEndsMs = 0;
    let resets = 0;
    let answered = 0;
    const onClose = function (this: ServerHttp2Stream): void {
      if (this.headersSent) answered++;
      if (this.rstCode !== 0) resets++;
    };
    session.on("stream", (stream: ServerHttp2Stream) => {
      stream.once("close", onClose);
      const now = this.#now();
      if (now >= windowEndsMs) {
        windowEndsMs = now + WINDOW_MS;
        resets = answered = 0;
      }
      if (resets < MAX_RESETS || answered >= resets * MIN_ANSWERED_SHARE) return;
      this.#onFlood(peer);
      session.destroy();
    });
  }
}
