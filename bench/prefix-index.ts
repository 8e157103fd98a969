/**
 * What the prefix index takes of memory and of time: `node bench/prefix-index.ts [--write]`. See bench/README.md.
 * A run of unique prompts over full pods shows that memory is bounded; lookups are timed beside a map of sets.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type LookupFigures, lookupFigures } from "./prefix/lookups.ts";
import type { MemoryFigures, MemoryOrder } from "./prefix/memory.ts";
import { machine, markdownTable, writeSection } from "./wire/results.ts";

const { values: flags } = parseArgs({
  options: {
    prompts: { type: "string", default: "7200" },
    bytes: { type: "string", default: "400000" },
    pods: { type: "string", default: "100" },
    blocks: { type: "string", default: "4000" },
    write: { type: "boolean", default: false },
  },
});
const pods = Number(flags.pods);
const blocks = Number(flags.blocks);
const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(0);

/** In a process of its own, so that its memory is that of this run. */
async function memoryFigures(blockTokens: number): Promise<MemoryFigures> {
  const child = fork(fileURLToPath(new URL("prefix/memory.ts", import.meta.url)));
  const order: MemoryOrder = { blockTokens, pods, prompts: Number(flags.prompts), promptBytes: Number(flags.bytes) };
  child.send(order);
  const [answer] = await Promise.race([once(child, "message"), once(child, "exit").then(() => [undefined])]);
  if (answer === undefined) throw new Error("a process of the bench ended early");
  return answer as MemoryFigures;
}

function memoryRow(blockTokens: number, figures: MemoryFigures): string[] {
  const { warmBytes, mostBytes, lastBytes, usedBytes, limitBytes, entries, evictions, microsPerPrompt } = figures;
  const growth = (100 * (mostBytes - warmBytes)) / warmBytes;
  return [
    `${blockTokens}`,
    mib(warmBytes),
    mib(mostBytes),
    mib(lastBytes),
    `${growth.toFixed(1)} %`,
    `${mib(usedBytes)} of ${mib(limitBytes)}`,
    `${entries}`,
    `${evictions}`,
    microsPerPrompt.toFixed(0),
  ];
}

function lookupRow({ name, micros, garbageBytes, rivalMicros, rivalGarbageBytes }: LookupFigures): string[] {
  const cell = (value: number) => (value < 10 ? value.toFixed(2) : value.toFixed(0));
  return [name, cell(micros), garbageBytes.toFixed(0), cell(rivalMicros), rivalGarbageBytes.toFixed(0)];
}

const memoryHead = [
  "block tokens",
  "RSS MiB, warm",
  "most",
  "last",
  "growth",
  "index MiB, used of limit",
  "blocks held",
  "evicted",
  "CPU µs per prompt",
];
const lookupHead = ["the pods hold", "lookup µs", "garbage bytes", "map of sets, µs", "its garbage bytes"];
const memoryRows: string[][] = [];
for (const blockTokens of [16, 64, 256]) memoryRows.push(memoryRow(blockTokens, await memoryFigures(blockTokens)));
const lookups = lookupFigures(pods, blocks);
const text = [
  `${machine()}; ${flags.prompts} unique prompts of ${flags.bytes} bytes over ${flags.pods} pods of 400,000 tokens:`,
  "",
  markdownTable(memoryHead, memoryRows),
  "",
  `Lookups of a prompt of ${flags.blocks} blocks on ${flags.pods} pods, median of the rounds:`,
  "",
  markdownTable(lookupHead, lookups.map(lookupRow)),
].join("\n");
console.log(text);
if (flags.write) writeSection("prefix-index", text);
