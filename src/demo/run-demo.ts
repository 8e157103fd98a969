/** The demo from start to end: both fleets, the same conversations to one after the other, the comparison, then what the user likes. */
import { mkdtemp, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { Ending } from "./ending.ts";
import { findEnvoy } from "./find-envoy.ts";
import {
  demoHardware,
  type Fleet,
  type FleetOptions,
  type PickerFleet,
  startPickerFleet,
  startRoundRobinFleet,
} from "./fleet.ts";
import { type Guard, startGuard } from "./guard.ts";
import { type KeyInput, readKeys } from "./keys.ts";
import { Playground } from "./playground.ts";
import { Screen, type ScreenOutput } from "./screen.ts";
import { Show } from "./show.ts";
import { writeComparison } from "./write-comparison.ts";

export interface DemoOptions {
  /** Per fleet; the demo ends after them. 0: a default number, and then it stays up. */
  readonly requests: number;
  readonly seed: number;
  readonly speed: number;
  readonly podCount: number;
  readonly port: number;
  /** "" takes any Envoy there is. */
  readonly envoyVersion: string;
}

export interface DemoIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly output: ScreenOutput;
  readonly keys: KeyInput;
  /** For what went wrong. */
  readonly complain: (text: string) => void;
  /** Resolves with a signal's name, or another reason to end. */
  readonly interrupted: Promise<string>;
}

const defaultRequests = 200;

/** Resolves with the exit code, when nothing it started is left. */
export async function runDemo(options: DemoOptions, io: DemoIo): Promise<number> {
  return new Demo(options, io).run();
}

class Demo {
  readonly #options: DemoOptions;
  readonly #io: DemoIo;
  readonly #requests: number;
  readonly #screen: Screen;
  readonly #ending = new Ending();
  readonly #guard: Guard;
  readonly #fleets: Fleet[] = [];
  #folder = "";
  /** There once the comparison is told and the demo stays up. */
  #playground: Playground | undefined;

  constructor(options: DemoOptions, io: DemoIo) {
    this.#options = options;
    this.#io = io;
    this.#requests = options.requests || defaultRequests;
    this.#screen = new Screen(io.output);
    this.#guard = startGuard();
  }

  async run(): Promise<number> {
    void this.#io.interrupted.then((reason) => this.#ending.end(this.#exitCodeAfter(reason)));
    const forgetKeys = this.#screen.live ? readKeys(this.#io.keys, (key) => this.#press(key)) : () => undefined;
    const played = this.#play().then(
      (exitCode) => ({ exitCode, words: "" }),
      (error: unknown) => ({ exitCode: 1, words: error instanceof Error ? error.message : String(error) }),
    );
    const { exitCode, words } = await Promise.race([this.#ending.reached, played]);
    forgetKeys();
    this.#ending.end(exitCode);
    this.#screen.release();
    if (words !== "") this.#io.complain(words);
    await this.#cleanUp(words !== "");
    return exitCode;
  }

  #press(key: string): void {
    if (key === "q") this.#ending.end(this.#exitCodeAfter("SIGINT"));
    else this.#playground?.press(key);
  }

  /** Who leaves before the comparison gets what a shell expects after a signal; who leaves the table did nothing wrong. */
  #exitCodeAfter(reason: string): number {
    if (this.#playground !== undefined) return 0;
    const numbers: Readonly<Record<string, number>> = constants.signals;
    return 128 + (numbers[reason] ?? constants.signals.SIGTERM);
  }

  async #play(): Promise<number> {
    const { seed, podCount, speed, envoyVersion } = this.#options;
    const say = (line: string) => this.#screen.say(line);
    const envoy = await findEnvoy({
      say,
      env: this.#io.env,
      signal: this.#ending.signal,
      ...(envoyVersion === "" ? {} : { version: envoyVersion }),
    });
    const [roundRobin, picker] = await this.#startFleets(envoy.path);
    const show = new Show({
      screen: this.#screen,
      colour: this.#screen.live && !this.#io.env["NO_COLOR"],
      title: `pointsman demo: Envoy ${envoy.version}, ${podCount} pods a fleet, seed ${seed}`,
      requests: this.#requests,
      ...{ seed, speed, roundRobin, picker },
      signal: this.#ending.signal,
    });
    say("Round robin first: the pods take turns.");
    const before = await show.send("roundRobin");
    if (this.#ending.signal.aborted) return 1;
    say("Now the same conversations to the same pods, fresh, behind pointsman.");
    const after = await show.send("picker");
    if (this.#ending.signal.aborted) return 1;
    this.#screen.release();
    const lines = writeComparison({ roundRobin: before, picker: after, envoyVersion: envoy.version, seed });
    say(`\n${lines.join("\n")}`);
    await this.#stopFleet(roundRobin);
    if (this.#options.requests > 0) return before.tally.failed + after.tally.failed === 0 ? 0 : 1;
    await this.#stay(show, picker);
    return 0;
  }

  async #startFleets(envoy: string): Promise<[Fleet, PickerFleet]> {
    const { seed, speed, podCount, port } = this.#options;
    this.#folder = await mkdtemp(join(tmpdir(), "pointsman-demo-"));
    const logPath = join(this.#folder, "picker.log");
    const begun = performance.now();
    this.#screen.say(`Fake pods: ${podCount} a fleet, each a ${demoHardware}, at ${speed} times its speed.`);
    this.#screen.say("Starting two such fleets, an Envoy for each, and the picker for one of them.");
    this.#screen.say(`The picker's log: ${logPath}`);
    const shared: Omit<FleetOptions, "port"> = {
      ...{ envoy, seed, speed, podCount, guard: this.#guard },
      onBreakdown: (words) => this.#ending.end(1, words),
    };
    const keep = <F extends Fleet>(fleet: F): F => {
      this.#fleets.push(fleet);
      return fleet;
    };
    const started = await Promise.allSettled([
      startRoundRobinFleet({ ...shared, port: 0 }).then(keep),
      startPickerFleet({ ...shared, port, logPath }).then(keep),
    ]);
    const [roundRobin, picker] = started;
    if (roundRobin.status === "rejected") throw roundRobin.reason;
    if (picker.status === "rejected") throw picker.reason;
    this.#screen.say(`Everything is up after ${((performance.now() - begun) / 1000).toFixed(1)} s.`);
    return [roundRobin.value, picker.value];
  }

  /** A little traffic, a table that lives, and keys to break things with, until somebody ends it. */
  async #stay(show: Show, fleet: PickerFleet): Promise<void> {
    const hasKeys = this.#io.keys.isTTY === true;
    this.#playground = new Playground({ fleet, screen: this.#screen, hasKeys, signal: this.#ending.signal });
    this.#playground.introduce();
    await show.keepGoing(this.#playground);
  }

  async #stopFleet(fleet: Fleet): Promise<void> {
    this.#fleets.splice(this.#fleets.indexOf(fleet), 1);
    await fleet.stop();
  }

  /** What is still on its way up when the end comes dies with the guard's pipe, as this process does next. */
  async #cleanUp(keepLog: boolean): Promise<void> {
    await Promise.all(this.#fleets.splice(0).map((fleet) => fleet.stop()));
    if (!keepLog && this.#folder !== "") await rm(this.#folder, { recursive: true, force: true });
  }
}
