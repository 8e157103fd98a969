/**
 * Who holds what: entries (a block in a pod's cache) under blocks and tenants, within a byte budget.
 *
 *   block A ── entry (pod 1) ── entry (pod 2)        every entry is in two lists:
 *   block B ── entry (pod 1)                          its block's, and its tenant's (idle or pinned)
 *
 * A pod's entries make trees without gaps: one is added behind its parent, and dropped before it.
 */
import { BlockTable, FIRST_ENTRY, HOLDERS } from "./block-table.ts";
import type { ChainSecret } from "./chain-hash.ts";
import { BLOCK, type EntryList, NEXT, PARENT, PREVIOUS, TENANT } from "./entry-list.ts";
import { GRAINS, type PodCache } from "./pod-cache.ts";
import { RecordPool } from "./record-pool.ts";
import { Tenant } from "./tenant.ts";

/** A new entry may need a record for its block as well. */
const RECORDS_PER_ENTRY = 2;
/** Entries of departed pods dropped at a time: below 0.1 ms, with nothing of them in the processor's caches. */
const SWEEP_ENTRIES = 64;
/** One in so many of the victim's idle entries goes at a time, so that the search for the next victim is rare. */
const EVICTION_SHARE = 64;

export class EntryBook {
  readonly pool: RecordPool;
  readonly blocks: BlockTable;
  /** Tenants that have not departed, by the grain of their caches. */
  readonly tenantsOfGrain = new Int32Array(GRAINS);
  /** Entries of all tenants, also of departed ones until they are swept. */
  entries = 0;
  evictions = 0;
  /** By id; ids of swept tenants are used again. */
  readonly #tenants: (Tenant | undefined)[] = [];
  readonly #bySlot: (Tenant | undefined)[] = [];
  readonly #departed: Tenant[] = [];

  constructor(budgetBytes: number, secret?: ChainSecret) {
    this.pool = new RecordPool(budgetBytes);
    this.blocks = new BlockTable(this.pool, secret);
  }

  /** Whose entry it is; undefined for a pod that left. */
  tenantOf(entry: number): Tenant | undefined {
    const tenant = this.#tenants[this.pool.words[entry + TENANT]!];
    return tenant === undefined || tenant.departed ? undefined : tenant;
  }

  tenantAt(slot: number): Tenant | undefined {
    return this.#bySlot[slot];
  }

  /** Entries that requests in flight need. */
  get pinned(): number {
    return this.#bySlot.reduce((sum, tenant) => sum + (tenant?.pinned.size ?? 0), 0);
  }

  /** The slot's tenant of this generation, which takes the place of any other. */
  admit(slot: number, generation: number, cache: PodCache): Tenant {
    const tenant = this.#bySlot[slot];
    if (tenant?.generation === generation) return tenant;
    this.depart(slot);
    const id = this.#freeId();
    const admitted = new Tenant(id, { slot, generation, cache }, this.pool);
    this.#tenants[id] = admitted;
    this.#bySlot[slot] = admitted;
    this.tenantsOfGrain[cache.grain]!++;
    return admitted;
  }

  /** From now on the pod holds nothing; what one sweep leaves of its entries goes with the next ones. */
  depart(slot: number): void {
    const tenant = this.#bySlot[slot];
    if (tenant === undefined) return;
    this.#bySlot[slot] = undefined;
    tenant.departed = true;
    this.tenantsOfGrain[tenant.cache.grain]!--;
    this.#departed.push(tenant);
    this.sweep();
  }

  /** Drops up to `limit` entries of departed tenants, pinned or not; returns how many. */
  sweep(limit = SWEEP_ENTRIES): number {
    let dropped = 0;
    let tenant = this.#departed.at(-1);
    while (tenant !== undefined) {
      dropped += this.#dropOldest(tenant, tenant.idle, limit - dropped);
      dropped += this.#dropOldest(tenant, tenant.pinned, limit - dropped);
      if (tenant.entries > 0) break;
      this.#tenants[tenant.id] = undefined;
      this.#departed.pop();
      tenant = this.#departed.at(-1);
    }
    return dropped;
  }

  /** The tenant's entry for this block, 0 when it has none. */
  entryOf(block: number, tenant: Tenant): number {
    const { words } = this.pool;
    let entry = words[block + FIRST_ENTRY]!;
    while (entry !== 0 && words[entry + TENANT] !== tenant.id) entry = words[entry + NEXT]!;
    return entry;
  }

  /** Adds an entry that is not there behind `parent`, pinned as that is; 0 when there is no room for it. */
  add(lo: number, hi: number, tenant: Tenant, parent: number): number {
    if (!this.#makeRoomIn(tenant) || !this.#makeRoom()) return 0;
    const { words } = this.pool;
    // Where the tenant is alone with a block nobody has those behind it: no need to look.
    const isNew = parent !== 0 && words[words[parent + BLOCK]! + HOLDERS] === 1;
    let block = isNew ? 0 : this.blocks.find(lo, hi);
    if (block === 0) block = this.blocks.add(lo, hi);
    const entry = this.pool.take();
    const next = words[block + FIRST_ENTRY]!;
    words[entry + BLOCK] = block;
    words[entry + TENANT] = tenant.id;
    words[entry + PARENT] = parent;
    words[entry + NEXT] = next;
    words[entry + PREVIOUS] = 0;
    if (next !== 0) words[next + PREVIOUS] = entry;
    words[block + FIRST_ENTRY] = entry;
    words[block + HOLDERS] = words[block + HOLDERS]! + 1;
    tenant.add(entry);
    this.entries++;
    return entry;
  }

  /** The request is over; of what it alone had added nothing is kept. */
  withdraw(tenant: Tenant, tail: number): void {
    let entry = tail;
    while (entry !== 0 && tenant.isFresh(entry)) {
      const parent = this.pool.words[entry + PARENT]!;
      this.#drop(tenant, entry);
      entry = parent;
    }
    tenant.unpin(entry);
  }

  /** As the pod's own cache would, makes room in it from what is idle, the oldest first. */
  #makeRoomIn(tenant: Tenant): boolean {
    const { capacity } = tenant.cache;
    // Two for one, so that a cache that was made smaller gets there without a long stop.
    const surplus = tenant.entries + 1 - capacity;
    if (surplus > 0) this.evictions += this.#dropOldest(tenant, tenant.idle, Math.min(2, surplus));
    return tenant.entries < capacity || tenant.idle.size > 0;
  }

  /**
   * Room for one entry. Departed pods give theirs first, then the pod with the most idle entries its oldest ones: it is
   * the likeliest to have dropped them itself, whereas a pod that was long idle still holds what it held.
   */
  #makeRoom(): boolean {
    while (this.pool.available < RECORDS_PER_ENTRY) {
      if (this.sweep(1) > 0) continue;
      const victim = this.#idlest();
      if (victim === undefined) return false;
      const share = 1 + Math.floor(victim.idle.size / EVICTION_SHARE);
      this.evictions += this.#dropOldest(victim, victim.idle, share);
    }
    return true;
  }

  #idlest(): Tenant | undefined {
    let idlest: Tenant | undefined;
    for (const tenant of this.#tenants) {
      if (tenant !== undefined && tenant.idle.size > (idlest?.idle.size ?? 0)) idlest = tenant;
    }
    return idlest;
  }

  #dropOldest(tenant: Tenant, list: EntryList, limit: number): number {
    let dropped = 0;
    while (dropped < limit && list.oldest !== 0) {
      this.#drop(tenant, list.oldest);
      dropped++;
    }
    return dropped;
  }

  #drop(tenant: Tenant, entry: number): void {
    const { words } = this.pool;
    const block = words[entry + BLOCK]!;
    const next = words[entry + NEXT]!;
    const previous = words[entry + PREVIOUS]!;
    if (next !== 0) words[next + PREVIOUS] = previous;
    if (previous !== 0) words[previous + NEXT] = next;
    else words[block + FIRST_ENTRY] = next;
    tenant.remove(entry);
    this.pool.give(entry);
    this.entries--;
    const holders = words[block + HOLDERS]! - 1;
    words[block + HOLDERS] = holders;
    if (holders === 0) this.blocks.remove(block);
  }

  #freeId(): number {
    const free = this.#tenants.indexOf(undefined);
    return free === -1 ? this.#tenants.length : free;
  }
}
