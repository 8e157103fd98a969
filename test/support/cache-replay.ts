/**
 * Conversations served by a fleet of model engines on virtual time, and mirrored by the prefix index as the picker
 * mirrors real pods: picks, tickets, pins and scrapes go the same way. Tells what was predicted and what the engines
 * counted.
 */
import { InFlight, type Ticket } from "../../src/accounting/in-flight.ts";
import { mixBits } from "../../src/engine-model/block-keys.ts";
import { VirtualClock } from "../../src/engine-model/clock.ts";
import { Engine } from "../../src/engine-model/engine.ts";
import type { Sequence } from "../../src/engine-model/sequence.ts";
import { type Pod, PodTable } from "../../src/pods/pod-table.ts";
import { PrefixColumn } from "../../src/prefix/prefix-column.ts";
import type { PrefixIndex } from "../../src/prefix/prefix-index.ts";
import { keysOfIds, type PromptIds } from "../../src/prefix/prompt-ids.ts";
import { bodylessRequest } from "../../src/request/inference-request.ts";
import { Random } from "./random.ts";

export interface ReplayOptions {
  readonly seed: number;
  readonly requests: number;
  readonly pods: number;
  readonly blockTokens: number;
  readonly kvTokens: number;
  /** False: the pods' pages say nothing of their caches. */
  readonly tellsSize?: boolean;
  readonly requestsPerSecond: number;
  /** The most that a turn brings beside the answer. */
  readonly turnTokens?: number;
  /** Share of the requests whose client leaves early. */
  readonly aborted?: number;
  /** Share of the requests at which some pod dies and begins anew; its old and new process have nothing in common. */
  readonly restarts?: number;
  /** Does the next turn bring back the very tokens that the model generated? */
  readonly answersReturn?: boolean;
}

export interface ReplayResult {
  /** Points of a hundred, of all prompt tokens. */
  readonly predicted: number;
  readonly counted: number;
  readonly evictions: number;
  readonly pinned: number;
  readonly aborted: number;
  readonly restarts: number;
  /** Requests that waited for room in a pod's cache after they had begun. */
  readonly preemptions: number;
  readonly meanPromptTokens: number;
}

const ID_TOKENS = 512;
const SYSTEM_IDS = 2;
const SYSTEMS = 5;
const SCRAPE_MS = 1_000;

/** A growing text: its head is a system prompt, and turns and answers follow one another. */
class Conversation {
  readonly #system: number;
  readonly #name: number;
  tokens = SYSTEM_IDS * ID_TOKENS;
  turns: number;

  constructor(name: number, random: Random) {
    this.#name = name;
    this.#system = random.int(SYSTEMS);
    this.turns = 1 + random.int(8);
  }

  #idAt(place: number): number {
    return place < SYSTEM_IDS ? mixBits(this.#system, place) : mixBits(this.#name + 1_000, place);
  }

  tokenAt(at: number): number {
    return mixBits(this.#idAt(Math.floor(at / ID_TOKENS)), at % ID_TOKENS);
  }

  /** All so far, as an engine reads it. */
  text(): Int32Array {
    const text = new Int32Array(this.tokens);
    for (let at = 0; at < text.length; at++) text[at] = this.tokenAt(at);
    return text;
  }

  /** All so far, as a trace tells it. */
  asIds(): PromptIds {
    const ids = Array.from({ length: Math.ceil(this.tokens / ID_TOKENS) }, (_, place) => this.#idAt(place));
    return { ids, idTokens: ID_TOKENS, tokens: this.tokens };
  }
}

interface Served {
  readonly pod: Pod;
  engine: Engine;
  /** Of the processes that are gone. */
  hitTokens: number;
  queryTokens: number;
  preemptions: number;
  readonly open: Map<Sequence, Ticket>;
}

export class CacheReplay {
  readonly #options: ReplayOptions;
  readonly #random: Random;
  readonly #clock = new VirtualClock();
  readonly #table = new PodTable();
  readonly #index: PrefixIndex;
  readonly #inFlight: InFlight;
  readonly #column: PrefixColumn;
  readonly #fleet: Served[] = [];
  readonly #hits: Float64Array;
  readonly #slots: Int32Array;
  readonly #talks: Conversation[] = [];
  #prompt: PromptIds = { ids: [], idTokens: ID_TOKENS, tokens: 0 };
  #started = 0;
  #predictedTokens = 0;
  #promptTokens = 0;
  #aborted = 0;
  #restarts = 0;

  constructor(options: ReplayOptions, mirror: (table: PodTable) => PrefixIndex) {
    this.#options = options;
    this.#index = mirror(this.#table);
    this.#inFlight = new InFlight(this.#table, () => this.#clock.now(), this.#index);
    this.#random = new Random(options.seed);
    this.#column = new PrefixColumn(this.#index, (_, keys, blockBytes) => keysOfIds(this.#prompt, keys, blockBytes));
    this.#table.reconcile(Array.from({ length: options.pods }, (_, i) => ({ name: `pod-${i}`, address: `${i}` })));
    for (const pod of this.#table.pods()) {
      this.#fleet.push({
        pod,
        engine: this.#newEngine(),
        hitTokens: 0,
        queryTokens: 0,
        preemptions: 0,
        open: new Map(),
      });
      this.#tellSize(pod);
    }
    this.#hits = new Float64Array(options.pods);
    this.#slots = Int32Array.from(this.#fleet, ({ pod }) => pod.slot);
  }

  run(): ReplayResult {
    this.#arrive();
    this.#clock.runUntilIdle();
    const sum = (of: (served: Served) => number) => this.#fleet.reduce((total, served) => total + of(served), 0);
    const hits = sum(({ engine, hitTokens }) => engine.metrics.prefixHitTokens + hitTokens);
    const queries = sum(({ engine, queryTokens }) => engine.metrics.prefixQueryTokens + queryTokens);
    return {
      predicted: (100 * this.#predictedTokens) / this.#promptTokens,
      counted: (100 * hits) / queries,
      evictions: this.#index.evictions,
      pinned: this.#index.pinned,
      aborted: this.#aborted,
      restarts: this.#restarts,
      meanPromptTokens: this.#promptTokens / this.#options.requests,
      preemptions: sum(({ engine, preemptions }) => engine.metrics.preemptions + preemptions),
    };
  }

  #newEngine(): Engine {
    const { blockTokens, kvTokens } = this.#options;
    return new Engine(this.#clock, { blockTokens, kvTokens });
  }

  #tellSize({ slot, generation }: Pod): void {
    const { blockTokens, kvTokens, tellsSize = true } = this.#options;
    if (!tellsSize) return;
    this.#index.resize(slot, generation, { blockTokens, blocks: Math.floor(kvTokens / blockTokens) });
  }

  #arrive(): void {
    const { requests, requestsPerSecond, restarts = 0 } = this.#options;
    if (this.#started++ === requests) return;
    if (this.#random.chance(restarts)) this.#restart(this.#random.of(this.#fleet));
    this.#serve(this.#nextTalk());
    const gapMs = (-Math.log(1 - this.#random.next()) * 1000) / requestsPerSecond;
    this.#clock.schedule(gapMs, () => this.#arrive());
  }

  /** A talk that waits for its next turn, or a new one. */
  #nextTalk(): Conversation {
    const place = this.#random.int(this.#talks.length + 1);
    const [talk] = this.#talks.length > 20 ? this.#talks.splice(place, 1) : [];
    const next = talk ?? new Conversation(this.#started, this.#random);
    next.tokens += 50 + this.#random.int(this.#options.turnTokens ?? 2_000);
    return next;
  }

  #serve(talk: Conversation): void {
    const { tokens } = talk;
    this.#prompt = talk.asIds();
    this.#column.fill(bodylessRequest, this.#slots, this.#slots.length, this.#hits);
    const row = this.#pick();
    const served = this.#fleet[row] as Served;
    this.#predictedTokens += (this.#hits[row] ?? 0) * tokens;
    this.#promptTokens += tokens;
    const ticket = this.#inFlight.open(served.pod);
    this.#inFlight.hold(ticket, this.#column.learn(served.pod.slot, served.pod.generation));
    this.#submit(served, talk, ticket);
  }

  /** The most of the prompt, where it does not mean waiting; always some that do not hold it, so that copies spread. */
  #pick(): number {
    const load = this.#table.columns.inFlight;
    let best = 0;
    let most = Number.NEGATIVE_INFINITY;
    for (const [row, { pod }] of this.#fleet.entries()) {
      const score = 3 * (this.#hits[row] ?? 0) - 0.1 * (load[pod.slot] ?? 0) + 0.01 * this.#random.next();
      if (score > most) [best, most] = [row, score];
    }
    return best;
  }

  #submit(served: Served, talk: Conversation, ticket: Ticket): void {
    const { answersReturn = false, aborted = 0 } = this.#options;
    const prompt = talk.text();
    const answerTokens = 20 + this.#random.int(200);
    const over = (sequence: Sequence) => {
      served.open.delete(sequence);
      this.#inFlight.close(ticket);
    };
    const { engine } = served;
    const sequence = engine.submit({
      prompt,
      maxTokens: answerTokens,
      onFinished: (finished) => {
        over(finished);
        talk.tokens += answerTokens;
        if (--talk.turns > 0) this.#talks.push(talk);
      },
      onAborted: over,
      ...(answersReturn && { outputToken: (index: number) => talk.tokenAt(prompt.length + index) }),
    });
    served.open.set(sequence, ticket);
    if (!this.#random.chance(aborted)) return;
    this.#clock.schedule(this.#random.next() * 3_000, () => {
      if (!served.open.has(sequence)) return;
      this.#aborted++;
      engine.abort(sequence);
    });
  }

  /** The scraper finds out when the next page comes, and until then the picker believes what it did. */
  #restart(served: Served): void {
    this.#restarts++;
    const { engine, open, pod } = served;
    for (const sequence of [...open.keys()]) engine.abort(sequence);
    served.hitTokens += engine.metrics.prefixHitTokens;
    served.queryTokens += engine.metrics.prefixQueryTokens;
    served.preemptions += engine.metrics.preemptions;
    served.engine = this.#newEngine();
    this.#clock.schedule(this.#random.next() * SCRAPE_MS, () => {
      this.#index.forgetPod(pod.slot);
      this.#tellSize(pod);
    });
  }
}
