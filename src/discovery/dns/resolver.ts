/** A name -> its addresses or services, with the time for which that holds: search domains, aliases, both families. */
import type { Answer, SrvAnswer, StringAnswer } from "dns-packet";
import { type DnsQuestion, type DnsReply, sameName } from "./dns-exchange.ts";
import { askServers, DnsFailure, NO_SUCH_NAME } from "./dns-query.ts";
import { fullNames, type ResolverSettings } from "./resolver-settings.ts";

type RecordType = DnsQuestion["type"];
type RecordOf<T extends RecordType> = T extends "SRV" ? SrvAnswer : StringAnswer;

/** What is known of one type of records of a name; without records where the name or the type does not exist. */
export interface Told<T extends RecordType> {
  readonly type: T;
  readonly records: readonly RecordOf<T>[];
  readonly additionals: readonly Answer[];
  /** Seconds, the least of all records on the way; RFC 2181, 8. */
  readonly ttl: number;
  readonly why: "" | "NXDOMAIN" | "no records";
}

/** No server could tell. */
export interface Untold<T extends RecordType> {
  readonly type: T;
  readonly failure: DnsFailure;
}

export type Outcome<T extends RecordType> = Told<T> | Untold<T>;

const ALIAS_LIMIT = 8;

export class Resolver {
  readonly #settings: ResolverSettings;
  readonly #signal: AbortSignal;
  readonly #patienceMs: readonly number[] | undefined;

  constructor(settings: ResolverSettings, signal: AbortSignal, patienceMs?: readonly number[]) {
    this.#settings = settings;
    this.#signal = signal;
    this.#patienceMs = patienceMs;
  }

  /**
   * About the first full name that exists for any of the types. Where a server cannot tell about one, no further name
   * is tried, as that may be somebody else's; a name of one label alone is refused by some resolvers by principle.
   */
  async search<T extends RecordType>(name: string, types: readonly T[]): Promise<Outcome<T>[]> {
    let outcomes: Outcome<T>[] = [];
    for (const full of fullNames(name, this.#settings)) {
      outcomes = await this.ask(full, types);
      const isShort = !full.includes(".");
      const isLast = (one: Outcome<T>) =>
        "failure" in one ? !(isShort && one.failure.refused) : one.records.length > 0;
      if (outcomes.some(isLast)) break;
    }
    return outcomes;
  }

  /** Failures are told beside the rest: what one of them means depends on who asks. */
  ask<T extends RecordType>(full: string, types: readonly T[]): Promise<Outcome<T>[]> {
    return Promise.all(
      types.map(async (type) => {
        try {
          return await this.#follow(full, type);
        } catch (error) {
          if (error instanceof DnsFailure) return { type, failure: error };
          throw error;
        }
      }),
    );
  }

  /** Servers that resolve for others tell a whole chain of aliases; others are asked for its next part. */
  async #follow<T extends RecordType>(full: string, type: T): Promise<Told<T>> {
    let owner = full;
    let ttl = Number.POSITIVE_INFINITY;
    for (let hops = 0; hops <= ALIAS_LIMIT; hops++) {
      const question: DnsQuestion = { name: owner, type };
      const reply: DnsReply = await askServers(question, this.#settings.servers, this.#signal, this.#patienceMs);
      const { answers, additionals } = reply;
      const end = followAliases(answers, owner);
      const records = recordsOf(answers, end.owner, type);
      ttl = Math.min(ttl, end.ttl, leastTtl(records));
      if (records.length > 0) return { type, records, additionals, ttl, why: "" };
      const why = reply.rcode === NO_SUCH_NAME ? "NXDOMAIN" : "no records";
      if (why === "NXDOMAIN" || sameName(end.owner, owner)) return { type, records, additionals, ttl, why };
      owner = end.owner;
    }
    throw new DnsFailure(`more than ${ALIAS_LIMIT} aliases for ${type} ${full}`, false);
  }
}

export function recordsOf<T extends RecordType>(among: readonly Answer[], owner: string, type: T): RecordOf<T>[] {
  return among.filter((record) => record.type === type && sameName(record.name, owner)) as RecordOf<T>[];
}

export function leastTtl(records: readonly { readonly ttl?: number | undefined }[]): number {
  return Math.min(...records.map(({ ttl = 0 }) => ttl));
}

function followAliases(answers: readonly Answer[], from: string): { readonly owner: string; readonly ttl: number } {
  let owner = from;
  let ttl = Number.POSITIVE_INFINITY;
  for (let hops = 0; hops < ALIAS_LIMIT; hops++) {
    const isAlias = (record: Answer) => record.type === "CNAME" && sameName(record.name, owner);
    const alias = answers.find(isAlias) as StringAnswer | undefined;
    if (alias === undefined) break;
    owner = alias.data;
    ttl = Math.min(ttl, alias.ttl ?? 0);
  }
  return { owner, ttl };
}
