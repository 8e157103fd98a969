/**
 * The headers of one attempt. Envoy restores none between two attempts, so that each attempt sets or removes every name
 * that any other may have set: nothing of one backend reaches the next, whichever of them came first.
 */
import type { Backend } from "./backend.ts";

/** By which clients are let in here, which is nobody else's business. */
const clientSecrets = [
  "authorization",
  "proxy-authorization",
  "cookie",
  "x-api-key",
  "api-key",
  "x-goog-api-key",
  "x-amz-security-token",
  "x-forwarded-access-token",
  "x-auth-request-access-token",
  "x-gateway-model-name",
];

/**
 * Beginnings of what is the client's, its gateway's or ours, by which a backend would know more than it should, or sign
 * and pay otherwise than its key says.
 */
const privatePrefixes = ["x-amz-", "x-pointsman-", "x-ai-eg-"];

/** Who pays at a provider: the client's accounts go with the client's key, and with no other. */
const accountHeaders = ["openai-organization", "openai-project", "x-goog-user-project"];

/** What only the body's way from the client to here is about; `accept-encoding` would bring answers nobody here can read. */
const hopHeaders = ["accept-encoding", "content-encoding", "content-md5", "content-digest", "digest"];

/** In lower case, each once: all that an attempt sets or removes. `internal` are our own and the gateway's. */
export function settableNames(backends: readonly Backend[], internal: readonly string[]): readonly string[] {
  // One attempt takes them out for the next one too: only where all of them get that key can they stay.
  const accounts = backends.every((backend) => backend.keepsAuthorization) ? [] : accountHeaders;
  const names = new Set([...clientSecrets, ...accounts, ...hopHeaders, ...internal]);
  for (const { credential, translator, setHeaders, removeHeaders } of backends) {
    for (const [name] of setHeaders) names.add(name);
    for (const name of [...credential.headerNames, ...translator.headerNames, ...removeHeaders]) names.add(name);
  }
  return [...names];
}

/** What goes out to Envoy of it. */
export interface HeaderChange {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly removed: readonly string[];
}

/** Those of the headers that came which no backend is sent, though no list has their names. */
export function privateNames(came: Readonly<Record<string, string>>): readonly string[] {
  return Object.keys(came).filter((name) => privatePrefixes.some((prefix) => name.startsWith(prefix)));
}

export class AttemptHeaders {
  readonly #settable: readonly string[];
  readonly #came: Readonly<Record<string, string>>;
  readonly #set = new Map<string, string>();

  /** `came` are those of the attempt, by lower-case name. */
  constructor(settable: readonly string[], came: Readonly<Record<string, string>>) {
    this.#settable = [...new Set([...settable, ...privateNames(came)])];
    this.#came = came;
  }

  set(name: string, value: string): void {
    this.#set.set(name, value);
  }

  setAll(headers: Iterable<readonly [name: string, value: string]>): void {
    for (const [name, value] of headers) this.#set.set(name, value);
  }

  /** As they go out, by lower-case name. */
  outgoing(): Record<string, string> {
    const out: Record<string, string> = { ...this.#came };
    for (const name of this.#settable) delete out[name];
    for (const [name, value] of this.#set) out[name] = value;
    return out;
  }

  /** Names are removed whether they came or not: a filter may be told to hide some of them from us. */
  change(): HeaderChange {
    return { set: [...this.#set], removed: this.#settable.filter((name) => !this.#set.has(name)) };
  }
}
