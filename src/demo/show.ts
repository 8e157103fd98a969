/** Sends the conversations to a fleet and shows how it goes: the live table on a terminal, a line now and then elsewhere. */
import { ask } from "./ask.ts";
import { type Conversation, conversations, conversationsOf } from "./conversations.ts";
import { drawTable, type FleetLine, type PodLine, paintAnsi, paintNothing } from "./draw-table.ts";
import { demoModel, type Fleet } from "./fleet.ts";
import type { Playground } from "./playground.ts";
import type { Screen } from "./screen.ts";
import { Tally } from "./tally.ts";
import { runTraffic } from "./traffic.ts";
import { type FleetResult, percent, seconds } from "./write-comparison.ts";

/** Of the two fleets that are compared. */
type Side = "roundRobin" | "picker";

export interface ShowOptions {
  readonly screen: Screen;
  readonly colour: boolean;
  readonly title: string;
  /** To each fleet. */
  readonly requests: number;
  readonly seed: number;
  readonly speed: number;
  readonly roundRobin: Fleet;
  readonly picker: Fleet;
  readonly signal: AbortSignal;
}

const sides: readonly Side[] = ["roundRobin", "picker"];
const names: Readonly<Record<Side, string>> = { roundRobin: "round robin", picker: "pointsman" };

/** Enough that pods have queues, too few to drown them. */
const usersPerPod = 8;
/** Afterwards: users in all, and how much slower they think. */
const quietUsers = 4;
const quietFactor = 4;
/** Answers that the quiet traffic's times are made of. */
const quietMemory = 200;

const redrawMs = 200;
const lineMs = 2_000;
const quietLineMs = 10_000;

export class Show {
  readonly #options: ShowOptions;
  readonly #tallies: Readonly<Record<Side, Tally>> = { roundRobin: new Tally(), picker: new Tally() };
  #now: FleetLine | undefined;
  #side: Side = "roundRobin";
  #playground: Playground | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ShowOptions) {
    this.#options = options;
  }

  /** Resolves when every request has an answer, good or failed. */
  async send(side: Side): Promise<FleetResult> {
    const { requests, seed, speed } = this.#options;
    const fleet = this.#options[side];
    const tally = this.#tallies[side];
    this.#side = side;
    this.#showEvery(lineMs);
    const users = usersPerPod * fleet.pods.length;
    await this.#run(fleet, tally, { conversations: conversationsOf(seed, requests).values(), users, speed });
    this.pause();
    return { tally, requests, pods: fleet.pods.map((pod) => pod.name) };
  }

  /** Quiet traffic to the picker's fleet until the signal comes. */
  async keepGoing(playground: Playground): Promise<void> {
    const { seed, speed, picker } = this.#options;
    const tally = new Tally(quietMemory);
    this.#now = { name: "since then", tally, requests: 0, state: "running" };
    this.#playground = playground;
    this.#showEvery(quietLineMs);
    const quiet = { conversations: conversations(seed + 1), users: quietUsers, speed: speed / quietFactor };
    await this.#run(picker, tally, quiet);
    this.pause();
  }

  /** Draws once more, then leaves the table where it stands. */
  pause(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#draw();
  }

  async #run(
    fleet: Fleet,
    tally: Tally,
    given: { conversations: Iterator<Conversation>; users: number; speed: number },
  ): Promise<void> {
    const { signal } = this.#options;
    const target = { port: fleet.port, agent: fleet.agent, model: demoModel };
    await runTraffic({
      ...given,
      signal,
      ask: (messages) => ask(target, messages, signal),
      // What the end cuts off is no failure of a fleet.
      onAnswer: (answer) => signal.aborted || tally.add(answer),
    });
  }

  #showEvery(linesEveryMs: number): void {
    const { live } = this.#options.screen;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#draw(), live ? redrawMs : linesEveryMs);
    if (live) this.#draw();
  }

  #draw(): void {
    const { screen, colour, title } = this.#options;
    if (this.#options.signal.aborted) return;
    if (!screen.live) {
      screen.say(this.#progressLine());
      return;
    }
    const table = {
      ...{ title, fleets: this.#fleetLines(), podsOf: names[this.#side], pods: this.#podLines() },
      footer: this.#playground?.footer() ?? [],
    };
    screen.show(drawTable(table, colour ? paintAnsi : paintNothing));
  }

  #fleetLines(): FleetLine[] {
    const { requests } = this.#options;
    const compared = sides.map((side): FleetLine => {
      const tally = this.#tallies[side];
      const next = tally.answered === 0 && side !== this.#side;
      const state = next ? "next" : tally.answered < requests ? "running" : "done";
      return { name: names[side], tally, requests, state };
    });
    return this.#now === undefined ? compared : [...compared, this.#now];
  }

  #podLines(): PodLine[] {
    const tally = this.#now?.tally ?? this.#tallies[this.#side];
    return this.#options[this.#side].pods.map(({ name, alive, engine }) => ({
      ...{ name, alive, waiting: engine.metrics.waiting, running: engine.metrics.running },
      kvUsage: engine.metrics.kvUsage,
      cachedShare: tally.cachedShareOf(name),
      picks: tally.picksOf(name),
      state: this.#playground?.stateOf(name) ?? "up",
    }));
  }

  #progressLine(): string {
    const { requests } = this.#options;
    const { name, tally } = this.#now ?? { name: names[this.#side], tally: this.#tallies[this.#side] };
    const progress = this.#now === undefined ? `${tally.answered} of ${requests}` : `${tally.answered} requests`;
    const failures = tally.failed === 0 ? "" : `, ${tally.failed} failed`;
    const times = `TTFT p50 ${seconds(tally.ttftMs(0.5))}, p95 ${seconds(tally.ttftMs(0.95))}`;
    return `${name}: ${progress}${failures}, ${times}, ${percent(tally.cachedShare)} from cache`;
  }
}
