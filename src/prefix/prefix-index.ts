/**
 * What each pod probably has in its prefix cache: a mirror built from the picks alone, within a byte budget. It follows
 * the engine's own rules: blocks of a request in flight cannot be evicted, afterwards they go tail first, and a pod
 * holds as many as its KV cache does.
 *
 *   record ──> Pin ──> release     the request is over: its blocks are idle, and a hit until their room is needed
 *                 └──> withdraw    the pod has not read the prompt: what it added is taken back
 *                 └──> move        another pod served it
 *
 * Every pin meets one of the three in the end; until then its blocks stay, and a pod full of pins takes in no more.
 * After the first all of them do nothing, and neither do they once the pod left or began anew.
 */
import type { Slot } from "../pods/pod-table.ts";
import { BLOCK_BYTES, BlockKeys } from "../request/prompt-blocks.ts";
import { KEY_HI, KEY_LO } from "./block-table.ts";
import type { ChainSecret } from "./chain-hash.ts";
import { EntryBook } from "./entry-book.ts";
import { BLOCK, PARENT } from "./entry-list.ts";
import { type CacheFacts, GRAINS, type PodCache, podCacheOf, unknownCache } from "./pod-cache.ts";
import { PromptMatch } from "./prompt-match.ts";
import type { Tenant } from "./tenant.ts";

/** Blocks of 16 tokens in a pod that has not told its own: the Go picker's number, 500,000 tokens. */
const POD_BLOCKS = 31_250;

export interface PrefixIndexOptions {
  readonly budgetBytes: number;
  /** Finest blocks that a pod is believed to hold while it has not told. */
  readonly podEntries?: number;
  /** Tells whether a slot still has the tenant that was recorded (the pod table). */
  readonly pods: { isCurrent(slot: Slot, generation: number): boolean };
  /** Left out: a random one. It decides how long a lookup takes; what it finds only where a chain is far too long. */
  readonly secret?: ChainSecret;
}

/** A request's hold on a pod's blocks; only the index looks into it. */
export class Pin {
  readonly tenant: Tenant;
  /** Deepest entry held; 0 once it is over. */
  tail: number;

  constructor(tenant: Tenant, tail: number) {
    this.tenant = tenant;
    this.tail = tail;
  }
}

/** What a request teaches of the pod that is found to have served it; a pin that comes back must be ended. */
export type Lesson = (slot: Slot, generation: number) => Pin | undefined;

interface ToldCache {
  readonly generation: number;
  readonly cache: PodCache;
}

function isTold(told: ToldCache | undefined, generation: number, { grain, capacity }: PodCache): boolean {
  return told?.generation === generation && told.cache.grain === grain && told.cache.capacity === capacity;
}

export class PrefixIndex {
  readonly #book: EntryBook;
  readonly #match: PromptMatch;
  readonly #podEntries: number;
  readonly #pods: PrefixIndexOptions["pods"];
  /** By slot; what pods told of their caches, before or after they were first picked. */
  readonly #told: (ToldCache | undefined)[] = [];
  readonly #toldOfGrain = new Int32Array(GRAINS);
  /** Of a prompt that moves to another pod. */
  readonly #moved = new BlockKeys();

  constructor(options: PrefixIndexOptions) {
    this.#book = new EntryBook(options.budgetBytes, options.secret);
    this.#match = new PromptMatch(this.#book, options.pods);
    this.#podEntries = options.podEntries ?? POD_BLOCKS;
    this.#pods = options.pods;
  }

  /** Blocks held, summed over pods; those of a pod that left count until they are swept. */
  get entries(): number {
    return this.#book.entries;
  }

  /** Of these, blocks that requests in flight need. */
  get pinned(): number {
    return this.#book.pinned;
  }

  /** Memory taken from the system; it is used again, never given back. */
  get usedBytes(): number {
    return this.#book.pool.usedBytes;
  }

  get limitBytes(): number {
    return this.#book.pool.limitBytes;
  }

  /** Entries dropped for lack of room, in a pod's cache or in the budget, since the start. */
  get evictions(): number {
    return this.#book.evictions;
  }

  /** How prompts are to be hashed: in the finest blocks that a pod uses, as far as pods have told. */
  get blockBytes(): number {
    return BLOCK_BYTES << this.#finestGrain();
  }

  /**
   * Writes to hits[row] the share of the prompt's bytes that the pod in slots[row] holds from its start on, as its
   * engine would count a hit: in whole blocks, and never the last byte.
   */
  match(keys: BlockKeys, slots: Int32Array, size: number, hits: Float64Array): void {
    this.#match.fill(keys, slots, size, hits);
  }

  /** The prompt goes to this pod. Nothing to end where the pod is gone, or holds not one block of it. */
  record(keys: BlockKeys, slot: Slot, generation: number): Pin | undefined {
    const book = this.#book;
    book.sweep();
    if (keys.count === 0 || !this.#pods.isCurrent(slot, generation)) return undefined;
    const tenant = book.admit(slot, generation, this.#cacheOf(slot, generation));
    const path = this.#match;
    const count = path.aim(keys, tenant.cache.grain);
    let depth = path.heldDepth(tenant);
    let entry = depth < 0 ? 0 : book.entryOf(path.blockAt(depth), tenant);
    tenant.pin(entry);
    while (++depth < count) {
      const added = book.add(path.lowAt(depth), path.highAt(depth), tenant, entry);
      if (added === 0) break;
      entry = added;
    }
    return entry === 0 ? undefined : new Pin(tenant, entry);
  }

  /** The request is over, and the pod has read its prompt. */
  release(pin: Pin | undefined): void {
    if (isLive(pin)) pin.tenant.unpin(ended(pin));
  }

  /** The pod has not read the prompt: what no other request has used since is forgotten. */
  withdraw(pin: Pin | undefined): void {
    if (isLive(pin)) this.#book.withdraw(pin.tenant, ended(pin));
  }

  /** Another pod has served the request: the pin is withdrawn, and the one returned takes its place. */
  move(pin: Pin | undefined, slot: Slot, generation: number): Pin | undefined {
    if (!isLive(pin)) return undefined;
    this.#readKeys(pin, this.#moved);
    this.withdraw(pin);
    return this.record(this.#moved, slot, generation);
  }

  /**
   * What the pod's page tells of its cache; may change at any time. Blocks of another size make all that was recorded
   * worthless, other changes keep it.
   */
  resize(slot: Slot, generation: number, facts: CacheFacts): void {
    if (!this.#pods.isCurrent(slot, generation)) return;
    const cache = podCacheOf(facts, this.#podEntries);
    if (cache === undefined || isTold(this.#told[slot], generation, cache)) return;
    this.#tell(slot, { generation, cache });
    const tenant = this.#book.tenantAt(slot);
    if (tenant === undefined || tenant.generation !== generation) return;
    if (tenant.cache.grain === cache.grain) tenant.cache = cache;
    else this.#book.depart(slot);
  }

  /** The pod in this slot has left, or its process began anew: at once it holds nothing, and its pins are over. */
  forgetPod(slot: Slot): void {
    this.#tell(slot, undefined);
    this.#book.depart(slot);
  }

  #tell(slot: Slot, told: ToldCache | undefined): void {
    const before = this.#told[slot];
    if (before !== undefined) this.#toldOfGrain[before.cache.grain]!--;
    if (told !== undefined) this.#toldOfGrain[told.cache.grain]!++;
    this.#told[slot] = told;
  }

  #cacheOf(slot: Slot, generation: number): PodCache {
    const told = this.#told[slot];
    return told?.generation === generation ? told.cache : unknownCache(this.#finestGrain(), this.#podEntries);
  }

  #finestGrain(): number {
    for (let grain = 0; grain < GRAINS; grain++) {
      if (this.#toldOfGrain[grain]! + this.#book.tenantsOfGrain[grain]! > 0) return grain;
    }
    return 0;
  }

  /** The blocks of the pin's prompt, from its records. */
  #readKeys(pin: Pin, keys: BlockKeys): void {
    const { words } = this.#book.pool;
    const { grain } = pin.tenant.cache;
    let count = 0;
    for (let entry = pin.tail; entry !== 0; entry = words[entry + PARENT]!) count++;
    keys.begin(BLOCK_BYTES << grain);
    keys.count = count;
    keys.totalBytes = count * keys.blockBytes + 1;
    const salt = this.#match.saltOf(grain);
    for (let entry = pin.tail; entry !== 0; entry = words[entry + PARENT]!) {
      const block = words[entry + BLOCK]!;
      keys.lo[--count] = words[block + KEY_LO]! ^ salt;
      keys.hi[count] = words[block + KEY_HI]!;
    }
  }
}

/** Not over, and neither is what the pod held. */
function isLive(pin: Pin | undefined): pin is Pin {
  return pin !== undefined && pin.tail !== 0 && !pin.tenant.departed;
}

/** The deepest entry of a pin that is over now. */
function ended(pin: Pin): number {
  const { tail } = pin;
  pin.tail = 0;
  return tail;
}
