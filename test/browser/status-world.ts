/** What the status page is looked at with: a picker, pods that say what they are told to, requests, and a browser. */
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { connectExtProc, type ExtProcClient, type ProcessStream } from "../../src/ext-proc/client.ts";
import * as envoy from "../support/envoy-messages.ts";
import { PickerProcess } from "../support/picker-process.ts";

export interface MeteredPod {
  readonly name: string;
  readonly address: string;
  readonly metrics: { waiting: number; running: number; kvUsage: number };
  stop(): void;
}

/** Serves nothing but its metrics and a list of one model. */
export async function startMeteredPod(name: string, model = "m"): Promise<MeteredPod> {
  const metrics = { waiting: 0, running: 0, kvUsage: 0 };
  const server = http.createServer(({ url }, response) => {
    if (url === "/v1/models")
      return response.end(JSON.stringify({ object: "list", data: [{ id: model, object: "model" }] }));
    const { waiting, running, kvUsage } = metrics;
    const lines = [
      `num_requests_waiting ${waiting}`,
      `num_requests_running ${running}`,
      `kv_cache_usage_perc ${kvUsage}`,
    ];
    return response.end(lines.map((line) => `vllm:${line}\n`).join(""));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { name, address, metrics, stop };
}

/** A picker on known ports, so that another may take its place. */
export class StatusWorld {
  readonly pods: readonly MeteredPod[];
  readonly #flags: readonly string[];
  #picker: PickerProcess | undefined;
  #client: ExtProcClient | undefined;
  #open: ProcessStream[] = [];
  #adminPort = 0;

  private constructor(pods: readonly MeteredPod[], flags: readonly string[]) {
    this.pods = pods;
    this.#flags = flags;
  }

  static async start(pods: readonly MeteredPod[], flags: readonly string[] = []): Promise<StatusWorld> {
    const world = new StatusWorld(pods, flags);
    await world.startPicker();
    return world;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#adminPort}/`;
  }

  get picker(): PickerProcess {
    if (this.#picker === undefined) throw new Error("the picker does not run");
    return this.#picker;
  }

  async startPicker(): Promise<void> {
    const pods = this.pods.map(({ name, address }) => `${name}=${address}`).join(",");
    const ports = ["--grpc-port=0", "--grpc-health-port=0", "--metrics-port=0", `--admin-port=${this.#adminPort}`];
    const own = ["--bind-address=127.0.0.1", "--drain-delay=0s", "--refresh-metrics-interval=50ms", `--pods=${pods}`];
    const picker = await new PickerProcess([...own, ...ports, ...this.#flags]).ready();
    const line = await picker.line(({ service }) => service === "admin");
    this.#adminPort = Number(line["port"]);
    this.#picker = picker;
    this.#client = connectExtProc({ address: picker.address });
    await this.#client.ready(20_000);
    await picker.metricBecomesAtLeast("pointsman_scrapes_total", this.pods.length * 2);
  }

  async killPicker(): Promise<void> {
    this.#open = [];
    this.#client?.close();
    await this.#picker?.kill();
    this.#picker = undefined;
  }

  /** One request; its stream stays open where it is to be in flight. */
  async pick(prompt: string, { model = "m", stays = false }: { model?: string; stays?: boolean } = {}): Promise<void> {
    const stream = this.#client?.process();
    if (stream === undefined) throw new Error("the picker does not run");
    const body = envoy.chatBody(prompt, model);
    stream.send(envoy.requestHeaders({ contentLength: body.length, responseMode: stays ? "STREAMED" : "NONE" }));
    await stream.reply();
    stream.send(envoy.requestBody(body));
    await stream.reply();
    if (stays) {
      this.#open.push(stream);
      return;
    }
    stream.halfClose();
    await stream.ended;
  }

  async json<T>(path: string): Promise<T> {
    return (await (await fetch(this.url + path)).json()) as T;
  }

  async stop(): Promise<void> {
    for (const stream of this.#open) stream.cancel();
    await this.killPicker();
    for (const pod of this.pods) pod.stop();
  }
}

/** A page of its own, with what it complained of and whom it asked. */
export interface Look {
  readonly page: Page;
  readonly complaints: string[];
  readonly asked: string[];
}

export async function lookAt(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Look> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  const [complaints, asked]: [string[], string[]] = [[], []];
  page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(url);
  await page.locator("#health:not([data-level=wait])").waitFor();
  return { page, complaints, asked };
}
