/** The generated tables of deploy/sizing.md: the figures of its formula, and what comes of them for some loads. */
import * as sizing from "../../deploy/sizing.ts";
import { serveOptions } from "../../src/config/options.ts";
import { code, table } from "./markdown.ts";

export const mib = (bytes: number) => bytes / 2 ** 20;
const indexMib = mib(serveOptions.prefixIndexLimitBytes.default);

const wire = "npm run bench -- --write";
const soak = "npm run soak -- --write";
const own = "node bootstrap.mjs --exec bench/sizing.ts --write";
const index = "node bootstrap.mjs --exec bench/prefix-index.ts --write";
const scrape = "node bootstrap.mjs --exec bench/scrape.ts --write";

function figuresTable(): string {
  const perRequest = Object.entries(sizing.requestMicros).flatMap(([mode, points]) =>
    points.map(([bytes, micros]) => [`a request of ${bytes} bytes, ${mode}`, `${micros} µs of CPU`, code(wire)]),
  );
  return table(
    ["What", "Takes", "Measured by"],
    [
      ...perRequest,
      [`of that, what Envoy adds`, `${sizing.envoyMicros} µs`, code(soak)],
      ["on top, 1000 bytes of a prompt like no other", `${sizing.uniqueByteMicros * 1000} µs of CPU`, code(index)],
      ["a piece of an answer (duplex)", `${sizing.pieceMicros} µs of CPU`, code(own)],
      ["a pod's metrics, 65 KB a second", `${sizing.scrapeCoresPerPod} cores`, code(scrape)],
      ["the program", `${sizing.programMib} MiB`, code(own)],
      ["an open request", `${sizing.openRequestKib} KiB`, code(own)],
    ],
  );
}

type Row = readonly [requests: number, prompt: number, answer: number, seconds: number, pods: number];

const rows: readonly Row[] = [
  [10, 1000, 200, 5, 4],
  [100, 2000, 300, 10, 20],
  [500, 2000, 300, 10, 100],
  [1000, 8000, 500, 15, 200],
  [100, 100_000, 500, 30, 100],
];

function loadsTable(): string {
  const cells = rows.flatMap(([requestsPerSecond, promptTokens, answerTokens, answerSeconds, pods]) =>
    (["buffered", "duplex"] as const).map((mode) => {
      const load = { requestsPerSecond, promptTokens, answerTokens, answerSeconds, pods, mode };
      const { cores, pickers, openRequests, memoryMib } = sizing.sizeFor(load, indexMib);
      const unique = sizing.sizeFor({ ...load, unique: true }, indexMib);
      const given = [requestsPerSecond, promptTokens, answerTokens, answerSeconds, pods].map(String);
      return [
        ...given,
        mode,
        cores.toFixed(2),
        `${pickers}`,
        unique.cores.toFixed(2),
        `${unique.pickers}`,
        `${openRequests}`,
        `${Math.ceil(memoryMib)} MiB`,
      ];
    }),
  );
  const given = ["Requests/s", "Prompt, tokens", "Answer, tokens", "Answer, s", "Pods", "Mode"];
  return table(
    [
      ...given,
      "Cores, all pickers",
      "Pickers",
      "Cores, unique prompts",
      "Pickers",
      "Open requests, each",
      "Memory, each",
    ],
    cells,
  );
}

export const sizingTables: Readonly<Record<string, () => string>> = {
  "sizing-figures": figuresTable,
  "sizing-loads": loadsTable,
};
