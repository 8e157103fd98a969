/**
 * Streams that HTTP/2 reset before anybody here heard of them: what it finds wrong with the head of a request it tells
 * the client alone. The number of the last stream gives them away. Each connection is told of once.
 */
import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";

interface Watched {
  /** The last stream we heard of. */
  heard: number;
  /** The last one that HTTP/2 has begun, and how many checks have found it so. */
  last: number;
  checks: number;
}

const CHECK_MS = 100;
/** The head of the last stream may still be on its way; one that nothing more comes of for so long is lost. */
const CHECKS_OF_LAST = 50;

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
    const watched: Watched = { heard: 0, last: 0, checks: 0 };
    this.#sessions.set(session, watched);
    session.once("close", () => this.#sessions.delete(session));
    session.on("stream", ({ id = 0 }: ServerHttp2Stream) => {
      const before = watched.heard;
      watched.heard = Math.max(before, id);
      // Some clients begin with 3.
      if (before !== 0 && id > before + 2) this.#tell(session, between(before, id) - 1);
    });
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Heads come one after the other: where a stream has begun, those before it are here in full. */
  #check(): void {
    for (const [session, watched] of this.#sessions) {
      if (session.destroyed) continue;
      const last = session.state.lastProcStreamID ?? 0;
      if (last !== watched.last) watched.checks = 0;
      watched.last = last;
      const isLate = ++watched.checks > CHECKS_OF_LAST;
      const complete = isLate ? last : last - 2;
      const isFirst = complete === 1 && !isLate;
      if (complete > watched.heard && !isFirst) this.#tell(session, between(watched.heard, complete));
    }
  }

  #tell(session: ServerHttp2Session, streams: number): void {
    if (this.#sessions.delete(session)) this.#onLost(session, streams);
  }
}
