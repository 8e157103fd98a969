/**
 * Who holds what: entries (a block in a pod's cache) under blocks and tenants, within a byte budget.
 *
 *   block A ── entry (pod 1) ── entry (pod 2)        every entry is in two lists:
 *   block B ── entry (pod 1)                          its block's, and its tenant's from newest to oldest use
 *
 * A pod's entries make trees without gaps: one is added behind its parent, and dropped before it.
 */
import { BlockTable, FIRST_ENTRY, HOLDERS } from "./block-table.ts";
import { RecordPool } from "./record-pool.ts";
import { BLOCK, NEXT, PARENT, PREVIOUS, TENANT, Tenant } from "./tenant.ts";

/** A new entry may need a record for its block as well. */
const RECORDS_PER_ENTRY = 2;
/** Entries of departed pods dropped at a time: below 0.1 ms, with nothing of them in the processor's caches. */
const SWEEP_ENTRIES = 64;
/** One in so many of the victim's entries goes at a time, so that the search for the next victim is rare. */
const EVICTION_SHARE = 64;

export class EntryBook {
  readonly pool: RecordPool;
  readonly blocks: BlockTable;
  /** Entries of all tenants, also of departed ones until they are swept. */
  entries = 0;
  evictions = 0;
  /** By id; ids of swept tenants are used again. */
  readonly #tenants: (Tenant | undefined)[] = [];
  readonly #bySlot: (Tenant | undefined)[] = [];
  readonly #departed: Tenant[] = [];

  constructor(budgetBytes: number) {
    this.pool = new RecordPool(budgetBytes);
    this.blocks = new BlockTable(this.pool);
  }

  /** Whose entry it is; undefined for a pod that left. */
  tenantOf(entry: number): Tenant | undefined {
    const tenant = this.#tenants[this.pool.words[entry + TENANT]!];
    return tenant !== undefined && this.#bySlot[tenant.slot] === tenant ? tenant : undefined;
  }

  /** The slot's tenant of this generation, which takes the place of any other. */
  admit(slot: number, generation: number): Tenant {
    const tenant = this.#bySlot[slot];
    if (tenant?.generation === generation) return tenant;
    this.depart(slot);
    const id = this.#freeId();
    const admitted = new Tenant(id, slot, generation, this.pool);
    this.#tenants[id] = admitted;
    this.#bySlot[slot] = admitted;
    return admitted;
  }

  /** From now on the pod holds nothing; what one sweep leaves of its entries goes with the next ones. */
  depart(slot: number): void {
    const tenant = this.#bySlot[slot];
    if (tenant === undefined) return;
    this.#bySlot[slot] = undefined;
    this.#departed.push(tenant);
    this.sweep();
  }

  /** Drops up to `limit` entries of departed tenants; returns how many. */
  sweep(limit = SWEEP_ENTRIES): number {
    let dropped = 0;
    let tenant = this.#departed.at(-1);
    while (tenant !== undefined) {
      dropped += this.#dropOldest(tenant, limit - dropped, 0);
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

  /** Adds an entry that is not there behind `parent`, its tenant's last; 0 when there is no room for it. */
  add(lo: number, hi: number, tenant: Tenant, parent: number): number {
    if (!this.#makeRoom(parent)) return 0;
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

  /**
   * Drops the tenant's oldest entry, as the pod's own cache would, unless that is `keep`: then all of them are the
   * prompt being recorded.
   */
  evictOldest(tenant: Tenant, keep: number): boolean {
    const dropped = this.#dropOldest(tenant, 1, keep);
    this.evictions += dropped;
    return dropped > 0;
  }

  /**
   * Room for one entry. Departed pods give theirs first, then the pod with the most entries its oldest ones: it is the
   * likeliest to have dropped them itself, whereas a pod that was long idle still holds what it held.
   */
  #makeRoom(keep: number): boolean {
    while (this.pool.available < RECORDS_PER_ENTRY) {
      if (this.sweep(1) > 0) continue;
      const victim = this.#largest();
      if (victim === undefined) return false;
      const dropped = this.#dropOldest(victim, 1 + Math.floor(victim.entries / EVICTION_SHARE), keep);
      if (dropped === 0) return false;
      this.evictions += dropped;
    }
    return true;
  }

  #largest(): Tenant | undefined {
    let largest: Tenant | undefined;
    for (const tenant of this.#tenants) {
      if (tenant !== undefined && tenant.entries > (largest?.entries ?? 0)) largest = tenant;
    }
    return largest;
  }

  #dropOldest(tenant: Tenant, limit: number, keep: number): number {
    let dropped = 0;
    while (dropped < limit && tenant.oldest !== 0 && tenant.oldest !== keep) {
      this.#drop(tenant, tenant.oldest);
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
