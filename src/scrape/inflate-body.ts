/** Unpacks the body of an answer as it arrives, outside the thread that asked. */
import { createGunzip, createInflate, createInflateRaw, type Gunzip, type Inflate, type InflateRaw } from "node:zlib";

export interface BodyEvents {
  data(chunk: Buffer): void;
  /** The packed body was complete. */
  end(): void;
  /** It ended too early, or is not what its header says. */
  fail(how: "truncated" | "unreadable"): void;
  /** More may be written. */
  drain(): void;
}

/** undefined: as it is. "unknown" codings cannot be read; nobody asked for one. */
export function codingOf(header: string | readonly string[] | undefined): "gzip" | "deflate" | "unknown" | undefined {
  const name = String(header ?? "")
    .trim()
    .toLowerCase();
  if (name === "" || name === "identity") return undefined;
  if (name === "gzip" || name === "x-gzip") return "gzip";
  return name === "deflate" ? "deflate" : "unknown";
}

export class InflatedBody {
  readonly #coding: "gzip" | "deflate";
  readonly #events: BodyEvents;
  #stream: Gunzip | Inflate | InflateRaw | undefined;
  #destroyed = false;

  constructor(coding: "gzip" | "deflate", events: BodyEvents) {
    this.#coding = coding;
    this.#events = events;
  }

  /** false: wait for `drain` with the next chunk. */
  write(chunk: Buffer): boolean {
    if (this.#destroyed || chunk.length === 0) return true;
    this.#stream ??= this.#open(chunk[0] ?? 0);
    return this.#stream.write(chunk);
  }

  end(): void {
    if (this.#destroyed) return;
    if (this.#stream === undefined) this.#events.fail("truncated");
    else this.#stream.end();
  }

  /** Nothing is told any more. */
  destroy(): void {
    this.#destroyed = true;
    this.#stream?.destroy();
  }

  #open(firstByte: number): Gunzip | Inflate | InflateRaw {
    const stream = this.#coding === "gzip" ? createGunzip() : inflateFor(firstByte);
    const told = (run: () => void) => () => {
      if (!this.#destroyed) run();
    };
    stream.on("data", (chunk: Buffer) => told(() => this.#events.data(chunk))());
    stream.on(
      "drain",
      told(() => this.#events.drain()),
    );
    stream.on(
      "end",
      told(() => this.#events.end()),
    );
    stream.on("error", ({ code }: NodeJS.ErrnoException) =>
      told(() => this.#events.fail(code === "Z_BUF_ERROR" ? "truncated" : "unreadable"))(),
    );
    return stream;
  }
}

/** Some servers leave away the wrapping that "deflate" stands for: its first byte ends in 8, which no bare block's does. */
function inflateFor(firstByte: number): Inflate | InflateRaw {
  return (firstByte & 0x0f) === 0x08 ? createInflate() : createInflateRaw();
}
