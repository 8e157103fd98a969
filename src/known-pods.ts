/** Puts together everything that is known of pods: who finds them, who asks them, and who keeps count of what they do. */
import { setTimeout as delay } from "node:timers/promises";
import { InFlight } from "./accounting/in-flight.ts";
import { Latency } from "./accounting/latency.ts";
import { Newcomers } from "./accounting/newcomers.ts";
import { PodFailures } from "./accounting/set-aside.ts";
import { SourceMaker } from "./build-sources.ts";
import type { Config } from "./config/options.ts";
import { configOfPool, namespaceOf, type PoolConfig } from "./config/pool-config.ts";
import { Discovery, type PodChange, type SourceState } from "./discovery/discovery.ts";
import { DiscoveryReport, readDiscoveryGauges } from "./observe/discovery-report.ts";
import type { Logs } from "./observe/log.ts";
import type { Instruments } from "./observe/metrics.ts";
import { type PodCaches, PodReport, readPodGauges } from "./observe/pod-report.ts";
import { WantOfPods } from "./observe/want-of-pods.ts";
import { type Pod, PodTable } from "./pods/pod-table.ts";
import { Pools } from "./pods/pools.ts";
import { ServedModels } from "./pods/served-models.ts";
import { PrefixIndex } from "./prefix/prefix-index.ts";
import { RewriteBook } from "./rewrite/rewrite-rules.ts";
import { Objectives } from "./routing/objectives.ts";
import { trustsAnyone } from "./scrape/scrape-options.ts";
import { type ScrapeOptions, Scraper } from "./scrape/scraper.ts";

const TICK_MS = 100;
const EXPIRE_MS = 1_000;
const LOOK_MS = 1_000;
/** So long the start waits for the sources' first word: an API server that hangs must not keep the probes silent. */
const FIRST_WORD_MS = 2_000;

export interface KnownPodsParts {
  readonly logs: Logs;
  readonly instruments: Instruments;
  readonly random: () => number;
  readonly now: () => number;
}

export class KnownPods {
  readonly table = new PodTable();
  readonly models = new ServedModels();
  readonly pools = new Pools({ table: this.table, models: this.models });
  /** What Kubernetes says of the pools' requests, and for rewrites the configuration too. */
  readonly rewrites = new RewriteBook();
  readonly objectives = new Objectives();
  readonly index: PrefixIndex;
  readonly inFlight: InFlight;
  readonly latency: Latency;
  readonly failures: PodFailures;
  readonly report: PodReport;
  readonly scraper: Scraper;
  readonly #sources: SourceMaker;
  #poolConfigs: readonly PoolConfig[];
  readonly #parts: KnownPodsParts;
  readonly #newcomers: Newcomers;
  readonly #timers: NodeJS.Timeout[] = [];

  #discovery: Discovery | undefined;

  constructor(config: Config, pools: readonly PoolConfig[], parts: KnownPodsParts) {
    const { table } = this;
    const { logs, instruments, random, now } = parts;
    const log = logs.of("discovery");
    this.#sources = new SourceMaker({
      relistMs: config.kubeRelistMs,
      dnsServers: config.dnsServers,
      onSkipped: (problem) => log.warn({ problem }, "an object of Kubernetes makes no sense and is passed over"),
      policies: {
        rewrites: this.rewrites,
        objectives: this.objectives,
        onProblem: (problem) => log.warn({ problem }, "rewrites or objectives of Kubernetes cannot be read"),
      },
    });
    this.#poolConfigs = pools;
    this.#parts = parts;
    this.index = new PrefixIndex({ budgetBytes: config.prefixIndexLimitBytes, pods: table });
    table.onLeave((pod) => this.index.forgetPod(pod.slot));
    this.inFlight = new InFlight(table, now, this.index);
    this.latency = new Latency(table, now);
    this.#newcomers = new Newcomers({ table, picks: (slot) => this.inFlight.picks(slot), now });
    const { inFlight, models } = this;
    this.report = new PodReport({ logs, instruments, inFlight, models, caches: this.#caches(), now });
    this.failures = new PodFailures({ table, pools: () => this.pools.all, events: this.report, now });
    this.scraper = new Scraper({ table, events: this.report, now, random });
    readPodGauges(table, this.scraper, instruments);
  }

  /** Resolves when every source has had its say, or a moment later. */
  async start(): Promise<void> {
    const { logs, instruments, now } = this.#parts;
    const log = logs.of("discovery");
    this.#sayTrust(this.#poolConfigs);
    const sources = await this.#sources.make(this.#poolConfigs);
    const events = new DiscoveryReport(log, instruments, (change) => this.#changed(change));
    this.#discovery = new Discovery({ table: this.table, pools: this.pools, sources, events, now });
    readDiscoveryGauges(this.#discovery, this.pools, this.table, instruments);
    this.#timers.push(setInterval(() => this.#tick(), TICK_MS).unref());
    this.#timers.push(setInterval(() => this.#expire(), EXPIRE_MS).unref());
    const { table } = this;
    const want = new WantOfPods({ log, table, pools: () => this.pools.all, sources: () => this.sources() });
    this.#timers.push(setInterval(() => want.look(), LOOK_MS).unref());
    await Promise.race([this.#discovery.start(), firstWordTime()]);
  }

  /** Starts what is new in these pools; the answer makes them the pools at once. Pods that stay keep all that is known. */
  async prepare(pools: readonly PoolConfig[]): Promise<() => void> {
    const replace = await this.#discovery?.prepare(await this.#sources.make(pools), firstWordTime());
    return () => {
      this.#sayTrust(pools);
      this.#poolConfigs = pools;
      this.pools.arrange(pools);
      replace?.();
      this.#askAnew();
    };
  }

  #sayTrust(pools: readonly PoolConfig[]): void {
    for (const { name, scrape } of pools) {
      if (trustsAnyone(scrape)) {
        this.#parts.logs.of("scrape").warn({ pool: name }, "the pods' token goes to any certificate: give their CA");
      }
    }
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#discovery?.stop();
    await this.scraper.stop();
  }

  sources(): SourceState[] {
    return this.#discovery?.states() ?? [];
  }

  /** Where the pool's pods live in Kubernetes; "" for elsewhere. */
  namespaceOf(pool: string): string {
    const config = configOfPool(this.#poolConfigs, pool);
    return config === undefined ? "" : namespaceOf(config);
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

  /** Pods whose pool is scraped in another way now. */
  #askAnew(): void {
    const options = new Map<Pod, ScrapeOptions>();
    for (const pool of this.pools.all) {
      const config = configOfPool(this.#poolConfigs, pool.name);
      if (config === undefined) continue;
      for (const pod of this.table.pods()) if (!options.has(pod) && pool.has(pod)) options.set(pod, config.scrape);
    }
    const byOptions = Map.groupBy(options, ([, scrape]) => scrape);
    for (const [scrape, entries] of byOptions) {
      this.scraper.rewatch(
        entries.map(([pod]) => pod),
        scrape,
      );
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

function firstWordTime(): Promise<void> {
  return delay(FIRST_WORD_MS, undefined, { ref: false });
}
