/**
 * A trace, served by a fleet of model engines on virtual time behind one profile. Picks, tickets, the mirror of caches
 * and the readings go the way they go in a picker; the same seed gives the same run.
 */
import { InFlight } from "../accounting/in-flight.ts";
import { AdapterColumn } from "../affinity/adapter-column.ts";
import { buildLanes, KeptLanes } from "../build-lanes.ts";
import { mixBits } from "../engine-model/block-keys.ts";
import { VirtualClock } from "../engine-model/clock.ts";
import { Engine } from "../engine-model/engine.ts";
import { type Pod, PodTable } from "../pods/pod-table.ts";
import { defaultPoolSettings } from "../pods/pool.ts";
import { Pools } from "../pods/pools.ts";
import { ServedModels } from "../pods/served-models.ts";
import { PrefixColumn } from "../prefix/prefix-column.ts";
import { PrefixIndex } from "../prefix/prefix-index.ts";
import { keysOfIds, type PromptIds } from "../prefix/prompt-ids.ts";
import { bodylessRequest } from "../request/inference-request.ts";
import { noHints } from "../routing/choose-pool.ts";
import type { Picked } from "../routing/decision.ts";
import type { Profile } from "../routing/profile.ts";
import { Router } from "../routing/router.ts";
import { uncounted } from "../routing/scoring-plan.ts";
import { SeededRandom, seededRandom } from "../routing/seeded-random.ts";
import { BYTES_PER_TOKEN } from "../scorer.ts";
import { ID_TOKENS } from "./read-records.ts";
import type { TraceRow } from "./record-shapes.ts";
import { PickReader, type ReplayedPick } from "./replayed-pick.ts";

export interface TraceOptions {
  readonly seed: number;
  readonly podCount: number;
  /** How much faster requests come than the trace says. */
  readonly speed: number;
}

export interface TraceRun {
  readonly picks: readonly ReplayedPick[];
  /** Prompt tokens that the engines found in their caches, and all of them. */
  readonly hitTokens: number;
  readonly queryTokens: number;
  /** Of each request, sorted. */
  readonly ttftSeconds: readonly number[];
}

const SCRAPE_MS = 1_000;
const INDEX_BYTES = 256 * 1024 ** 2;
/** Traces of this kind have times that come in bunches three seconds apart. */
const BUNCH_MS = 3_000;

interface Served {
  readonly pod: Pod;
  readonly engine: Engine;
}

export class TraceReplay {
  readonly #options: TraceOptions;
  readonly #clock = new VirtualClock();
  readonly #table = new PodTable();
  readonly #index: PrefixIndex;
  readonly #inFlight: InFlight;
  readonly #router: Router;
  readonly #reader: PickReader;
  readonly #fleet: readonly Served[];
  readonly #picks: ReplayedPick[] = [];
  readonly #ttft: number[] = [];
  /** Of each session the rows that are still to come. */
  readonly #sessions = new Map<number, { readonly row: TraceRow; readonly number: number }[]>();
  #prompt: PromptIds = { ids: [], idTokens: ID_TOKENS, tokens: 0 };
  #open = 0;

  constructor(profile: Profile, options: TraceOptions) {
    this.#options = options;
    const table = this.#table;
    const names = Array.from({ length: options.podCount }, (_, i) => `pod-${i + 1}`);
    table.reconcile(names.map((name, i) => ({ name, address: `10.0.${i >> 8}.${i & 255}:8000` })));
    this.#index = new PrefixIndex({ budgetBytes: INDEX_BYTES, pods: table });
    this.#inFlight = new InFlight(table, () => this.#clock.now(), this.#index);
    this.#reader = new PickReader(table);
    this.#router = this.#routerOf(profile);
    this.#fleet = table.pods().map((pod) => ({ pod, engine: new Engine(this.#clock, { seed: pod.slot }) }));
    for (const { pod, engine } of this.#fleet) {
      const { blockTokens } = engine.options;
      this.#index.resize(pod.slot, pod.generation, { blockTokens, blocks: engine.kvBlocks });
    }
  }

  run(rows: readonly TraceRow[]): TraceRun {
    this.#plan(rows);
    this.#scrape();
    this.#clock.runUntilIdle();
    const sum = (of: (engine: Engine) => number) => this.#fleet.reduce((total, { engine }) => total + of(engine), 0);
    return {
      picks: this.#picks.toSorted((one, other) => Number(one.label) - Number(other.label)),
      hitTokens: sum(({ metrics }) => metrics.prefixHitTokens),
      queryTokens: sum(({ metrics }) => metrics.prefixQueryTokens),
      ttftSeconds: this.#ttft.toSorted((one, other) => one - other),
    };
  }

  #routerOf(profile: Profile): Router {
    const table = this.#table;
    const models = new ServedModels();
    const pools = new Pools({ table, models });
    pools.obtain("replay", { ...defaultPoolSettings, profile: "replay" }).assign(table.pods());
    const kept = new KeptLanes();
    const facts = () => undefined;
    kept.shared = {
      prefixHit: new PrefixColumn(this.#index, (_, keys, blockBytes) => keysOfIds(this.#prompt, keys, blockBytes)),
      adapterState: new AdapterColumn({ table, models, facts }),
    };
    const lanes = buildLanes(new Map([["replay", profile]]), {
      ...{ table, models, facts, kept },
      index: this.#index,
      scorerFaults: uncounted,
    });
    return new Router({ table, pools, lanes, random: seededRandom(this.#options.seed) });
  }

  #plan(rows: readonly TraceRow[]): void {
    const spread = new SeededRandom();
    spread.begin(this.#options.seed);
    for (const [at, row] of rows.entries()) {
      const number = at + 1;
      const following = row.session === undefined ? undefined : this.#sessions.get(row.session);
      this.#open++;
      if (following !== undefined) following.push({ row, number });
      else {
        if (row.session !== undefined) this.#sessions.set(row.session, []);
        const bunchedMs = row.session === undefined && row.ids !== undefined ? spread.next() * BUNCH_MS : 0;
        this.#clock.schedule((row.atMs + bunchedMs) / this.#options.speed, () => this.#serve(row, number));
      }
    }
  }

  #serve(row: TraceRow, number: number): void {
    const { promptTokens, session } = row;
    const ids = row.ids ?? ownIds(number, promptTokens);
    this.#prompt = { ids, idTokens: ID_TOKENS, tokens: promptTokens };
    const name = session === undefined ? "" : String(session);
    const request = { ...bodylessRequest, promptBytes: promptTokens * BYTES_PER_TOKEN, session: name };
    const hints = name === "" ? noHints : { ...noHints, headers: { "x-session-id": name } };
    const decision = this.#router.route(request, "scored", hints);
    this.#picks.push(this.#reader.read(String(number), promptTokens, decision, this.#router.trail));
    const served = decision.kind === "picked" ? this.#fleet.find(({ pod }) => pod === decision.pod) : undefined;
    if (decision.kind === "refused" || served === undefined) this.#over(row);
    else this.#submit(row, decision, served, tokensOf(ids, promptTokens));
  }

  #submit(row: TraceRow, picked: Picked, { pod, engine }: Served, prompt: Int32Array): void {
    const ticket = this.#inFlight.open(pod, picked.uncachedTokens);
    this.#inFlight.hold(ticket, this.#router.learn(picked));
    const atMs = this.#clock.now();
    engine.submit({
      prompt,
      maxTokens: row.answerTokens,
      onFirstToken: () => {
        this.#ttft.push((this.#clock.now() - atMs) / 1000);
        this.#inFlight.promptRead(ticket);
      },
      onFinished: () => {
        this.#inFlight.close(ticket);
        this.#over(row);
      },
    });
  }

  /** The next row of its session follows. */
  #over({ session }: TraceRow): void {
    this.#open--;
    const next = session === undefined ? undefined : this.#sessions.get(session)?.shift();
    if (next !== undefined) this.#clock.schedule(next.row.thinkMs, () => this.#serve(next.row, next.number));
  }

  #scrape(): void {
    const { columns, toldAtMs } = this.#table;
    for (const { pod, engine } of this.#fleet) {
      columns.waiting[pod.slot] = engine.metrics.waiting;
      columns.running[pod.slot] = engine.metrics.running;
      columns.kvUsage[pod.slot] = engine.metrics.kvUsage;
      toldAtMs[pod.slot] = this.#clock.now();
      this.#inFlight.scraped(pod, this.#clock.now());
    }
    if (this.#open > 0) this.#clock.schedule(SCRAPE_MS, () => this.#scrape());
  }
}

/** Of a prompt that shares nothing with any other. */
function ownIds(number: number, tokens: number): number[] {
  return Array.from({ length: Math.ceil(tokens / ID_TOKENS) }, (_, at) => mixBits(number, at));
}

function tokensOf(ids: readonly number[], tokens: number): Int32Array {
  const text = new Int32Array(tokens);
  for (let at = 0; at < tokens; at++) text[at] = mixBits(ids[Math.floor(at / ID_TOKENS)] ?? 0, at % ID_TOKENS);
  return text;
}
