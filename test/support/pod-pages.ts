/** Servers of a test that play pods, however badly, and a scraper that asks them in real time. */
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { type Pod, PodTable } from "../../src/pods/pod-table.ts";
import type { ModelList } from "../../src/pods/served-models.ts";
import { inlineScrapes } from "../../src/scrape/inline-scrapes.ts";
import { type GivenScrapeOptions, type ScrapeOutcome, Scraper, scrapeOptions } from "../../src/scrape/scraper.ts";

export interface PlayedPod {
  readonly address: string;
  readonly server: Server;
  /** How many connections it has seen. */
  connections(): number;
}

/** Everything opened for a test, to be closed in any order after it. */
export class PodPages {
  readonly #closers: (() => Promise<unknown>)[] = [];

  async close(): Promise<void> {
    await Promise.all(this.#closers.splice(0).map((close) => close()));
  }

  http(answer: RequestListener, port = 0): Promise<PlayedPod> {
    return this.#listen(createServer(answer), port);
  }

  https(tls: { key: Buffer; cert: Buffer }, answer: RequestListener): Promise<PlayedPod> {
    return this.#listen(createTlsServer(tls, answer), 0);
  }

  /** Answers every request with these bytes, then does what else it is told to. */
  raw(answer: string | Buffer, then: (socket: Socket) => void = (socket) => socket.end()): Promise<PlayedPod> {
    const server = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", () => socket.write(answer, () => then(socket)));
    });
    return this.#listen(server, 0);
  }

  /** A scraper over a table with one pod per address; in this thread and without models, unless told otherwise. */
  scrape(addresses: readonly string[], given: GivenScrapeOptions = {}, inThread = false) {
    const table = new PodTable();
    const { joined } = table.reconcile(addresses.map((address, i) => ({ name: `pod-${i}`, address })));
    const reports: { readonly name: string; readonly outcome: ScrapeOutcome; readonly load: number }[] = [];
    const models = new Map<string, ModelList>();
    const restarts: string[] = [];
    const problems: string[] = [];
    const scraper = new Scraper({
      table,
      events: {
        scraped: ({ name }, outcome, _seconds, load) => reports.push({ name, outcome, load }),
        overtaken: () => {},
        models: ({ name }, list) => models.set(name, list),
        restarted: ({ name }) => restarts.push(name),
        workerFailed: (problem) => problems.push(problem),
      },
      now: () => performance.now(),
      random: () => 0.5,
      ...(inThread ? {} : { startWork: inlineScrapes() }),
    });
    const options = scrapeOptions({ intervalMs: 50, timeoutMs: 5000, modelsPath: "", ...given });
    this.#closers.push(() => scraper.stop());
    scraper.watch(joined, options);
    const outcomesOf = (name: string) => reports.filter((report) => report.name === name).map(({ outcome }) => outcome);
    return { table, scraper, reports, models, restarts, problems, options, outcomesOf, pod: joined[0] as Pod };
  }

  async #listen(server: Server, port: number): Promise<PlayedPod> {
    const open = new Set<Socket>();
    let connections = 0;
    server.on("connection", (socket: Socket) => {
      connections++;
      open.add(socket);
      socket.once("close", () => open.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    this.#closers.push(() => closeServer(server, open));
    servers.set(server, open);
    const { port: bound } = server.address() as AddressInfo;
    return { address: `127.0.0.1:${bound}`, server, connections: () => connections };
  }
}

const servers = new WeakMap<Server, ReadonlySet<Socket>>();

/** As a killed process does it: the port is free afterwards. */
export function killServer({ server }: PlayedPod): Promise<void> {
  return closeServer(server, servers.get(server) ?? new Set());
}

async function closeServer(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of open) socket.destroy();
  await closed;
}
