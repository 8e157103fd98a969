/**
 * Streams that HTTP/2 reset before anybody here heard of them: what it finds wrong with the head of a request it tells
 * the client alone. The number of the last stream gives them away.
 */
import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";

interface Watched {
  /** The last stream we heard of. */
  heard: number;
  /** The last one of HTTP/2, at the check before. */
  last: number;
}

const CHECK_MS = 50;

/** How many streams lie in between: a client's numbers are odd. */
const between = (from: number, to: number): number => Math.ceil((to - from) / 2);

export class LostStreams {
  readonly #sessions = new Map<ServerHttp2Session, Watched>();
  readonly #timer = setInterval(() => this.#check(), CHECK_MS).unref();
  readonly #onLost: (session: ServerHttp2Session, streams: number) => void;

  constructor(onLost: (session: ServerHttp2Session, streams: number) => void) {
    this.#onLost = onLost;
  }

  watch(session: ServerHttp2Session): void {
    const watched: Watched = { heard: 0, last: 0 };
    this.#sessions.set(session, watched);
    session.once("close", () => this.#sessions.delete(session));
    session.on("stream", ({ id = 0 }: ServerHttp2Stream) => {
      const before = watched.heard;
      watched.heard = Math.max(before, id);
      // Some clients begin with 3.
      if (before !== 0 && id > before + 2) this.#onLost(session, between(before, id) - 1);
    });
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A stream that is still unheard of at the next check has been lost: its head has had the time to come in full. */
  #check(): void {
    for (const [session, watched] of this.#sessions) {
      if (session.destroyed) continue;
      const { heard, last } = watched;
      watched.last = session.state.lastProcStreamID ?? 0;
      if (last <= heard) continue;
      watched.heard = last;
      this.#onLost(session, between(heard, last));
    }
  }
}
