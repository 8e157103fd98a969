/**
 * Owner of the request column sessionMatch: which candidate a session belongs to. Of a key it is the candidate with the
 * highest hash of key and pod (rendezvous hashing), so that there is no table to keep, every replica says the same, and
 * a pod that joins or leaves moves only its own share of the sessions. A token names the pod outright.
 */
import type { Pod, PodTable, Slot } from "../pods/pod-table.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { CandidateColumns } from "../routing/candidates.ts";
import type { RouteHints } from "../routing/choose-pool.ts";

/** Where a request says which session it belongs to; the first place that says something counts. */
export interface SessionPlaces {
  /** Header whose value names a pod in base64; "" for none, or for HANDED_OUT where answers hand tokens out. */
  readonly tokenHeader: string;
  /** Do answers hand such a token out, in a header of the same name? */
  readonly handOut: boolean;
  /** Headers that hold a key. */
  readonly headers: readonly string[];
  /** Cookie that holds a key; "" for none. */
  readonly cookie: string;
  /** Does a key in the body count? */
  readonly body: boolean;
}

/** The header of tokens that are handed out where nobody names another. */
const HANDED_OUT = "x-session-token";
/** No name of a pod is as long. */
const LONGEST_TOKEN = 512;
const COOKIE = "cookie";

type Headers = NonNullable<RouteHints["headers"]>;
const noHeaders: Headers = Object.freeze({});

export class SessionColumn {
  /** All it reads. */
  readonly headers: readonly string[];
  /** The header of answers that hands the token out; "" for none. */
  readonly tokenHeader: string;
  readonly #table: PodTable;
  readonly #readHeader: string;
  readonly #keyHeaders: readonly string[];
  readonly #cookie: string;
  readonly #readsBody: boolean;

  constructor(table: PodTable, { tokenHeader, handOut, headers, cookie, body }: SessionPlaces) {
    this.#table = table;
    // Not without a word: whoever sends a token chooses its pod.
    this.#readHeader = tokenHeader === "" && handOut ? HANDED_OUT : tokenHeader.toLowerCase();
    this.tokenHeader = handOut ? this.#readHeader : "";
    this.#keyHeaders = headers.map((name) => name.toLowerCase());
    this.#cookie = cookie;
    this.#readsBody = body;
    const cookieHeader = cookie === "" ? [] : [COOKIE];
    this.headers = [this.#readHeader, ...this.#keyHeaders, ...cookieHeader].filter((name) => name !== "");
  }

  /** A request without a session matches nowhere: 0, not unknown. */
  fill(
    { session }: InferenceRequest,
    slots: Int32Array,
    size: number,
    out: Float64Array,
    _filled: Readonly<CandidateColumns>,
    { headers = noHeaders }: RouteHints,
  ): void {
    out.fill(0, 0, size);
    if (size === 0) return;
    const token = headers[this.#readHeader] ?? "";
    const named = this.#rowNamed(podOfToken(token), slots, size);
    // A token of a pod that is gone is a key like any other: all replicas give it the same new pod.
    const key = named === -1 ? this.#keyIn(headers) || (this.#readsBody ? session : "") || token : "";
    if (named !== -1) out[named] = 1;
    else if (key !== "") out[this.#rowOf(key, slots, size)] = 1;
  }

  learn(): undefined {
    return undefined;
  }

  #keyIn(headers: Headers): string {
    for (const name of this.#keyHeaders) {
      const value = headers[name];
      if (value !== undefined && value !== "") return value;
    }
    return this.#cookie === "" ? "" : cookieValue(headers[COOKIE] ?? "", this.#cookie);
  }

  #rowNamed(name: string, slots: Int32Array, size: number): number {
    if (name === "") return -1;
    for (let row = 0; row < size; row++) {
      const pod = this.#podAt(slots[row]);
      if (pod !== undefined && isNamed(pod, name)) return row;
    }
    return -1;
  }

  #rowOf(key: string, slots: Int32Array, size: number): number {
    const start = hashText(key, FNV_START);
    let best = 0;
    let highest = -1;
    for (let row = 0; row < size; row++) {
      // The address: it tells pods apart, and every replica knows the pod by it.
      const rank = mix(hashText(this.#podAt(slots[row])?.address ?? "", start));
      if (rank <= highest) continue;
      best = row;
      highest = rank;
    }
    return best;
  }

  #podAt(slot: number | undefined): Pod | undefined {
    return this.#table.podAt((slot ?? -1) as Slot);
  }
}

/** The value of one cookie in a Cookie header (RFC 6265, 4.2.1), as it is spelt; "" when it is not there. */
function cookieValue(header: string, name: string): string {
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals !== -1 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return "";
}

/** What a token holds: `pod`, `namespace/pod` or `ip:port` in base64, as the Go picker writes it. */
function podOfToken(token: string): string {
  if (token === "" || token.length > LONGEST_TOKEN) return "";
  const text = Buffer.from(token, "base64").toString("latin1");
  return text.slice(text.indexOf("/") + 1);
}

/** The Go picker counts ranks also where a pod has a single one. */
function isNamed({ name, address }: Pod, wanted: string): boolean {
  return name === wanted || address === wanted || (wanted.endsWith("-rank-0") && name === wanted.slice(0, -7));
}

const FNV_START = 0x811c9dc5;

/** FNV-1a over UTF-16 units, going on from `start`. */
function hashText(text: string, start: number): number {
  let hash = start;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Spreads a hash over all 32 bits: addresses that differ in their last digit would rank alike otherwise. */
function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
