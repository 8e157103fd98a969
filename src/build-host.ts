/** Builds what every stream works with: scoring plan, router, replies, deadlines, and the settings they share. */
import { builtInScorers } from "../scorers/index.ts";
import { EarlyEnds } from "./accounting/early-ends.ts";
import { InFlight } from "./accounting/in-flight.ts";
import type { Config } from "./config/options.ts";
import { Deadlines } from "./ext-proc/deadlines.ts";
import { PickReplies } from "./ext-proc/destination-header.ts";
import type { StreamHost } from "./ext-proc/stream-host.ts";
import { DecisionTrace } from "./observe/decision-trace.ts";
import { createLogger } from "./observe/log.ts";
import { Metrics } from "./observe/metrics.ts";
import { PodReport } from "./observe/pod-report.ts";
import { StreamReport } from "./observe/stream-report.ts";
import { PodTable } from "./pods/pod-table.ts";
import { defaultPoolSettings } from "./pods/pool.ts";
import { Pools } from "./pods/pools.ts";
import { ServedModels } from "./pods/served-models.ts";
import { PrefixColumn } from "./prefix/prefix-column.ts";
import { PrefixIndex } from "./prefix/prefix-index.ts";
import { BufferBudget } from "./request/body-buffer.ts";
import { listModels } from "./routing/list-models.ts";
import { Router } from "./routing/router.ts";
import { type ScorerFaults, type ScorerUse, ScoringPlan } from "./routing/scoring-plan.ts";
import { seededRandom } from "./routing/seeded-random.ts";

/** The weights that the Go picker's default configuration has. */
export const defaultWeights: Readonly<Record<string, number>> = { "queue-depth": 2, "kv-cache": 2, "prefix-cache": 3 };

/** How long headers without a stated mode wait for a first body chunk: short, since every such request waits. */
const GUESS_MS = 100;
/** Longest silence in a duplex body that plainly is not complete. */
const SILENCE_MS = 5_000;

const WARM_UP_INDEX_BYTES = 1024 * 1024;

interface HostParts extends Pick<StreamHost, "inFlight" | "outcomes" | "budget" | "openStreams" | "events" | "now"> {
  readonly table: PodTable;
  readonly pools: Pools;
  readonly index: PrefixIndex;
  readonly scorerFaults: ScorerFaults;
  readonly random: () => number;
}

export function buildHost(config: Config, parts: HostParts): StreamHost {
  const { table, pools, index, scorerFaults, random, ...rest } = parts;
  const { bodyLimitBytes, streamLimit, assumedMode, answerDeadlineMs } = config;
  const plan = new ScoringPlan(defaultProfile(), scorerFaults);
  const owners = { prefixHit: new PrefixColumn(index) };
  return {
    ...rest,
    router: new Router({ table, pools, plan, owners, random }),
    podAt: (address) => table.byAddress(address),
    listModels: (hints) => listModels(pools, table, hints),
    earlyEnds: new EarlyEnds(),
    replies: new PickReplies(),
    deadlines: new Deadlines(parts.now),
    settings: { bodyLimitBytes, streamLimit, assumedMode, answerDeadlineMs, guessMs: GUESS_MS, silenceMs: SILENCE_MS },
  };
}

/** The same parts over two pods that do not exist, reporting to a registry and a log that nobody reads. */
export function warmUpHost(config: Config, now: () => number): StreamHost {
  const table = new PodTable();
  table.reconcile(["127.0.0.1:1", "127.0.0.1:2"].map((address) => ({ name: address, address })));
  for (const column of [table.columns.waiting, table.columns.kvUsage]) column.fill(0);
  const models = new ServedModels();
  const pools = new Pools({ table, models });
  pools.obtain("warm-up", defaultPoolSettings).assign(table.pods());
  const log = createLogger(0);
  const { instruments } = new Metrics("warm-up");
  const inFlight = new InFlight(table, now);
  return buildHost(config, {
    table,
    pools,
    inFlight,
    outcomes: { picked: () => {}, failed: () => {}, succeeded: () => {} },
    index: new PrefixIndex({ budgetBytes: WARM_UP_INDEX_BYTES, pods: table }),
    budget: new BufferBudget(config.bufferLimitBytes),
    openStreams: new Set(),
    events: new StreamReport({ log, instruments, trace: new DecisionTrace(1), now }),
    scorerFaults: new PodReport({ log, instruments, inFlight, models, forget: () => {}, now }),
    random: seededRandom(1),
    now,
  });
}

function defaultProfile(): ScorerUse[] {
  return builtInScorers
    .filter((scorer) => scorer.name in defaultWeights)
    .map((scorer) => ({ scorer, weight: defaultWeights[scorer.name] ?? 0 }));
}
