/** Builds what every stream works with: router, replies, deadlines, and the settings they share. */
import { EarlyEnds } from "./accounting/early-ends.ts";
import { InFlight } from "./accounting/in-flight.ts";
import { Latency } from "./accounting/latency.ts";
import { buildLanes, type LaneSources } from "./build-lanes.ts";
import { buildStrategies } from "./build-strategies.ts";
import type { Config } from "./config/options.ts";
import { saysAsAibrix } from "./config/strategy-options.ts";
import { Accounts } from "./costs/accounts.ts";
import type { CostRule } from "./costs/cost-rule.ts";
import { Deadlines } from "./ext-proc/deadlines.ts";
import { PickReplies } from "./ext-proc/destination-header.ts";
import { PickPhases } from "./ext-proc/pick-phases.ts";
import type { StreamHost } from "./ext-proc/stream-host.ts";
import { DecisionTrace } from "./observe/decision-trace.ts";
import { Logs } from "./observe/log.ts";
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
import { RewriteBook, type RewriteSource } from "./rewrite/rewrite-rules.ts";
import { BY_CONFIG, Rewriter } from "./rewrite/rewriter.ts";
import { listModels } from "./routing/list-models.ts";
import { Objectives } from "./routing/objectives.ts";
import type { Profile } from "./routing/profile.ts";
import { Router } from "./routing/router.ts";
import { seededRandom } from "./routing/seeded-random.ts";

/** How long headers without a stated mode wait for a first body chunk: short, since every such request waits. */
const GUESS_MS = 100;
/** Longest silence in a duplex body that plainly is not complete. */
const SILENCE_MS = 5_000;

const WARM_UP_INDEX_BYTES = 1024 * 1024;

type Profiles = ReadonlyMap<string, Profile>;

export interface RoutingParts extends LaneSources {
  /** What gives models other names: the rules of objects, and those of the configuration. */
  readonly rewrites: RewriteBook;
  readonly rules: readonly RewriteSource[];
  readonly costs: readonly CostRule[];
  readonly pools: Pools;
  /** By name, as the pools name them. */
  readonly profiles: Profiles;
  readonly random: () => number;
}

interface HostParts
  extends RoutingParts,
    Pick<
      StreamHost,
      "inFlight" | "times" | "outcomes" | "objectives" | "budget" | "openStreams" | "openRecord" | "events" | "now"
    > {}

export function buildHost(config: Config, parts: HostParts): StreamHost {
  const {
    table,
    pools,
    models,
    index,
    facts,
    scorerFaults,
    profiles,
    random,
    kept,
    watched,
    rewrites,
    rules,
    ...shared
  } = parts;
  return {
    ...shared,
    ...buildRouting(config, parts),
    backends: undefined,
    podAt: (address) => table.byAddress(address),
    listModels: (hints) => listModels(pools, table, hints),
    earlyEnds: new EarlyEnds(),
    replies: new PickReplies(config.destinationHeaders),
    deadlines: new Deadlines(parts.now),
    accounts: new Accounts(),
    phases: new PickPhases(),
  };
}

/** What follows from the configuration alone: a host whose configuration changes takes it over as a whole. */
export function buildRouting(
  config: Config,
  {
    table,
    pools,
    models,
    index,
    facts,
    scorerFaults,
    profiles,
    random,
    kept,
    watched,
    rewrites,
    rules,
    costs,
  }: RoutingParts,
): Pick<StreamHost, "router" | "rewriter" | "wanted" | "costs" | "settings"> {
  const { bodyLimitBytes, streamLimit, assumedMode, answerDeadlineMs } = config;
  const { ignoresSubset, emitsScores, marksAnswers, tellsWhy } = config;
  // What is ours to set says nothing where a client has written it.
  const modelHeaders = config.modelHeaders
    .filter((name) => name !== config.modelHeader)
    .map((name) => Buffer.from(name));
  const lanes = buildLanes(profiles, { table, models, index, facts, scorerFaults, watched, kept });
  const scorers = [...profiles.values()].flatMap((profile) => profile.scorers.map(({ scorer }) => scorer));
  const strategies = buildStrategies(config, { table, models, index, scorerFaults, watched, profiles, lanes });
  const router = new Router({ table, pools, lanes, strategies, random });
  const hintHeaders = router.headers.map((name) => ({ name, bytes: Buffer.from(name) }));
  rewrites.set(BY_CONFIG, rules);
  return {
    costs,
    wanted: wantedPhases([...new Set(scorers)], { renames: rules.length > 0, tellsCosts: costs.length > 0 }),
    router,
    rewriter: new Rewriter({ book: rewrites, pools, ignoresHeader: config.ignoresRewriteHeader, random }),
    settings: {
      ...{ bodyLimitBytes, streamLimit, assumedMode, modelHeaders, hintHeaders, answerDeadlineMs },
      modelHeader: config.modelHeader === "" ? undefined : config.modelHeader,
      unknownBackend: config.unknownBackend,
      ...{ ignoresSubset, emitsScores, marksAnswers, tellsWhy, guessMs: GUESS_MS, silenceMs: SILENCE_MS },
      payerHeader: config.payerHeader === "" ? undefined : Buffer.from(config.payerHeader),
      payerMost: config.payerMost,
      strategyHeader: strategies === undefined ? undefined : config.strategyHeader,
      saysAsAibrix: saysAsAibrix(config),
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
  const logs = new Logs({ verbosity: 0 });
  const { instruments } = new Metrics("warm-up");
  const index = new PrefixIndex({ budgetBytes: WARM_UP_INDEX_BYTES, pods: table });
  const inFlight = new InFlight(table, now, index);
  return buildHost(config, {
    table,
    pools,
    models,
    profiles,
    rewrites: new RewriteBook(),
    rules: [],
    costs: [],
    objectives: new Objectives(),
    facts: () => undefined,
    inFlight,
    times: new Latency(table, now),
    outcomes: { picked: () => {}, failed: () => {}, succeeded: () => {} },
    index,
    budget: new BufferBudget(config.bufferLimitBytes),
    openStreams: new Set(),
    events: new StreamReport({ log: logs.of("ext-proc"), instruments, trace: new DecisionTrace(1), now }),
    scorerFaults: new PodReport({
      logs,
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
