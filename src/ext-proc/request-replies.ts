/** What goes out to Envoy in the request direction of one stream: replies, and the body on its way to the pod. */
import type { Splice } from "../request/model-place.ts";
import { splicedChunks } from "../rewrite/splice-body.ts";
import type { BodyMode } from "./body-mode.ts";
import { passBody, passChanged } from "./pass-body.ts";
import type { StreamPort } from "./stream-host.ts";

export class RequestReplies {
  readonly #port: StreamPort;
  readonly #now: () => number;
  /** In observability mode Envoy reads no replies: nothing is sent. */
  areUnread = false;
  /** When the last one went out. */
  lastAtMs = 0;
  /** What changes in the body that is held. */
  splice: Splice | undefined;

  constructor(port: StreamPort, now: () => number) {
    this.#port = port;
    this.#now = now;
  }

  send(reply: Buffer): void {
    if (this.areUnread) return;
    this.lastAtMs = this.#now();
    this.#port.send(reply);
  }

  pass(mode: BodyMode, body: Buffer, end: boolean): void {
    if (this.areUnread) return;
    this.lastAtMs = this.#now();
    passBody(this.#port, "requestBody", mode, body, end);
  }

  /** The chunks of a body, and its end behind the last one where `endsHere` says so. */
  passAll(mode: BodyMode, chunks: readonly Buffer[], endsHere: boolean): void {
    const last = chunks.length - 1;
    const { splice } = this;
    this.splice = undefined;
    if (splice !== undefined && !this.areUnread) this.#passSpliced(mode, chunks, splice, endsHere);
    else for (const [at, chunk] of chunks.entries()) this.pass(mode, chunk, endsHere && at === last);
  }

  #passSpliced(mode: BodyMode, chunks: readonly Buffer[], splice: Splice, endsHere: boolean): void {
    for (const [at, chunk] of splicedChunks(chunks, splice).entries()) {
      const end = endsHere && at === chunks.length - 1;
      if (chunk === chunks[at]) this.pass(mode, chunk, end);
      else passChanged(this.#port, "requestBody", mode, chunk, end);
    }
    this.lastAtMs = this.#now();
  }
}
