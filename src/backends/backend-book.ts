/** All backends by name, with what follows from all of them together. */
import type { Backend } from "./backend.ts";
import { settableNames } from "./set-headers.ts";

/** Envoy AI Gateway names a backend with the route and the rule that lead there behind its own name. */
const BEHIND_NAME = "/route/";

export class BackendBook {
  readonly #byName: ReadonlyMap<string, Backend>;
  /** All that an attempt sets or removes. */
  readonly settable: readonly string[];
  /** Does any of them get the client's own authorization? Only then is it kept for the attempts. */
  readonly keepsAuthorization: boolean;

  /** `internal` are the headers that are ours and the gateway's, which no backend sees. */
  constructor(backends: readonly Backend[], internal: readonly string[] = []) {
    this.#byName = new Map(backends.map((backend) => [backend.name, backend]));
    this.settable = settableNames(backends, internal);
    this.keepsAuthorization = backends.some((backend) => backend.keepsAuthorization);
  }

  get size(): number {
    return this.#byName.size;
  }

  find(name: string): Backend | undefined {
    const found = this.#byName.get(name);
    if (found !== undefined) return found;
    const end = name.indexOf(BEHIND_NAME);
    return end === -1 ? undefined : this.#byName.get(name.slice(0, end));
  }
}
