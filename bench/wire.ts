/**
 * Server CPU per ext_proc stream, pointsman beside a do-nothing grpc-js server: `npm run bench -- [--write]`.
 * Servers take turns cell by cell and round by round, so that what else the machine does hits all of them alike.
 * See bench/README.md for how to read it.
 */
import { parseArgs } from "node:util";
import type { WireMode } from "./wire/messages.ts";
import { cpuMs, LoadClient, type ServerProcess, startNullServer, startPicker, startPods } from "./wire/processes.ts";
import { machine, markdownTable, median, spread, writeSection } from "./wire/results.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    sizes: { type: "string", default: "200,32000,400000" },
    modes: { type: "string", default: "buffered,duplex" },
    authority: { type: "string" },
    write: { type: "boolean", default: false },
  },
});

/** The picker that `--authority` is for. */
const NAMED = "named";
const PODS = 4;
const CONNECTIONS = 2;
const CONCURRENCY = 16;
const durationMs = Number(flags.seconds) * 1000;
const rounds = Number(flags.rounds);

interface Cell {
  readonly mode: WireMode;
  readonly bodyBytes: number;
}
interface Figures {
  readonly cpuUs: number[];
  readonly perSecond: number[];
}

const cells: Cell[] = flags.modes
  .split(",")
  .flatMap((mode) => flags.sizes.split(",").map((size) => ({ mode: mode as WireMode, bodyBytes: Number(size) })));

async function measure(client: LoadClient, server: ServerProcess, cell: Cell, figures: Figures): Promise<void> {
  const before = cpuMs(server.pid);
  const isNamed = flags.authority !== undefined && server.name === NAMED;
  const named = isNamed ? { authority: flags.authority } : {};
  const load = { ...cell, ...named, port: server.port, connections: CONNECTIONS, concurrency: CONCURRENCY, durationMs };
  const { streams, failures, elapsedMs } = await client.run(load);
  const spent = cpuMs(server.pid) - before;
  if (failures > 0) throw new Error(`${server.name}: ${failures} of ${streams} streams failed`);
  figures.cpuUs.push((spent * 1000) / streams);
  figures.perSecond.push((streams * 1000) / elapsedMs);
}

/** Each picker's median beside the yardstick's, which is the last server. */
function table(servers: readonly ServerProcess[], figures: ReadonlyMap<string, Figures>): string {
  const pickers = servers.slice(0, -1);
  const yardstick = servers.at(-1) as ServerProcess;
  const of = (server: ServerProcess, cell: Cell) => figures.get(keyOf(server, cell)) ?? { cpuUs: [], perSecond: [] };
  const rows = cells.map((cell) => {
    const floor = median(of(yardstick, cell).cpuUs);
    const ratios = pickers.map((picker) => (median(of(picker, cell).cpuUs) / floor).toFixed(2));
    const rates = servers.map((server) => Math.round(median(of(server, cell).perSecond)).toString());
    return [
      cell.mode,
      `${cell.bodyBytes}`,
      ...servers.map((server) => spread(of(server, cell).cpuUs)),
      ...ratios,
      ...rates,
    ];
  });
  const head = [
    ...servers.map((server) => `${server.name}, CPU µs`),
    ...pickers.map((picker) => `${picker.name} / ${yardstick.name}`),
    ...servers.map((server) => `${server.name}, streams/s`),
  ];
  return markdownTable(["mode", "body bytes", ...head], rows);
}

const keyOf = (server: ServerProcess, cell: Cell) => `${server.name} ${cell.mode} ${cell.bodyBytes}`;

const pods = await startPods(PODS);
const direct = (name: string) => startPicker(name, pods, ["--transport=direct"]);
// The null server would reset what names a cluster.
const servers = await Promise.all(
  flags.authority === undefined
    ? [direct("direct"), startPicker("plain", pods, ["--transport=plain"]), startNullServer("null server", pods)]
    : [direct(NAMED), direct("direct")],
);
const client = new LoadClient();
const figures = new Map<string, Figures>();
try {
  // Round 0 warms every server up in every cell; what it shows is thrown away.
  for (let round = 0; round <= rounds; round++) {
    for (const cell of cells) {
      for (const server of servers) {
        const key = keyOf(server, cell);
        const kept = figures.get(key) ?? { cpuUs: [], perSecond: [] };
        if (round > 0) figures.set(key, kept);
        await measure(client, server, cell, kept);
        if (round === 0) kept.cpuUs.length = kept.perSecond.length = 0;
      }
    }
    if (process.stderr.isTTY) process.stderr.write(`round ${round} of ${rounds}\n`);
  }
} finally {
  client.stop();
  for (const server of servers) server.stop();
}
const shape = `${CONCURRENCY} streams at once over ${CONNECTIONS} connections, ${rounds} rounds of ${flags.seconds} s, median (min-max)`;
const report = `${machine()}; ${shape}.\n\n${table(servers, figures)}`;
console.log(report);
if (flags.write) writeSection("wire", report);
