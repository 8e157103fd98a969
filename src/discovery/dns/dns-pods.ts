/** Pods from DNS: the addresses of a host, or those of a service's targets, asked again when their time is over. */
import type { Answer, SrvData } from "dns-packet";
import type { PodSpec } from "../../pods/pod-table.ts";
import { isUsableIp, podAddress } from "../pod-address.ts";
import type { PodSource } from "../pod-source.ts";
import { RepeatedLook, type Sight } from "../repeated-look.ts";
import { type AddressType, addressTypes, sameName } from "./dns-exchange.ts";
import { type DnsName, describeDnsName } from "./dns-names.ts";
import { leastTtl, type Outcome, Resolver, recordsOf, type Told } from "./resolver.ts";
import { type ResolverSettings, readResolverSettings } from "./resolver-settings.ts";

export interface DnsPodsParts {
  /** Instead of the system's. */
  readonly settings?: ResolverSettings;
  /** How long to wait for an answer, in each round through the servers. */
  readonly patienceMs?: readonly number[];
  readonly leastMs?: number;
  readonly mostMs?: number;
  readonly retryMs?: number;
}

/** A time to live of 0 is no order to ask without end. */
const LEAST_MS = 1_000;
/** Asked sooner than a long time to live demands: a source confirms often, and a resolver's cache answers cheaply. */
const MOST_MS = 15_000;
const RETRY_MS = 2_000;
/** Targets of a service that are looked up at the same time. */
const TARGETS_AT_ONCE = 16;

interface Addresses {
  readonly ips: readonly string[];
  readonly ttl: number;
  /** Why there are none. */
  readonly why: string;
}

interface Target extends Addresses {
  readonly port: number;
}

export function dnsPods(dnsName: DnsName, parts: DnsPodsParts = {}): PodSource {
  const lookup = new DnsLookup(dnsName, parts);
  return new RepeatedLook({
    name: `dns ${describeDnsName(dnsName)}`,
    look: (signal) => lookup.look(signal),
    retryMs: parts.retryMs ?? RETRY_MS,
  });
}

export class DnsLookup {
  readonly #dnsName: DnsName;
  readonly #parts: DnsPodsParts;
  /** Families that an address was ever found of. */
  readonly #seen = new Set<AddressType>();

  constructor(dnsName: DnsName, parts: DnsPodsParts) {
    this.#dnsName = dnsName;
    this.#parts = parts;
  }

  async look(signal: AbortSignal): Promise<Sight> {
    const { settings, patienceMs, leastMs = LEAST_MS, mostMs = MOST_MS } = this.#parts;
    const resolver = new Resolver(settings ?? (await readResolverSettings()), signal, patienceMs);
    const name = this.#dnsName;
    const targets =
      name.kind === "host" ? [await this.#host(resolver, name)] : await this.#service(resolver, name.name);
    const addresses = targets.flatMap(({ ips, port }) => ips.map((ip) => podAddress(ip, port)));
    if (addresses.length === 0) throw new Error(`${name.name} has no addresses: ${targets[0]?.why ?? "no records"}`);
    const pods = addresses.map((address): PodSpec => ({ name: address, address }));
    const ttl = Math.min(...targets.map((target) => target.ttl));
    return { pods, againMs: Math.min(Math.max(ttl * 1_000, leastMs), mostMs) };
  }

  async #host(resolver: Resolver, { name, types, port }: DnsName & { kind: "host" }): Promise<Target> {
    return { ...this.#addressesIn(await resolver.search(name, types)), port };
  }

  /**
   * The targets of the least priority number; the others stand in where all of these fail (RFC 2782), which is not for
   * DNS to tell. Weights are ignored: the share of a pod is what its load allows.
   */
  async #service(resolver: Resolver, name: string): Promise<Target[]> {
    const [outcome] = await resolver.search(name, ["SRV"]);
    if (outcome === undefined || "failure" in outcome) throw outcome?.failure ?? new Error(`${name} is no name`);
    const { records, additionals, ttl, why } = outcome;
    // The root as target says that the service is not offered here.
    const offered = records.map(({ data }) => data).filter(({ target }) => target !== "." && target !== "");
    if (offered.length === 0) throw new Error(`${name} has no targets: ${why || "not offered"}`);
    const least = Math.min(...offered.map(({ priority = 0 }) => priority));
    const chosen = offered.filter(({ priority = 0 }) => priority === least);
    const known = new GivenAddresses(additionals, chosen);
    const targets: Target[] = [];
    for (let at = 0; at < chosen.length; at += TARGETS_AT_ONCE) {
      const some = chosen.slice(at, at + TARGETS_AT_ONCE).map(async ({ target, port }) => {
        const found = await this.#target(resolver, known, target);
        return { ...found, ttl: Math.min(found.ttl, ttl), port };
      });
      targets.push(...(await Promise.all(some)));
    }
    return targets;
  }

  /** A target that does not exist any more has no address, and leaves the others theirs. */
  async #target(resolver: Resolver, known: GivenAddresses, target: string): Promise<Addresses> {
    const { given, missing } = known.of(target);
    return this.#addressesIn([...given, ...(await resolver.ask(target, missing))]);
  }

  /**
   * Some networks answer for one family only and let questions for the other come to nothing. A family that fails
   * counts as absent until it has once told an address; then its failure leaves the whole set in doubt.
   */
  #addressesIn(outcomes: readonly Outcome<AddressType>[]): Addresses {
    const failed = outcomes.filter((one) => "failure" in one);
    const told = outcomes.filter((one): one is Told<AddressType> => "records" in one);
    const ips = told.flatMap(({ records }) => records.map(({ data }) => data)).filter(isUsableIp);
    const [doubt] = ips.length === 0 ? failed : failed.filter(({ type }) => this.#seen.has(type));
    if (doubt !== undefined) throw doubt.failure;
    for (const { type, records } of told) if (records.length > 0) this.#seen.add(type);
    return { ips, ttl: Math.min(...told.map(({ ttl }) => ttl)), why: told.find(({ why }) => why !== "")?.why ?? "" };
  }
}

/** The addresses of targets that a server gave beside a service's records, to save the questions for them. */
class GivenAddresses {
  readonly #additionals: readonly Answer[];
  /** Families that any target has; what fits into an answer may be cut between two records, so they count for all. */
  readonly #families: readonly AddressType[];

  constructor(additionals: readonly Answer[], targets: readonly SrvData[]) {
    this.#additionals = additionals;
    const has = (type: AddressType) => (record: Answer) =>
      record.type === type && targets.some(({ target }) => sameName(target, record.name));
    this.#families = addressTypes.filter((type) => additionals.some(has(type)));
  }

  of(target: string) {
    const given = addressTypes.map((type): Told<AddressType> => {
      const records = recordsOf(this.#additionals, target, type);
      return { type, records, additionals: [], ttl: leastTtl(records), why: "" };
    });
    const present = given.filter(({ records }) => records.length > 0);
    const wanted = present.length === 0 ? addressTypes : this.#families;
    return { given: present, missing: wanted.filter((type) => !present.some((one) => one.type === type)) };
  }
}
