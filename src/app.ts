/** Composition root of the picker: builds every part once, starts, drains and stops them. The only place that wires. */
import { readFileSync } from "node:fs";
import { InFlight } from "./accounting/in-flight.ts";
import { buildHost, warmUpHost } from "./build-host.ts";
import type { Config } from "./config/options.ts";
import { ConfigError, listenError } from "./errors.ts";
import { ExtProcServer } from "./ext-proc/server.ts";
import type { StreamHost } from "./ext-proc/stream-host.ts";
import { warmUp } from "./ext-proc/warm-up.ts";
import { DecisionTrace } from "./observe/decision-trace.ts";
import { adminServer, listenHttp, metricsServer, type Readiness } from "./observe/http-servers.ts";
import { createLogger, type Logger } from "./observe/log.ts";
import { Metrics } from "./observe/metrics.ts";
import { PodReport, readPodGauges } from "./observe/pod-report.ts";
import { ServerReport } from "./observe/server-report.ts";
import { StreamReport } from "./observe/stream-report.ts";
import { Discovery } from "./pods/discovery.ts";
import { PodTable } from "./pods/pod-table.ts";
import { Scraper } from "./pods/scraper.ts";
import { parsePodList, StaticPods } from "./pods/static-pods.ts";
import { PrefixIndex } from "./prefix/prefix-index.ts";
import { BufferBudget } from "./request/body-buffer.ts";
import { seededRandom } from "./routing/seeded-random.ts";

const RECENT_DECISIONS = 256;
/** Blocks a pod is believed to hold at most; the Go picker's number. */
const POD_ENTRIES = 31_250;
const HOUSEKEEPING_MS = 1_000;
const now = (): number => performance.now();

export class App {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #table = new PodTable();
  readonly #inFlight = new InFlight(this.#table, now);
  readonly #metrics = new Metrics(version());
  readonly #trace = new DecisionTrace(RECENT_DECISIONS);
  readonly #openStreams: StreamHost["openStreams"] = new Set();
  readonly #budget: BufferBudget;
  readonly #index: PrefixIndex;
  readonly #discovery: Discovery;
  readonly #scraper: Scraper;
  readonly #server: ExtProcServer;
  readonly #http: { close(): Promise<unknown> }[] = [];
  #housekeeping: NodeJS.Timeout | undefined;
  #draining = false;

  /** Throws a ConfigError where the list of pods is wrong; configFaults tells beforehand. */
  constructor(config: Config) {
    const pods = parsePodList(config.pods);
    if ("faults" in pods) throw new ConfigError(pods.faults);
    this.#config = config;
    this.#log = createLogger(config.verbosity);
    this.#budget = new BufferBudget(config.bufferLimitBytes);
    this.#index = new PrefixIndex({
      budgetBytes: config.prefixIndexLimitBytes,
      podEntries: POD_ENTRIES,
      pods: this.#table,
    });
    this.#table.onLeave((pod) => this.#index.forgetPod(pod.slot));
    const { instruments } = this.#metrics;
    readPodGauges(this.#table, instruments);
    instruments.prefixEvictions.readFrom((write) => write("", this.#index.evictions));
    const podReport = new PodReport(this.#log, instruments, this.#inFlight);
    const random = seededRandom(config.seed === 0 ? Date.now() : config.seed);
    this.#scraper = new Scraper(
      { table: this.#table, events: podReport, now, random },
      {
        intervalMs: config.refreshMetricsIntervalMs,
        timeoutMs: config.scrapeTimeoutMs,
        path: config.modelServerMetricsPath,
      },
    );
    this.#discovery = new Discovery({
      table: this.#table,
      sources: [new StaticPods(pods.pods, { onFailure: (failure) => podReport.sourceFailed(failure) })],
      onChange: (change) => {
        podReport.changed(change);
        this.#scraper.watch(change.joined);
      },
      onFailure: (failure) => podReport.sourceFailed(failure),
    });
    const host = buildHost(config, {
      table: this.#table,
      inFlight: this.#inFlight,
      index: this.#index,
      budget: this.#budget,
      openStreams: this.#openStreams,
      events: new StreamReport({ log: this.#log, instruments, trace: this.#trace, now }),
      scorerFaults: podReport,
      random,
      now,
    });
    this.#server = new ExtProcServer(config, host, new ServerReport(this.#log, instruments, now));
  }

  /** Resolves when requests are answered well: pods are known, every port listens, the hot path is warm. */
  async start(): Promise<void> {
    const { bindAddress, metricsPort, adminAddress, adminPort } = this.#config;
    this.#metrics.watchProcess();
    this.#metrics.refreshers.push(() => this.#refreshGauges());
    this.#scraper.start();
    await this.#discovery.start();
    warmUp(warmUpHost(this.#config, now));
    await this.#server.listen();
    const readiness = () => this.#readiness();
    const metrics = metricsServer(this.#metrics, readiness);
    const admin = adminServer({ table: this.#table, trace: this.#trace, readiness });
    await this.#listen("metrics", metrics, bindAddress, metricsPort);
    await this.#listen("admin", admin, adminAddress, adminPort);
    this.#housekeeping = setInterval(() => this.#inFlight.expire(), HOUSEKEEPING_MS).unref();
    this.#server.health.ready = true;
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
    clearInterval(this.#housekeeping);
    this.#discovery.stop();
    this.#server.stop();
    await Promise.all([this.#scraper.stop(), ...this.#http.map((server) => server.close())]);
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
    const pods = `${this.#table.size} pods known`;
    if (this.#draining) return { ready: false, sentence: `draining: ${this.#openStreams.size} streams open` };
    return this.#server.health.ready
      ? { ready: true, sentence: `picking: ${pods}, ${this.#openStreams.size} streams open` }
      : { ready: false, sentence: `starting: ${pods}` };
  }

  #refreshGauges(): void {
    const { instruments } = this.#metrics;
    instruments.streamsOpen.set(this.#openStreams.size);
    instruments.bufferedBytes.set(this.#budget.usedBytes);
    instruments.inFlight.set({ source: "stream" }, this.#inFlight.streaming);
    instruments.inFlight.set({ source: "estimate" }, this.#inFlight.estimated);
    instruments.prefixEntries.set(this.#index.entries);
    instruments.prefixBytes.set(this.#index.usedBytes);
    instruments.prefixLimitBytes.set(this.#index.limitBytes);
  }
}

export function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return String((manifest as { version?: unknown }).version);
}
