/** After the comparison: addresses to try, and keys that kill and revive fake pods while the picker's view is watched. */
import { request } from "undici";
import type { FakePod } from "../engine-model/fake-pod.ts";
import { demoModel, type PickerFleet } from "./fleet.ts";
import type { Screen } from "./screen.ts";

export interface PlaygroundOptions {
  readonly fleet: PickerFleet;
  readonly screen: Screen;
  /** Whether single keys arrive. */
  readonly hasKeys: boolean;
  readonly signal: AbortSignal;
}

const watchMs = 100;

/** A pod that was killed and of which the picker has not noticed it yet. */
interface Death {
  readonly pod: FakePod;
  readonly atMs: number;
}

export class Playground {
  readonly #options: PlaygroundOptions;
  /** By pod name, as the picker sees it. */
  #reachable = new Map<string, boolean>();
  #unnoticed: Death[] = [];
  #watching: NodeJS.Timeout | undefined;

  constructor(options: PlaygroundOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => clearTimeout(this.#watching));
    this.#watch();
  }

  introduce(): void {
    const { fleet, screen } = this.#options;
    const { metricsPort, adminPort } = fleet.picker;
    screen.say(
      [
        "",
        "It stays up for you. The answer's header x-fake-pod names the pod:",
        "",
        `  curl -iN http://127.0.0.1:${fleet.port}/v1/chat/completions \\`,
        `    -H 'content-type: application/json' -d '{"model":"${demoModel}","stream":true,`,
        `    "messages":[{"role":"user","content":"Which pod am I on?"}]}'`,
        "",
        `  picker's metrics   http://127.0.0.1:${metricsPort}/metrics`,
        `  picker's status    http://127.0.0.1:${adminPort}/`,
        `  its last picks     http://127.0.0.1:${adminPort}/debug/decisions`,
        `  Envoy's admin page http://127.0.0.1:${fleet.envoy.adminPort}/`,
        ...(screen.live ? [] : ["", "Ctrl-C ends everything."]),
      ].join("\n"),
    );
  }

  footer(): string[] {
    return [this.#options.hasKeys ? "keys: k kill a pod, r revive it, q end everything" : "Ctrl-C ends everything"];
  }

  /** What a pod is, and what the picker makes of it: at most eight characters. */
  stateOf(name: string): string {
    const pod = this.#options.fleet.pods.find((each) => each.name === name);
    const reachable = this.#reachable.get(name) ?? true;
    if (pod?.alive === true) return reachable ? "up" : "back";
    return reachable ? "dead" : "avoided";
  }

  press(key: string): void {
    if (key === "k") this.#killOne();
    if (key === "r") this.#reviveAll();
  }

  #killOne(): void {
    const { fleet, screen } = this.#options;
    const alive = fleet.pods.filter((pod) => pod.alive);
    const [busiest, other] = alive.toSorted((a, b) => b.engine.metrics.running - a.engine.metrics.running);
    if (busiest === undefined || other === undefined) {
      screen.say("The last pod stays: press r first.");
      return;
    }
    const { running, waiting } = busiest.engine.metrics;
    this.#unnoticed.push({ pod: busiest, atMs: performance.now() });
    screen.say(`${busiest.name} killed; requests lost with it: ${running + waiting}.`);
    busiest.kill().catch(() => undefined);
  }

  #reviveAll(): void {
    const { fleet, screen } = this.#options;
    const dead = fleet.pods.filter((pod) => !pod.alive);
    if (dead.length === 0) screen.say("All pods are alive: press k first.");
    this.#unnoticed = [];
    for (const pod of dead) {
      pod.revive().then(
        () => screen.say(`${pod.name} is back, with an empty cache.`),
        (error: unknown) => screen.say(`${pod.name} did not come back: ${String(error)}`),
      );
    }
  }

  /** Asks the picker again and again; one that does not answer is Envoy's and the log's to tell about. */
  #watch(): void {
    const { fleet, signal } = this.#options;
    const look = async () => {
      const { body } = await request(`http://127.0.0.1:${fleet.picker.adminPort}/debug/pods`, { signal });
      const pods = (await body.json()) as readonly { readonly name: string; readonly reachable: boolean }[];
      this.#reachable = new Map(pods.map(({ name, reachable }) => [name, reachable]));
      this.#tellNoticed();
    };
    const again = () => {
      if (!signal.aborted) this.#watching = setTimeout(() => this.#watch(), watchMs);
    };
    look().then(again, again);
  }

  #tellNoticed(): void {
    const noticed = this.#unnoticed.filter(({ pod }) => this.#reachable.get(pod.name) === false);
    this.#unnoticed = this.#unnoticed.filter((death) => !noticed.includes(death));
    for (const { pod, atMs } of noticed) {
      const after = ((performance.now() - atMs) / 1000).toFixed(1);
      this.#options.screen.say(`The picker noticed within ${after} s and sends nothing to ${pod.name}.`);
    }
  }
}
