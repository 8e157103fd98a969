/** Composition root of the picker: builds every part once, starts, drains and stops them. */

import { reportAsGo } from "./build-go-report.ts";
import { buildHost, buildRouting, type RoutingParts, warmUpHost } from "./build-host.ts";
import { KeptLanes } from "./build-lanes.ts";
import { ConfigReload } from "./config/config-reload.ts";
import { configuredRewrites } from "./config/file-rewrites.ts";
import { type CheckConfig, originsOf, type Said, type Settings } from "./config/load-settings.ts";
import type { Config } from "./config/options.ts";
import { listenError } from "./errors.ts";
import { ExtProcServer } from "./ext-proc/server.ts";
import type { StreamHost } from "./ext-proc/stream-host.ts";
import { warmUp } from "./ext-proc/warm-up.ts";
import { KnownPods } from "./known-pods.ts";
import { ConfigReport } from "./observe/config-report.ts";
import { DecisionTrace } from "./observe/decision-trace.ts";
import { adminServer, listenHttp, metricsServer } from "./observe/http-servers.ts";
import { createLogger, type Logger, levelOf } from "./observe/log.ts";
import { Metrics } from "./observe/metrics.ts";
import { type Readiness, readinessOf } from "./observe/readiness.ts";
import { ServerReport } from "./observe/server-report.ts";
import { StreamReport } from "./observe/stream-report.ts";
import type { Pod } from "./pods/pod-table.ts";
import { usablePods } from "./pods/usable-pods.ts";
import { BufferBudget } from "./request/body-buffer.ts";
import { seededRandom } from "./routing/seeded-random.ts";
import { version } from "./version.ts";

const RECENT_DECISIONS = 256;
const HEALTH_MS = 100;
/** So long other replicas, which may know all pods, are left to answer. */
const COMPLETE_WITHIN_MS = 30_000;
const now = (): number => performance.now();

/** What a change in the config file is read with. */
export interface Reread {
  readonly said: Said;
  readonly check: CheckConfig;
}

export class App {
  readonly #settings: Settings;
  /** What holds now: the config file may change it. */
  #config: Config;
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #trace = new DecisionTrace(RECENT_DECISIONS);
  readonly #openStreams: StreamHost["openStreams"] = new Set();
  readonly #budget: BufferBudget;
  readonly #streams: StreamReport;
  readonly #pods: KnownPods;
  readonly #server: ExtProcServer;
  readonly #routing: Omit<RoutingParts, "profiles" | "rules">;
  readonly #host: StreamHost;
  readonly #reload: ConfigReload;
  readonly #http: { close(): Promise<unknown> }[] = [];
  #healthTimer: NodeJS.Timeout | undefined;
  #started = false;
  #startedAtMs = 0;
  #draining = false;

  constructor(settings: Settings, reread: Reread) {
    const { config, profiles } = settings;
    this.#settings = settings;
    this.#config = config;
    this.#log = createLogger(config.verbosity);
    this.#metrics = new Metrics(version(), config.metricNames);
    this.#budget = new BufferBudget(config.bufferLimitBytes);
    const { instruments } = this.#metrics;
    const random = seededRandom(config.seed === 0 ? Date.now() : config.seed);
    this.#pods = new KnownPods(config, settings.pools, { log: this.#log, instruments, random, now });
    const { table, models, pools, inFlight, latency, failures, index, report, scraper } = this.#pods;
    instruments.prefixEvictions.readFrom((write) => write("", index.evictions));
    this.#streams = new StreamReport({ log: this.#log, instruments, trace: this.#trace, now });
    this.#streams.shadow.readFrom(table);
    const facts = (pod: Pod) => scraper.facts(pod);
    this.#routing = {
      table,
      models,
      pools,
      facts,
      index,
      scorerFaults: report,
      random,
      kept: new KeptLanes(),
      rewrites: this.#pods.rewrites,
    };
    this.#host = buildHost(config, {
      ...this.#routing,
      profiles,
      rules: configuredRewrites(settings.rewrites, settings.pools),
      objectives: this.#pods.objectives,
      inFlight,
      times: latency,
      outcomes: failures,
      budget: this.#budget,
      openStreams: this.#openStreams,
      openRecord: this.#openRecord(),
      events: this.#streams,
      now,
    });
    this.#server = new ExtProcServer(config, this.#host, new ServerReport(this.#log, instruments, now));
    const events = new ConfigReport(this.#log, instruments);
    this.#reload = new ConfigReload(settings, { ...reread, events, apply: (next) => this.#apply(next) });
  }

  /** Resolves when every port listens, the hot path is warm and the sources of pods have had their say. */
  async start(): Promise<void> {
    const { bindAddress, metricsPort, adminAddress, adminPort } = this.#config;
    this.#log.info({ version: version(), ...originsOf(this.#settings) }, "starting; settings that are not the default");
    for (const { about, says } of this.#settings.notes) this.#log.warn({ about }, says);
    this.#metrics.watchProcess();
    this.#metrics.refreshers.push(() => this.#refreshGauges());
    await this.#pods.start();
    warmUp(warmUpHost(this.#config, this.#settings.profiles, now));
    await this.#server.listen();
    this.#sayWanted();
    const readiness = () => this.#readiness();
    const metrics = metricsServer(this.#metrics, readiness);
    const admin = adminServer({ pods: this.#pods, trace: this.#trace, readiness });
    await this.#listen("metrics", metrics, bindAddress, metricsPort);
    await this.#listen("admin", admin, adminAddress, adminPort);
    this.#started = true;
    this.#startedAtMs = now();
    this.#healthTimer = setInterval(() => this.#checkHealth(), HEALTH_MS).unref();
    this.#checkHealth();
    this.#reload.start();
  }

  /** Leaves Envoy time to turn elsewhere, finishes what is open, then stops. */
  async drain(): Promise<void> {
    const { drainDelayMs, drainTimeoutMs } = this.#config;
    this.#draining = true;
    this.#reload.stop();
    this.#log.info({ drainDelayMs, drainTimeoutMs, openStreams: this.#openStreams.size }, "draining");
    await this.#server.drain(drainDelayMs, drainTimeoutMs);
    this.#log.info({ openStreams: this.#openStreams.size }, "drained");
    await this.stop();
  }

  async stop(): Promise<void> {
    clearInterval(this.#healthTimer);
    this.#reload.stop();
    this.#server.stop();
    await Promise.all([this.#pods.stop(), ...this.#http.map((server) => server.close())]);
  }

  /** All that can fail comes first; what follows it is one step between two messages, so that no request sees half of it. */
  async #apply({ config, pools, profiles, rewrites }: Settings): Promise<void> {
    const replacePools = await this.#pods.prepare(pools);
    const routing = buildRouting(config, { ...this.#routing, profiles, rules: configuredRewrites(rewrites, pools) });
    const wantedBefore = this.#host.wanted.sentence;
    replacePools();
    Object.assign(this.#host, routing);
    this.#config = config;
    this.#budget.limitBytes = config.bufferLimitBytes;
    this.#log.level = levelOf(config.verbosity);
    this.#streams.heedLevel();
    if (this.#host.wanted.sentence !== wantedBefore) this.#sayWanted();
  }

  /** Nothing is kept of single requests unless metrics under the Go picker's names are asked for. */
  #openRecord(): StreamHost["openRecord"] {
    if (this.#config.metricNames === "pointsman") return undefined;
    return reportAsGo({
      metrics: this.#metrics,
      pods: this.#pods,
      openStreams: this.#openStreams,
      version: version(),
      now,
    });
  }

  #sayWanted(): void {
    const { sentence, ...modes } = this.#host.wanted;
    this.#log.info(modes, sentence);
  }

  /**
   * gRPC health: well once the pods are known, and for good, since from then on there is always a pick; /readyz is
   * stricter. A source that never tells holds it up for a while only: the pools of the others would be lost with it.
   */
  #checkHealth(): void {
    const isComplete = this.#pods.sources().every(({ known }) => known);
    const mustDo = this.#pods.table.size > 0 && now() - this.#startedAtMs > COMPLETE_WITHIN_MS;
    if (this.#draining || (!isComplete && !mustDo)) return;
    this.#server.health.ready = true;
    clearInterval(this.#healthTimer);
  }

  async #listen(service: string, server: ReturnType<typeof metricsServer>, host: string, port: number): Promise<void> {
    this.#http.push(server);
    const addressFlag = service === "admin" ? "--admin-address" : "--bind-address";
    const bound = await listenHttp(server, host, port).catch((error: unknown) => {
      throw listenError(error, { addressFlag, address: host, portFlag: `--${service}-port`, port });
    });
    this.#log.info({ service, address: host, port: bound }, "HTTP server listening");
  }

  #readiness(): Readiness {
    return readinessOf({
      started: this.#started,
      draining: this.#draining,
      openStreams: this.#openStreams.size,
      pods: this.#pods.table.size,
      usable: usablePods(this.#pods.table),
      sources: this.#pods.sources(),
    });
  }

  #refreshGauges(): void {
    const { instruments } = this.#metrics;
    const { inFlight, index } = this.#pods;
    instruments.streamsOpen.set(this.#openStreams.size);
    instruments.bufferedBytes.set(this.#budget.usedBytes);
    instruments.inFlight.set({ source: "stream" }, inFlight.streaming);
    instruments.inFlight.set({ source: "estimate" }, inFlight.estimated);
    instruments.prefixEntries.set(index.entries);
    instruments.prefixPinned.set(index.pinned);
    instruments.prefixBytes.set(index.usedBytes);
    instruments.prefixLimitBytes.set(index.limitBytes);
  }
}
