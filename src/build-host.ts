/** Builds what every stream works with: router, replies, deadlines, and the settings they share. */
import { EarlyEnds } from "./accounting/early-ends.ts";
import { InFlight } from "./accounting/in-flight.ts";
import { Latency } from "./accounting/latency.ts";
import { buildLanes, type LaneSources } from "./build-lanes.ts";
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
import { PrefixIndex } from "./prefix/prefix-index.ts";
import { BufferBudget } from "./request/body-buffer.ts";
import { wantedPhases } from "./response/wanted-phases.ts";
import { listModels } from "./routing/list-models.ts";
import type { Profile } from "./routing/profile.ts";
import { Router } from "./routing/router.ts";
import { seededRandom } from "./routing/seeded-random.ts";

/** How long headers without a stated mode wait for a first body chunk: short, since every such request waits. */
const GUESS_MS = 100;
/** Longest silence in a duplex body that plainly is not complete. */
const SILENCE_MS = 5_000;

const WARM_UP_INDEX_BYTES = 1024 * 1024;

type Profiles = ReadonlyMap<string, Profile>;

interface HostParts
  extends LaneSources,
    Pick<StreamHost, "inFlight" | "times" | "outcomes" | "budget" | "openStreams" | "events" | "now"> {
  readonly pools: Pools;
  /** By name, as the pools name them. */
  readonly profiles: Profiles;
  readonly random: () => number;
}

export function buildHost(config: Config, parts: HostParts): StreamHost {
  const { table, pools, models, index, facts, scorerFaults, profiles, random, ...shared } = parts;
  const { bodyLimitBytes, streamLimit, assumedMode, answerDeadlineMs } = config;
  const modelHeaders = config.modelHeaders.map((name) => Buffer.from(name));
  const lanes = buildLanes(profiles, { table, models, index, facts, scorerFaults });
  const scorers = [...profiles.values()].flatMap((profile) => profile.scorers.map(({ scorer }) => scorer));
  const router = new Router({ table, pools, lanes, random });
  const hintHeaders = router.headers.map((name) => ({ name, bytes: Buffer.from(name) }));
  return {
    ...shared,
    wanted: wantedPhases([...new Set(scorers)]),
    router,
    podAt: (address) => table.byAddress(address),
    listModels: (hints) => listModels(pools, table, hints),
    earlyEnds: new EarlyEnds(),
    replies: new PickReplies(),
    deadlines: new Deadlines(parts.now),
    settings: {
      ...{ bodyLimitBytes, streamLimit, assumedMode, modelHeaders, hintHeaders, answerDeadlineMs },
      ...{ guessMs: GUESS_MS, silenceMs: SILENCE_MS },
    },
  };
}

/** The same parts over two pods that do not exist, reporting to a registry and a log that nobody reads. */
export function warmUpHost(config: Config, profiles: Profiles, now: () => number): StreamHost {
  const table = new PodTable();
  table.reconcile(["127.0.0.1:1", "127.0.0.1:2"].map((address) => ({ name: address, address })));
  for (const column of [table.columns.waiting, table.columns.kvUsage]) column.fill(0);
  const models = new ServedModels();
  const pools = new Pools({ table, models });
  pools.obtain("warm-up", defaultPoolSettings).assign(table.pods());
  const log = createLogger(0);
  const { instruments } = new Metrics("warm-up");
  const index = new PrefixIndex({ budgetBytes: WARM_UP_INDEX_BYTES, pods: table });
  const inFlight = new InFlight(table, now, index);
  return buildHost(config, {
    table,
    pools,
    models,
    profiles,
    facts: () => undefined,
    inFlight,
    times: new Latency(table, now),
    outcomes: { picked: () => {}, failed: () => {}, succeeded: () => {} },
    index,
    budget: new BufferBudget(config.bufferLimitBytes),
    openStreams: new Set(),
    events: new StreamReport({ log, instruments, trace: new DecisionTrace(1), now }),
    scorerFaults: new PodReport({
      log,
      instruments,
      inFlight,
      models,
      caches: { told: () => {}, lost: () => {} },
      now,
    }),
    random: seededRandom(1),
    now,
  });
}
