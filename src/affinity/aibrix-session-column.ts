/**
 * Owner of the request column sessionMatch for AIBrix's strategy session-affinity: the pod that x-session-id names, else
 * of the key in x-aibrix-session-key the pod with the highest 64-bit hash. Both are as AIBrix has them, so that a client
 * stays on its pod when one picker takes over from the other.
 */
import type { PodTable, Slot } from "../pods/pod-table.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { CandidateColumns } from "../routing/candidates.ts";
import type { RouteHints } from "../routing/choose-pool.ts";

const TOKEN_HEADER = "x-session-id";
const KEY_HEADER = "x-aibrix-session-key";
/** AIBrix takes no longer key for one. */
const LONGEST_KEY = 256;
const LONGEST_TOKEN = 128;

export class AibrixSessionColumn {
  readonly headers: readonly string[] = [TOKEN_HEADER, KEY_HEADER];
  /** Every answer names its pod. */
  readonly tokenHeader = TOKEN_HEADER;
  readonly #table: PodTable;

  constructor(table: PodTable) {
    this.#table = table;
  }

  /** A request without a session matches nowhere: 0, not unknown. */
  fill(
    _request: InferenceRequest,
    slots: Int32Array,
    size: number,
    out: Float64Array,
    _filled: Readonly<CandidateColumns>,
    { headers }: RouteHints,
  ): void {
    out.fill(0, 0, size);
    const token = headers?.[TOKEN_HEADER] ?? "";
    const key = headers?.[KEY_HEADER] ?? "";
    const named = token === "" || token.length > LONGEST_TOKEN ? -1 : this.#rowNamed(token, slots, size);
    if (named !== -1) out[named] = 1;
    else if (key !== "" && key.length <= LONGEST_KEY && size > 0) out[this.#rowOf(key, slots, size)] = 1;
  }

  learn(): undefined {
    return undefined;
  }

  #rowNamed(token: string, slots: Int32Array, size: number): number {
    const address = Buffer.from(token, "base64").toString("latin1");
    for (let row = 0; row < size; row++) if (this.#addressAt(slots[row]) === address) return row;
    return -1;
  }

  #rowOf(key: string, slots: Int32Array, size: number): number {
    let best = 0;
    let [highest, highestLow] = [-1, -1];
    for (let row = 0; row < size; row++) {
      hash(key, this.#addressAt(slots[row]));
      if (high < highest || (high === highest && low <= highestLow)) continue;
      best = row;
      [highest, highestLow] = [high, low];
    }
    return best;
  }

  #addressAt(slot: number | undefined): string {
    return this.#table.podAt((slot ?? -1) as Slot)?.address ?? "";
  }
}

/** The halves of the hash made last. */
let high = 0;
let low = 0;

/** FNV-1a over the key, a zero byte and the address; headers are read byte for character. */
function hash(key: string, address: string): void {
  high = 0xcbf29ce4;
  low = 0x84222325;
  for (let i = 0; i < key.length; i++) add(key.charCodeAt(i));
  add(0);
  for (let i = 0; i < address.length; i++) add(address.charCodeAt(i));
}

/** One byte; the prime is 2^40 + 0x1b3, and no product here passes 2^53. */
function add(byte: number): void {
  const mixed = (low ^ byte) >>> 0;
  const product = mixed * 0x1b3;
  high = (high * 0x1b3 + Math.floor(product / 2 ** 32) + ((mixed << 8) >>> 0)) % 2 ** 32;
  low = product % 2 ** 32;
}
