/**
 * A picker of this process with the configuration of a user, and pods whose state the test holds in its hand: nothing is
 * scraped, nothing ticks. Its ext_proc port is real.
 */
import { InFlight } from "../../src/accounting/in-flight.ts";
import { Latency } from "../../src/accounting/latency.ts";
import { buildDecisionLog, buildExplain, openRecords } from "../../src/build-explain.ts";
import { buildHost } from "../../src/build-host.ts";
import { KeptLanes } from "../../src/build-lanes.ts";
import { configuredRewrites } from "../../src/config/file-rewrites.ts";
import { loadSettings } from "../../src/config/load-settings.ts";
import { ExtProcServer } from "../../src/ext-proc/server.ts";
import type { StreamHost } from "../../src/ext-proc/stream-host.ts";
import { type DecisionLog, watchedColumns } from "../../src/observe/decision-log.ts";
import { DecisionTrace, type TraceParts } from "../../src/observe/decision-trace.ts";
import { Logs } from "../../src/observe/log.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { StreamReport } from "../../src/observe/stream-report.ts";
import { podColumnNames } from "../../src/pods/columns.ts";
import { type PodSpec, PodTable } from "../../src/pods/pod-table.ts";
import { Pools } from "../../src/pods/pools.ts";
import { ServedModels } from "../../src/pods/served-models.ts";
import { PrefixIndex } from "../../src/prefix/prefix-index.ts";
import { BufferBudget } from "../../src/request/body-buffer.ts";
import { RewriteBook } from "../../src/rewrite/rewrite-rules.ts";
import { Objectives } from "../../src/routing/objectives.ts";
import { seededRandom } from "../../src/routing/seeded-random.ts";
import type { Random } from "./random.ts";

export interface InHandOptions {
  /** Flags of serve. */
  readonly args?: readonly string[];
  readonly trace?: (parts: TraceParts) => DecisionTrace;
  /** Path of a decision log; none without it. */
  readonly decisionLog?: string;
}

export class PickerInHand {
  readonly table = new PodTable();
  readonly models = new ServedModels();
  readonly pools = new Pools({ table: this.table, models: this.models });
  readonly objectives = new Objectives();
  readonly index = new PrefixIndex({ budgetBytes: 16 * 1024 * 1024, pods: this.table });
  readonly metrics = new Metrics("test");
  readonly trace: DecisionTrace;
  readonly host: StreamHost;
  readonly explain: ReturnType<typeof buildExplain>;
  readonly #server: ExtProcServer;
  address = "";

  readonly decisions: DecisionLog | undefined;

  /** `pods` are members of every pool. */
  constructor(configText: string, pods: readonly PodSpec[], options: InHandOptions = {}) {
    const said = { args: [`--config-text=${configText}`, ...(options.args ?? [])], env: {} };
    const { config, profiles, pools, rewrites } = loadSettings(said, () => []);
    const now = () => performance.now();
    const { table, index, models, metrics } = this;
    table.reconcile(pods);
    for (const { name, settings } of pools) this.pools.obtain(name, settings).assign(table.pods());
    this.trace = options.trace?.({ table, now }) ?? new DecisionTrace(256, { table, now });
    const log = new Logs({ verbosity: 0, levels: {} }).of("picker");
    const { trace } = this;
    const { instruments } = metrics;
    const logPath = options.decisionLog ?? "";
    const decisions = buildDecisionLog({ path: logPath, share: 1, trace, table, log, instruments });
    this.decisions = decisions;
    const events = new StreamReport({ log, instruments, trace, decisions, now });
    const inFlight = new InFlight(table, now, index);
    const lora = (slot: number) => ({
      max: 2,
      running: new Set(slot % 2 ? ["tuned"] : []),
      waiting: new Set<string>(),
    });
    this.host = buildHost(config, {
      ...{ table, pools: this.pools, models, profiles, index, inFlight, events, now },
      rewrites: new RewriteBook(),
      rules: configuredRewrites(rewrites, pools),
      costs: [],
      objectives: this.objectives,
      facts: ({ slot }) => ({ blocks: 1_000 + slot, startedAtSeconds: 1, lora: lora(slot) }),
      times: new Latency(table, now),
      outcomes: { picked: () => {}, failed: () => {}, succeeded: () => {} },
      budget: new BufferBudget(config.bufferLimitBytes),
      openStreams: new Set(),
      scorerFaults: { threw: () => {}, outOfRange: () => {} },
      random: seededRandom(7),
      openRecord: openRecords(decisions, undefined),
      watched: decisions === undefined ? [] : watchedColumns,
      kept: new KeptLanes(),
    });
    this.explain = buildExplain(this.host, table);
    const ports = { ...config, bindAddress: "127.0.0.1", grpcPort: 0, grpcHealthPort: 0, secureServing: false };
    this.#server = new ExtProcServer(ports, this.host, {
      listening: (service, where) => {
        if (service.includes("ext_proc") && "port" in where) this.address = `127.0.0.1:${where.port}`;
      },
      refused: () => {},
      flood: () => {},
    });
  }

  async listen(): Promise<this> {
    await this.#server.listen();
    return this;
  }

  stop(): void {
    this.#server.stop();
  }

  /** Readings of a busy fleet, some unknown, many of them equal; some pods fail, fall silent or are new. */
  shuffle(random: Random): void {
    const { table } = this;
    for (const { slot } of table.pods()) {
      for (const name of podColumnNames) {
        if (name === "inFlight" || name === "pendingTokens") continue;
        const value = name === "kvUsage" ? random.int(4) / 4 : random.int(3);
        table.columns[name][slot] = random.chance(0.1) ? Number.NaN : value;
      }
      table.reachable[slot] = random.chance(0.1) ? 0 : 1;
      table.setAside[slot] = random.chance(0.1) ? 1 : 0;
      table.admission[slot] = random.chance(0.1) ? 0.5 : 1;
      table.toldAtMs[slot] = random.chance(0.1) ? Number.NaN : 1;
    }
  }
}
