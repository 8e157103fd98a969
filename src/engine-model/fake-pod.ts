/** A pod look-alike: the engine model in real time behind vLLM's HTTP API, with switches that make it fail. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { methodNotAllowed, notFound } from "./api-errors.ts";
import { RealClock } from "./clock.ts";
import { Engine } from "./engine.ts";
import type { EngineOptions } from "./engine-profile.ts";
import { HttpMetrics } from "./http-metrics.ts";
import { type PodLife, routes, sendError, sendJson } from "./pod-routes.ts";
import { readJsonObject } from "./read-call.ts";
import { defaultSwitches, readSwitchPatch, type Switches } from "./switches.ts";

export interface FakePodOptions {
  /** Value of the x-fake-pod header; the address when left out. */
  readonly name?: string;
  readonly host?: string;
  /** 0 takes a free port, which revive() uses again. */
  readonly port?: number;
  readonly model?: string;
  readonly maxModelLen?: number;
  /** Model seconds per wall second. Metrics stay in model seconds. */
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
  stop(): Promise<void>;
}

export async function startFakePod(options: FakePodOptions = {}): Promise<FakePod> {
  const pod = new HttpPod(options);
  await pod.revive();
  return pod;
}

/** A port that was just closed may for a moment serve as the local end of somebody else's connection. */
const reviveAttempts = 100;
const reviveRetryMs = 20;

class HttpPod implements FakePod {
  readonly switches = defaultSwitches();
  readonly #options: FakePodOptions;
  readonly #host: string;
  #port: number;
  #life: PodLife;
  #clock: RealClock;
  #server: Server | null = null;
  #reviveTimer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(options: FakePodOptions) {
    this.#options = options;
    this.#host = options.host ?? "127.0.0.1";
    this.#port = options.port ?? 0;
    this.#clock = new RealClock(options.speed);
    this.#life = this.#newLife();
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
        if (!inUse || attempt >= reviveAttempts) throw error;
        await new Promise((resolve) => setTimeout(resolve, reviveRetryMs));
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRevival();
    await this.kill();
  }

  async #listen(): Promise<void> {
    const server = createServer((request, answer) => this.#receive(request, answer));
    // Idle connections are the proxy's to close: a pod that closes first races with its next request.
    server.keepAliveTimeout = 0;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, this.#host, resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#clock = new RealClock(this.#options.speed);
    this.#life = this.#newLife();
    this.#server = server;
  }

  #newLife(): PodLife {
    const { seed = 0, model = "fake-model", maxModelLen = 32_768, answerTokens = [32, 256] } = this.#options;
    const engine = new Engine(this.#clock, { seed, ...this.#options.engine });
    const capacity = engine.kvBlocks * engine.options.blockTokens;
    if (maxModelLen > capacity) throw new RangeError(`maxModelLen ${maxModelLen} is above the KV capacity ${capacity}`);
    const [shortest, longest] = answerTokens;
    if (!(shortest >= 1 && longest >= shortest)) throw new RangeError("answerTokens must be [shortest >= 1, longest]");
    return {
      engine,
      model,
      seed,
      answerTokens,
      maxModelLen,
      startedSeconds: Date.now() / 1000,
      switches: this.switches,
      http: new HttpMetrics(),
      calls: 0,
      openCalls: 0,
    };
  }

  #receive(request: IncomingMessage, answer: ServerResponse): void {
    answer.setHeader("server", "fake-pod");
    answer.setHeader("vary", "Origin");
    answer.setHeader("x-fake-pod", this.name);
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    // The whole body first, also for a refusal: a client that is still sending would not read it.
    request.once("end", () => {
      const body = Buffer.concat(chunks);
      if (path === "/fake/switches") this.#answerSwitches(request.method, body.toString(), answer);
      else if (!this.switches.hang) this.#answerRoute(path, request, body, answer);
    });
    // A client that leaves half-way has nothing to be told.
    request.once("error", () => answer.destroy());
  }

  #answerRoute(path: string, request: IncomingMessage, body: Buffer, answer: ServerResponse): void {
    const life = this.#life;
    const route = routes.get(path);
    const method = request.method ?? "GET";
    const startedMs = performance.now();
    answer.once("close", () => {
      life.http.count({
        route: route === undefined ? "none" : path,
        method,
        status: answer.statusCode,
        requestBytes: Number(request.headers["content-length"] ?? 0),
        responseBytes: Number(answer.getHeader("content-length") ?? 0),
        seconds: (performance.now() - startedMs) / 1000,
      });
    });
    if (route === undefined) sendError(answer, notFound);
    else if (route.method !== method) sendError(answer, methodNotAllowed(route.method));
    else route.answer(life, body.toString(), answer);
  }

  #answerSwitches(method: string | undefined, body: string, answer: ServerResponse): void {
    if (method === "GET") return sendJson(answer, 200, this.switches);
    if (method !== "POST") return sendError(answer, methodNotAllowed("GET, POST"));
    const parsed = readJsonObject(body);
    if ("error" in parsed) return sendError(answer, parsed.error);
    const patch = readSwitchPatch(parsed.value);
    if ("faults" in patch) return sendJson(answer, 400, { error: { message: patch.faults.join("; ") } });
    Object.assign(this.switches, patch.switches);
    if (patch.refuse) {
      // The answer leaves before the pod dies.
      answer.setHeader("connection", "close");
      answer.once("close", () => void this.#die(patch.reviveAfterMs));
    }
    sendJson(answer, 200, { ...this.switches, refuse: patch.refuse });
  }

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
