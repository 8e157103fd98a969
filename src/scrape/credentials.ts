/** What identifies the picker to the pods of a pool and the pods to it: token and authorities, fresh from their files. */
import { readFileSync, statSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";
import type { ScrapeOptions } from "./scrape-options.ts";

/** A file is looked at no more often: pods are asked many times a second, tokens change every hour. */
const LOOK_MS = 1000;

/** The text of a small file, read again when it changes. */
class FreshFile {
  readonly #path: string;
  #text: string | undefined;
  #stamp = "";
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(path: string) {
    this.#path = path;
  }

  /** Throws where it cannot be read and never could; what was read last counts otherwise. */
  text(nowMs: number): string {
    if (this.#text !== undefined && nowMs - this.#lookedAtMs < LOOK_MS) return this.#text;
    this.#lookedAtMs = nowMs;
    try {
      // A mounted secret is a link: a new version is another file, maybe of the same age.
      const { ino, mtimeMs, size } = statSync(this.#path);
      const stamp = `${ino} ${mtimeMs} ${size}`;
      if (stamp !== this.#stamp) this.#text = readFileSync(this.#path, "utf8");
      this.#stamp = stamp;
    } catch (error) {
      if (this.#text === undefined) throw error;
    }
    return this.#text ?? "";
  }
}

export class Credentials {
  readonly #options: ScrapeOptions;
  readonly #token: FreshFile | undefined;
  readonly #authorities: FreshFile | undefined;
  #context: SecureContext | undefined;
  #contextFrom: string | undefined;

  constructor(options: ScrapeOptions) {
    this.#options = options;
    this.#token = options.tokenFile === "" ? undefined : new FreshFile(options.tokenFile);
    this.#authorities = options.caFile === "" ? undefined : new FreshFile(options.caFile);
  }

  /** For a request; undefined without a token. */
  authorization(nowMs: number): string | undefined {
    const token = (this.#token?.text(nowMs) ?? this.#options.bearerToken).trim();
    return token === "" ? undefined : `Bearer ${token}`;
  }

  /** For a connection; one for all pods, as reading authorities takes milliseconds. */
  secureContext(nowMs: number): SecureContext {
    const ca = this.#authorities?.text(nowMs);
    if (this.#context !== undefined && ca === this.#contextFrom) return this.#context;
    this.#context = createSecureContext(ca === undefined ? {} : { ca });
    this.#contextFrom = ca;
    return this.#context;
  }
}
