/** Puts together everything that is known of pods: who finds them, who asks them, and who keeps count of what they do. */
import { setTimeout as delay } from "node:timers/promises";
import { InFlight } from "./accounting/in-flight.ts";
import { Latency } from "./accounting/latency.ts";
import { Newcomers } from "./accounting/newcomers.ts";
import { PodFailures } from "./accounting/set-aside.ts";
import { buildSources } from "./build-sources.ts";
import type { Config } from "./config/options.ts";
import { configOfPool, type PoolConfig } from "./config/pool-config.ts";
import { Discovery, type PodChange, type SourceState } from "./discovery/discovery.ts";
import { DiscoveryReport, readDiscoveryGauges } from "./observe/discovery-report.ts";
import type { Logger } from "./observe/log.ts";
import type { Instruments } from "./observe/metrics.ts";
import { type PodCaches, PodReport, readPodGauges } from "./observe/pod-report.ts";
import { WantOfPods } from "./observe/want-of-pods.ts";
import { PodTable } from "./pods/pod-table.ts";
import { Pools } from "./pods/pools.ts";
import { ServedModels } from "./pods/served-models.ts";
import { PrefixIndex } from "./prefix/prefix-index.ts";
import { trustsAnyone } from "./scrape/scrape-options.ts";
import { Scraper } from "./scrape/scraper.ts";

const TICK_MS = 100;
const EXPIRE_MS = 1_000;
const LOOK_MS = 1_000;
/** So long the start waits for the sources' first word: an API server that hangs must not keep the probes silent. */
const FIRST_WORD_MS = 2_000;

export interface KnownPodsParts {
  readonly log: Logger;
  readonly instruments: Instruments;
  readonly random: () => number;
  readonly now: () => number;
}

export class KnownPods {
  readonly table = new PodTable();
  readonly models = new ServedModels();
  readonly pools = new Pools({ table: this.table, models: this.models });
  readonly index: PrefixIndex;
  readonly inFlight: InFlight;
  readonly latency: Latency;
  readonly failures: PodFailures;
  readonly report: PodReport;
  readonly scraper: Scraper;
  readonly #config: Config;
  readonly #poolConfigs: readonly PoolConfig[];
  readonly #parts: KnownPodsParts;
  readonly #newcomers: Newcomers;
  readonly #timers: NodeJS.Timeout[] = [];

  #discovery: Discovery | undefined;

  constructor(config: Config, pools: readonly PoolConfig[], parts: KnownPodsParts) {
    const { table } = this;
    const { log, instruments, random, now } = parts;
    this.#config = config;
    this.#poolConfigs = pools;
    this.#parts = parts;
    this.index = new PrefixIndex({ budgetBytes: config.prefixIndexLimitBytes, pods: table });
    table.onLeave((pod) => this.index.forgetPod(pod.slot));
    this.inFlight = new InFlight(table, now, this.index);
    this.latency = new Latency(table, now);
    this.#newcomers = new Newcomers({ table, picks: (slot) => this.inFlight.picks(slot), now });
    const { inFlight, models } = this;
    this.report = new PodReport({ log, instruments, inFlight, models, caches: this.#caches(), now });
    this.failures = new PodFailures({ table, pools: () => this.pools.all, events: this.report, now });
    this.scraper = new Scraper({ table, events: this.report, now, random });
    readPodGauges(table, this.scraper, instruments);
  }

  /** Resolves when every source has had its say, or a moment later. */
  async start(): Promise<void> {
    const { log, instruments, now } = this.#parts;
    for (const { name, scrape } of this.#poolConfigs) {
      if (trustsAnyone(scrape)) log.warn({ pool: name }, "the pods' token goes to any certificate: give their CA");
    }
    const sources = await buildSources(this.#poolConfigs, {
      relistMs: this.#config.kubeRelistMs,
      dnsServers: this.#config.dnsServers,
      onSkipped: (problem) => log.warn({ problem }, "an object of Kubernetes makes no sense and is passed over"),
    });
    const events = new DiscoveryReport(log, instruments, (change) => this.#changed(change));
    this.#discovery = new Discovery({ table: this.table, pools: this.pools, sources, events, now });
    readDiscoveryGauges(this.#discovery, this.pools, this.table, instruments);
    this.#timers.push(setInterval(() => this.#tick(), TICK_MS).unref());
    this.#timers.push(setInterval(() => this.#expire(), EXPIRE_MS).unref());
    const { table } = this;
    const want = new WantOfPods({ log, table, pools: () => this.pools.all, sources: () => this.sources() });
    this.#timers.push(setInterval(() => want.look(), LOOK_MS).unref());
    await Promise.race([this.#discovery.start(), delay(FIRST_WORD_MS, undefined, { ref: false })]);
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#discovery?.stop();
    await this.scraper.stop();
  }

  sources(): SourceState[] {
    return this.#discovery?.states() ?? [];
  }

  #caches(): PodCaches {
    return {
      told: (pod) => this.index.resize(pod.slot, pod.generation, this.scraper.facts(pod) ?? {}),
      lost: ({ slot }) => this.index.forgetPod(slot),
    };
  }

  #changed({ joined }: PodChange): void {
    for (const pool of this.pools.all) {
      const fresh = joined.filter((pod) => pool.has(pod));
      if (fresh.length === 0) continue;
      this.#newcomers.joined(pool, fresh);
      const config = configOfPool(this.#poolConfigs, pool.name);
      // A pod of several pools is asked as the first of them says: at the others it is watched already.
      if (config !== undefined) this.scraper.watch(fresh, config.scrape);
    }
  }

  #expire(): void {
    this.inFlight.expire();
    this.latency.tick();
  }

  #tick(): void {
    this.#newcomers.tick();
    this.failures.tick();
  }
}
