/** A pod look-alike: the engine model in real time behind vLLM's HTTP API, to be killed, revived and made to fail. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { RealClock } from "./clock.ts";
import { Engine } from "./engine.ts";
import type { EngineOptions } from "./engine-profile.ts";
import { HttpMetrics } from "./http-metrics.ts";
import type { PodLife } from "./pod-routes.ts";
import { createPodServer } from "./pod-server.ts";
import { defaultSwitches, type Switches } from "./switches.ts";

export interface FakePodOptions {
  /** Value of the x-fake-pod header; the address when left out. */
  readonly name?: string;
  readonly host?: string;
  /** 0 takes a free port, which revive() uses again. */
  readonly port?: number;
  readonly model?: string;
  readonly maxModelLen?: number;
  /** Model seconds per wall second. The engine's metrics stay in model seconds. */
  readonly speed?: number;
  /** Pods of one seed give one prompt the same answer. */
  readonly seed?: number;
  /** Shortest and longest answer when max_tokens does not end it earlier. */
  readonly answerTokens?: readonly [shortest: number, longest: number];
  /** Hardware profile, block size, KV tokens, constant API seconds and limits of the engine. */
  readonly engine?: Partial<EngineOptions>;
}

export interface FakePod {
  readonly name: string;
  /** host:port, the same after revive(). */
  readonly address: string;
  /** The engine of the pod's present life. */
  readonly engine: Engine;
  readonly switches: Switches;
  /** False from kill() to revive(). */
  readonly alive: boolean;
  /** Closes the port and cuts every connection, as a crash does. */
  kill(): Promise<void>;
  /** A fresh process on the same port: cold cache, counters at zero, switches as they were. */
  revive(): Promise<void>;
  /** For good. */
  stop(): Promise<void>;
}

/** Resolves when the port is open; rejects when it is taken or the options contradict each other. */
export async function startFakePod(options: FakePodOptions = {}): Promise<FakePod> {
  const pod = new HttpPod(options);
  await pod.revive();
  return pod;
}

/** A port just closed may for a moment be the local end of somebody else's connection: keep trying for two seconds. */
const listenAttempts = 100;
const listenRetryMs = 20;

class HttpPod implements FakePod {
  readonly switches = defaultSwitches();
  readonly #options: FakePodOptions;
  readonly #host: string;
  #port: number;
  #clock: RealClock;
  #life: PodLife;
  #server: Server | null = null;
  #reviveTimer: NodeJS.Timeout | null = null;
  /** It had its port before. */
  #lived = false;
  #stopped = false;

  constructor(options: FakePodOptions) {
    this.#options = options;
    this.#host = options.host ?? "127.0.0.1";
    this.#port = options.port ?? 0;
    this.#clock = new RealClock(options.speed);
    this.#life = newLife(options, this.#clock, this.switches);
  }

  get name(): string {
    return this.#options.name ?? this.address;
  }

  get address(): string {
    return `${this.#host.includes(":") ? `[${this.#host}]` : this.#host}:${this.#port}`;
  }

  get engine(): Engine {
    return this.#life.engine;
  }

  get alive(): boolean {
    return this.#server !== null;
  }

  async kill(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    this.#clock.stop();
    const closed = new Promise((resolve) => server.once("close", resolve));
    server.close();
    server.closeAllConnections();
    await closed;
  }

  async revive(): Promise<void> {
    this.#cancelRevival();
    for (let attempt = 1; this.#server === null && !this.#stopped; attempt++) {
      try {
        await this.#listen();
      } catch (error) {
        const inUse = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
        if (!inUse || !this.#lived || attempt === listenAttempts) throw error;
        await new Promise((resolve) => setTimeout(resolve, listenRetryMs));
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRevival();
    await this.kill();
  }

  /** The new life replaces the old one only when the port is open. */
  async #listen(): Promise<void> {
    const clock = new RealClock(this.#options.speed);
    const life = newLife(this.#options, clock, this.switches);
    const server = createPodServer({
      name: () => this.name,
      life,
      onRefuse: (reviveAfterMs) => void this.#die(reviveAfterMs),
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, this.#host, resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#clock = clock;
    this.#life = life;
    this.#server = server;
    this.#lived = true;
    // stop() may have come in between.
    if (this.#stopped) await this.kill();
  }

  /** Asked for over HTTP, so there is no caller to report to. */
  async #die(reviveAfterMs: number | null): Promise<void> {
    await this.kill();
    if (reviveAfterMs === null || this.#stopped) return;
    // A port that stays taken leaves the pod dead, which is what it looks like from outside.
    this.#reviveTimer = setTimeout(() => void this.revive().catch(() => undefined), reviveAfterMs);
  }

  #cancelRevival(): void {
    if (this.#reviveTimer !== null) clearTimeout(this.#reviveTimer);
    this.#reviveTimer = null;
  }
}

/** Throws on options that contradict each other. */
function newLife(options: FakePodOptions, clock: RealClock, switches: Switches): PodLife {
  const { seed = 0, model = "fake-model", maxModelLen = 32_768, answerTokens = [32, 256] } = options;
  const engine = new Engine(clock, { seed, ...options.engine });
  const capacity = engine.kvBlocks * engine.options.blockTokens;
  if (maxModelLen > capacity) throw new RangeError(`maxModelLen ${maxModelLen} is above the KV capacity ${capacity}`);
  const [shortest, longest] = answerTokens;
  if (!(shortest >= 1 && longest >= shortest)) throw new RangeError("answerTokens must be [shortest >= 1, longest]");
  const startedSeconds = Date.now() / 1000;
  const http = new HttpMetrics();
  return { engine, model, seed, answerTokens, maxModelLen, startedSeconds, switches, http, calls: 0, openCalls: 0 };
}
