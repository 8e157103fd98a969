/** Composition root of the picker: builds every part once, starts, drains and stops them. */
import { buildHost, warmUpHost } from "./build-host.ts";
import type { Config } from "./config/options.ts";
import { type PoolsRead, readPools } from "./config/read-pools.ts";
import { ConfigError, listenError } from "./errors.ts";
import { ExtProcServer } from "./ext-proc/server.ts";
import type { StreamHost } from "./ext-proc/stream-host.ts";
import { warmUp } from "./ext-proc/warm-up.ts";
import { KnownPods } from "./known-pods.ts";
import { DecisionTrace } from "./observe/decision-trace.ts";
import { adminServer, listenHttp, metricsServer } from "./observe/http-servers.ts";
import { createLogger, type Logger } from "./observe/log.ts";
import { Metrics } from "./observe/metrics.ts";
import { type Readiness, readinessOf } from "./observe/readiness.ts";
import { ServerReport } from "./observe/server-report.ts";
import { StreamReport } from "./observe/stream-report.ts";
import { usablePods } from "./pods/usable-pods.ts";
import { BufferBudget } from "./request/body-buffer.ts";
import { seededRandom } from "./routing/seeded-random.ts";
import { version } from "./version.ts";

const RECENT_DECISIONS = 256;
const HEALTH_MS = 100;
/** So long other replicas, which may know all pods, are left to answer. */
const COMPLETE_WITHIN_MS = 30_000;
const now = (): number => performance.now();

export class App {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #metrics = new Metrics(version());
  readonly #trace = new DecisionTrace(RECENT_DECISIONS);
  readonly #openStreams: StreamHost["openStreams"] = new Set();
  readonly #budget: BufferBudget;
  readonly #profiles: PoolsRead["profiles"];
  readonly #pods: KnownPods;
  readonly #server: ExtProcServer;
  readonly #wanted: StreamHost["wanted"];
  readonly #http: { close(): Promise<unknown> }[] = [];
  #healthTimer: NodeJS.Timeout | undefined;
  #started = false;
  #startedAtMs = 0;
  #draining = false;

  /** Throws a ConfigError for pools that make no sense. */
  constructor(config: Config) {
    this.#config = config;
    this.#log = createLogger(config.verbosity);
    this.#budget = new BufferBudget(config.bufferLimitBytes);
    const { instruments } = this.#metrics;
    const random = seededRandom(config.seed === 0 ? Date.now() : config.seed);
    const { pools: poolConfigs, profiles, faults } = readPools(config);
    if (faults.length > 0) throw new ConfigError(faults);
    this.#profiles = profiles;
    this.#pods = new KnownPods(config, poolConfigs, { log: this.#log, instruments, random, now });
    const { table, models, pools, inFlight, latency, failures, index, report, scraper } = this.#pods;
    instruments.prefixEvictions.readFrom((write) => write("", index.evictions));
    const host = buildHost(config, {
      table,
      models,
      pools,
      profiles,
      facts: (pod) => scraper.facts(pod),
      inFlight,
      times: latency,
      outcomes: failures,
      index,
      budget: this.#budget,
      openStreams: this.#openStreams,
      events: new StreamReport({ log: this.#log, instruments, trace: this.#trace, now }),
      scorerFaults: report,
      random,
      now,
    });
    this.#wanted = host.wanted;
    this.#server = new ExtProcServer(config, host, new ServerReport(this.#log, instruments, now));
  }

  /** Resolves when every port listens, the hot path is warm and the sources of pods have had their say. */
  async start(): Promise<void> {
    const { bindAddress, metricsPort, adminAddress, adminPort } = this.#config;
    this.#metrics.watchProcess();
    this.#metrics.refreshers.push(() => this.#refreshGauges());
    await this.#pods.start();
    warmUp(warmUpHost(this.#config, this.#profiles, now));
    await this.#server.listen();
    const { sentence, ...modes } = this.#wanted;
    this.#log.info(modes, sentence);
    const readiness = () => this.#readiness();
    const metrics = metricsServer(this.#metrics, readiness);
    const admin = adminServer({ pods: this.#pods, trace: this.#trace, readiness });
    await this.#listen("metrics", metrics, bindAddress, metricsPort);
    await this.#listen("admin", admin, adminAddress, adminPort);
    this.#started = true;
    this.#startedAtMs = now();
    this.#healthTimer = setInterval(() => this.#checkHealth(), HEALTH_MS).unref();
    this.#checkHealth();
  }

  /** Leaves Envoy time to turn elsewhere, finishes what is open, then stops. */
  async drain(): Promise<void> {
    const { drainDelayMs, drainTimeoutMs } = this.#config;
    this.#draining = true;
    this.#log.info({ drainDelayMs, drainTimeoutMs, openStreams: this.#openStreams.size }, "draining");
    await this.#server.drain(drainDelayMs, drainTimeoutMs);
    this.#log.info({ openStreams: this.#openStreams.size }, "drained");
    await this.stop();
  }

  async stop(): Promise<void> {
    clearInterval(this.#healthTimer);
    this.#server.stop();
    await Promise.all([this.#pods.stop(), ...this.#http.map((server) => server.close())]);
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
