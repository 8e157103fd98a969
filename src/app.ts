/** Composition root of the picker: builds every part once, starts, drains and stops them. */
import { OpenBackends } from "./build-backends.ts";
import { buildDecisionLog, buildExplain, openRecords } from "./build-explain.ts";
import { reportAsGo } from "./build-go-report.ts";
import { buildHost, buildRouting, type RoutingParts, warmUpHost } from "./build-host.ts";
import { KeptLanes } from "./build-lanes.ts";
import { buildStatus, readGauges } from "./build-status.ts";
import { ConfigReload } from "./config/config-reload.ts";
import { configuredRewrites } from "./config/file-rewrites.ts";
import type { Environment } from "./config/load-config.ts";
import { type CheckConfig, originsOf, type Said, type Settings } from "./config/load-settings.ts";
import type { Config } from "./config/options.ts";
import { listenError } from "./errors.ts";
import { ExtProcServer } from "./ext-proc/server.ts";
import type { StreamHost } from "./ext-proc/stream-host.ts";
import { warmUp } from "./ext-proc/warm-up.ts";
import { KnownPods } from "./known-pods.ts";
import { ConfigReport } from "./observe/config-report.ts";
import { type DecisionLog, watchedColumns } from "./observe/decision-log.ts";
import { DecisionTrace } from "./observe/decision-trace.ts";
import { HealthGate } from "./observe/health-gate.ts";
import { adminServer, listenHttp, metricsServer } from "./observe/http-servers.ts";
import { type Logger, Logs } from "./observe/log.ts";
import { Metrics } from "./observe/metrics.ts";
import { type ReadinessFacts, readinessOf } from "./observe/readiness.ts";
import { ServerReport } from "./observe/server-report.ts";
import { SharedOutput } from "./observe/shared-output.ts";
import { SaidLately } from "./observe/status/said-lately.ts";
import type { StatusRoutes } from "./observe/status/status-routes.ts";
import { StreamReport } from "./observe/stream-report.ts";
import { startTracing } from "./observe/tracing/start-tracing.ts";
import type { Pod } from "./pods/pod-table.ts";
import { usablePods } from "./pods/usable-pods.ts";
import { BufferBudget } from "./request/body-buffer.ts";
import { seededRandom } from "./routing/seeded-random.ts";
import { version } from "./version.ts";

const RECENT_DECISIONS = 256;
const now = (): number => performance.now();

/** What a change in the config file is read with. */
export interface Reread {
  readonly said: Said;
  readonly check: CheckConfig;
}

export class App {
  readonly #settings: Settings;
  /** What holds now: the config file may change it. */
  #inForce: Settings;
  #config: Config;
  readonly #logs: Logs;
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #trace: DecisionTrace;
  readonly #decisions: DecisionLog | undefined;
  readonly #said = new SaidLately();
  readonly #openStreams: StreamHost["openStreams"] = new Set();
  readonly #budget: BufferBudget;
  readonly #streams: StreamReport;
  readonly #pods: KnownPods;
  readonly #server: ExtProcServer;
  readonly #routing: Omit<RoutingParts, "profiles" | "rules" | "costs">;
  readonly #host: StreamHost;
  readonly #backends: OpenBackends;
  readonly #health: HealthGate;
  readonly #reloads: ConfigReport;
  readonly #reload: ConfigReload;
  readonly #env: Environment;
  #stopTracing = async (): Promise<void> => {};
  readonly #http: { close(): Promise<unknown> }[] = [];
  #started = false;
  #draining = false;

  constructor(settings: Settings, reread: Reread) {
    const { config, profiles } = settings;
    this.#settings = settings;
    this.#env = reread.said.env;
    this.#inForce = settings;
    this.#config = config;
    const { verbosity, logLevels, decisionLog: path, decisionLogShare: share } = config;
    const output = path === "stdout" ? new SharedOutput() : undefined;
    if (output !== undefined) process.once("exit", () => output.end());
    this.#logs = new Logs({ verbosity, levels: logLevels, listener: this.#said.note, destination: output });
    this.#log = this.#logs.of("picker");
    this.#metrics = new Metrics(version(), config.metricNames);
    this.#budget = new BufferBudget(config.bufferLimitBytes);
    const { instruments } = this.#metrics;
    const random = seededRandom(config.seed === 0 ? Date.now() : config.seed);
    this.#pods = new KnownPods(config, settings.pools, { logs: this.#logs, instruments, random, now });
    const { table, models, pools, inFlight, latency, failures, index, report, scraper } = this.#pods;
    instruments.prefixEvictions.readFrom((write) => write("", index.evictions));
    this.#trace = new DecisionTrace(RECENT_DECISIONS, { table, now });
    const log = this.#logs.of("ext-proc");
    this.#decisions = buildDecisionLog({ path, share, trace: this.#trace, table, log, instruments, output });
    const { trace, decisions } = { trace: this.#trace, decisions: this.#decisions };
    this.#streams = new StreamReport({ log, instruments, trace, decisions, now });
    this.#logs.onChange(() => this.#streams.heedLevel());
    this.#streams.readFrom(table);
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
      watched: decisions === undefined ? [] : watchedColumns,
      rewrites: this.#pods.rewrites,
    };
    const { metrics, openStreams } = { metrics: this.#metrics, openStreams: this.#openStreams };
    const asGo = reportAsGo({ metrics, pods: this.#pods, openStreams, version: version(), now }, config.metricNames);
    this.#host = buildHost(config, {
      ...this.#routing,
      profiles,
      rules: configuredRewrites(settings.rewrites, settings.pools),
      costs: settings.costs,
      objectives: this.#pods.objectives,
      inFlight,
      times: latency,
      outcomes: failures,
      budget: this.#budget,
      openStreams: this.#openStreams,
      openRecord: openRecords(decisions, asGo),
      events: this.#streams,
      now,
    });
    this.#backends = new OpenBackends({ log: this.#logs.of("backends"), instruments });
    this.#server = new ExtProcServer(config, this.#host, new ServerReport(this.#logs.of("server"), instruments));
    const { health } = this.#server;
    const open = () => {
      health.ready = true;
    };
    this.#health = new HealthGate(() => this.#readinessFacts(), open, now);
    this.#reloads = new ConfigReport(this.#logs.of("config"), instruments);
    this.#reload = new ConfigReload(settings, { ...reread, events: this.#reloads, apply: (next) => this.#apply(next) });
  }

  /** Resolves when every port listens, the hot path is warm and the sources of pods have had their say. */
  async start(): Promise<void> {
    const { bindAddress, metricsPort, adminAddress, adminPort } = this.#config;
    this.#log.info({ version: version(), ...originsOf(this.#settings) }, "starting; settings that are not the default");
    for (const { about, says } of this.#settings.notes) this.#logs.of("config").warn({ about }, says);
    this.#metrics.watchProcess();
    this.#metrics.onFault = (family, err) =>
      this.#log.error({ family, err }, "metrics that cannot be told are left out");
    const { openStreams, budget } = { openStreams: this.#openStreams, budget: this.#budget };
    readGauges({ metrics: this.#metrics, pods: this.#pods, openStreams, budget, config: () => this.#config });
    await this.#startTracing();
    const openBackends = await this.#backends.prepare(this.#settings.backends, this.#config);
    Object.assign(this.#host, { backends: openBackends() });
    await this.#pods.start();
    warmUp(warmUpHost(this.#config, this.#settings.profiles, now));
    await this.#server.listen();
    this.#sayWanted();
    const readiness = () => readinessOf(this.#readinessFacts());
    const metrics = metricsServer(this.#metrics, readiness);
    const status = this.#statusRoutes();
    const explain = buildExplain(this.#host, this.#pods.table);
    const admin = adminServer({
      explain: { explain, trace: this.#trace, bodyLimitBytes: this.#config.bodyLimitBytes, budget },
      ...{ pods: this.#pods, trace: this.#trace, logs: this.#logs },
      ...{ readiness, status, adminAddress },
    });
    await this.#listen("metrics", metrics, bindAddress, metricsPort);
    await this.#listen("admin", admin, adminAddress, adminPort);
    this.#started = true;
    this.#health.start();
    this.#reload.start();
  }

  /** Streams know of it from the first one on. */
  async #startTracing(): Promise<void> {
    const { instruments } = this.#metrics;
    const log = this.#logs.of("tracing");
    const { config, env } = { config: this.#config, env: this.#env };
    const tracer = await startTracing({ config, env, version: version(), log, instruments, now });
    if (tracer === undefined) return;
    Object.assign(this.#host, { tracer });
    this.#stopTracing = () => tracer.stop();
  }

  /** Leaves Envoy time to turn elsewhere, finishes what is open, then stops, and says what `stop` does. */
  async drain(): Promise<boolean> {
    const { drainDelayMs, drainTimeoutMs } = this.#config;
    this.#draining = true;
    this.#reload.stop();
    this.#log.info({ drainDelayMs, drainTimeoutMs, openStreams: this.#openStreams.size }, "draining");
    await this.#server.drain(drainDelayMs, drainTimeoutMs);
    this.#log.info({ openStreams: this.#openStreams.size }, "drained");
    return this.stop();
  }

  /** False: a write of the decision log hangs, and an end that waits for all threads would wait for it. */
  async stop(): Promise<boolean> {
    this.#health.stop();
    this.#reload.stop();
    this.#server.stop();
    this.#backends.close();
    this.#logs.flush();
    const ends = [this.#pods.stop(), this.#stopTracing(), ...this.#http.map((server) => server.close())];
    const [isOver = true] = await Promise.all([this.#decisions?.close(), ...ends]);
    return isOver;
  }

  /** All that can fail comes first; what follows it is one step between two messages, so that no request sees half of it. */
  async #apply(settings: Settings): Promise<void> {
    const { config, pools, profiles, rewrites, costs, backends } = settings;
    const replacePools = await this.#pods.prepare(pools);
    const replaceBackends = await this.#backends.prepare(backends, config);
    const routing = buildRouting(config, {
      ...this.#routing,
      profiles,
      rules: configuredRewrites(rewrites, pools),
      costs,
    });
    const wantedBefore = this.#host.wanted.sentence;
    replacePools();
    Object.assign(this.#host, routing, { backends: replaceBackends() });
    this.#inForce = settings;
    this.#config = config;
    this.#budget.limitBytes = config.bufferLimitBytes;
    this.#logs.configure(config.verbosity, config.logLevels);
    if (this.#host.wanted.sentence !== wantedBefore) this.#sayWanted();
  }

  #sayWanted(): void {
    const { sentence, ...modes } = this.#host.wanted;
    this.#log.info(modes, sentence);
  }

  async #listen(service: string, server: ReturnType<typeof metricsServer>, host: string, port: number): Promise<void> {
    this.#http.push(server);
    const addressFlag = service === "admin" ? "--admin-address" : "--bind-address";
    const bound = await listenHttp(server, host, port).catch((error: unknown) => {
      throw listenError(error, { addressFlag, address: host, portFlag: `--${service}-port`, port });
    });
    this.#log.info({ service, address: host, port: bound }, "HTTP server listening");
  }

  #readinessFacts(): ReadinessFacts {
    return {
      started: this.#started,
      draining: this.#draining,
      openStreams: this.#openStreams.size,
      pods: this.#pods.table.size,
      usable: usablePods(this.#pods.table),
      sources: this.#pods.sources(),
    };
  }

  #statusRoutes(): StatusRoutes {
    const { instruments } = this.#metrics;
    const facts = () => this.#readinessFacts();
    const parts = {
      ...{ version: version(), pods: this.#pods, trace: this.#trace, instruments, facts, said: this.#said },
      ...{ reload: this.#reloads, notes: this.#settings.notes, buffer: this.#budget },
      backends: () => this.#inForce.backends,
    };
    return buildStatus(parts, () => this.#inForce);
  }
}
