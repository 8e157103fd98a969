/**
 * What it costs a pick that it can be explained later: `node bench/explain.ts`. Whole streams (decoding, reading the
 * body, matching, scoring, answering, learning) run without sockets, on pickers that differ in their trace alone: one
 * keeps each decision with its numbers, one keeps the decision and no numbers, one keeps a decision log of every request
 * beside the numbers. Turns alternate; CPU time of this process, median of the rounds with the least and the most.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DecisionRing } from "../src/explain/decision-ring.ts";
import { decodeMessage } from "../src/ext-proc/decode-message.ts";
import { headerMap, protoMethods } from "../src/ext-proc/messages.ts";
import { Stream } from "../src/ext-proc/stream.ts";
import { DecisionTrace } from "../src/observe/decision-trace.ts";
import { bodylessRequest } from "../src/request/inference-request.ts";
import { noHints } from "../src/routing/choose-pool.ts";
import { PickerInHand } from "../test/support/picker-in-hand.ts";
import { Random } from "../test/support/random.ts";
import { machine, markdownTable, median, spread, writeSection } from "./wire/results.ts";

const ROUNDS = 15;
const STREAMS = 6_000;
const POD_COUNTS = [16, 200];
const PROMPT_BYTES = 2_000;
const BODIES = 64;

const { requestSerialize } = protoMethods().process;

/** Keeps decisions as the ring does, and none of their numbers. */
class BareTrace extends DecisionTrace {
  override add(...[atMs, decision, elapsedMs, shadow]: Parameters<DecisionTrace["add"]>): number {
    return super.add(atMs, decision, elapsedMs, shadow);
  }
}

const kinds = ["no numbers", "numbers", "decision log"] as const;
type Kind = (typeof kinds)[number];

const config = "pools: [{ name: default, pods: { static: [10.0.0.1:8000] } }]";
const folder = mkdtempSync(join(tmpdir(), "pointsman-bench-"));

function pickerOf(kind: Kind, pods: number): PickerInHand {
  const specs = Array.from({ length: pods }, (_, i) => ({
    name: `pod-${i}`,
    address: `10.0.${i >> 8}.${i & 255}:8000`,
  }));
  const picker = new PickerInHand(config, specs, {
    ...(kind === "no numbers" && { trace: (parts) => new BareTrace(256, parts) }),
    ...(kind === "decision log" && { decisionLog: join(folder, `${pods}.jsonl`) }),
  });
  picker.shuffle(new Random(3));
  for (const column of [picker.table.reachable, picker.table.admission]) column.fill(1);
  picker.table.setAside.fill(0);
  return picker;
}

const headers = decodable({
  request_headers: {
    headers: headerMap({
      ":method": "POST",
      ":path": "/v1/chat/completions",
      "x-request-id": "r",
      "content-length": "2100",
    }),
  },
  protocol_config: { request_body_mode: "BUFFERED", response_body_mode: "NONE" },
});
const bodies = Array.from({ length: BODIES }, (_, i) => {
  const content = `${"a shared system prompt, ".repeat(PROMPT_BYTES / 24)}${i}`;
  const body = Buffer.from(JSON.stringify({ model: "m", messages: [{ role: "user", content }] }));
  return decodable({ request_body: { body, end_of_stream: true } });
});

function decodable(message: Parameters<typeof requestSerialize>[0]): Buffer {
  return requestSerialize(message);
}

const port = { send: () => {}, end: () => {}, peer: () => "bench" };

/** CPU microseconds of one stream. */
function run({ host }: PickerInHand): number {
  const before = process.cpuUsage();
  for (let i = 0; i < STREAMS; i++) {
    const stream = new Stream(port, host);
    stream.on(decodeMessage(headers));
    stream.on(decodeMessage(bodies[i % BODIES] ?? headers));
    stream.onHalfClose();
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / STREAMS;
}

/** CPU microseconds of keeping one decision's numbers, and nothing else; the least of the rounds. */
function copyMicros({ host, table }: PickerInHand): number {
  const ring = new DecisionRing(table, 256);
  const decision = host.router.route(bodylessRequest, "scored", noHints);
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < STREAMS; i++) ring.add(decision, host.router.trail, 0, 0);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / STREAMS);
  }
  return least;
}

const rows: string[][] = [];
for (const pods of POD_COUNTS) {
  const pickers = kinds.map((kind) => pickerOf(kind, pods));
  const figures = kinds.map((): number[] => []);
  for (let round = -2; round < ROUNDS; round++) {
    for (const [at, picker] of pickers.entries()) {
      const micros = run(picker);
      if (round >= 0) figures[at]?.push(micros);
      await picker.decisions?.flush();
    }
  }
  const [bare = [], numbers = []] = figures;
  const differences = numbers.map((micros, round) => micros - (bare[round] ?? 0));
  const copy = copyMicros(pickerOf("no numbers", pods)).toFixed(2);
  rows.push([String(pods), ...figures.map(spread), median(differences).toFixed(2), copy]);
}
rmSync(folder, { recursive: true });
const head = ["pods", ...kinds.map((kind) => `${kind}, CPU µs`), "the numbers' share, µs", "the copy alone, µs"];
const table = `${machine()}; prompts of ${PROMPT_BYTES} bytes, no sockets, ${ROUNDS} rounds of ${STREAMS} streams.\n\n${markdownTable(head, rows)}`;
console.log(table);
writeSection("explain", table);
