/** Pickers in trouble, one for every alert that is to fire: each with what is wrong with it, and the alerts for that. */
import { rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { connectExtProc, type ExtProcClient, type ProcessStream } from "../../src/ext-proc/client.ts";
import { headerMap, mutatedHeaders } from "../../src/ext-proc/messages.ts";
import { chatBody, requestBody, requestHeaders, responseBody } from "./envoy-messages.ts";
import { type PickerProcess, startPicker } from "./picker-process.ts";

export interface SickPicker {
  readonly instance: string;
  readonly picker: PickerProcess;
  /** All that fire for it, and none else. */
  readonly alerts: readonly string[];
  /** Once Prometheus has seen it alive. */
  readonly fall: () => Promise<void>;
  /** Its traffic, again and again. */
  readonly turn: () => Promise<void>;
  close(): Promise<void>;
}

interface Trouble {
  readonly alerts: readonly string[];
  readonly flags: readonly string[];
  readonly fall?: (picker: PickerProcess) => Promise<void>;
  readonly turn?: (client: ExtProcClient, picker: PickerProcess) => Promise<void>;
}

type Close = () => void;

/** Servers with this page of metrics; 404 without one. */
async function startPages(count: number, page: string | undefined, closing: Close[]): Promise<string[]> {
  const start = async () => {
    const server = http.createServer((_request, response) => {
      response.statusCode = page === undefined ? 404 : 200;
      response.end(page);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => {
      server.close();
      server.closeAllConnections();
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  return Promise.all(Array.from({ length: count }, start));
}

const idlePage = "vllm:num_requests_waiting 0\nvllm:num_requests_running 0\nvllm:kv_cache_usage_perc 0\n";
const fullPage = "vllm:num_requests_waiting 20\nvllm:num_requests_running 30\nvllm:kv_cache_usage_perc 0.95\n";

/** One request up to its pick; the address that was picked, "" for a refusal. */
async function pick(stream: ProcessStream, body = chatBody(), responseMode: "NONE" | "STREAMED" = "NONE") {
  stream.send(requestHeaders({ contentLength: Buffer.byteLength(body), responseMode }));
  stream.send(requestBody(body));
  for (;;) {
    const reply = await stream.reply();
    if (reply === undefined || reply.immediate_response) return "";
    const address = mutatedHeaders(reply).get("x-gateway-destination-endpoint");
    if (address !== undefined) return address;
  }
}

async function ask(client: ExtProcClient, body?: string): Promise<void> {
  const stream = client.process();
  await pick(stream, body);
  stream.halfClose();
  await stream.ended;
}

/** A client that speaks HTTP/1 where gRPC is spoken. */
async function askInHttp1(picker: PickerProcess): Promise<void> {
  await fetch(`http://${picker.address}/`).catch(() => undefined);
}

async function killed(_folder: string, closing: Close[]): Promise<Trouble> {
  const pods = await startPages(1, idlePage, closing);
  return { alerts: ["PointsmanDown"], flags: ["--pods", pods.join()], fall: (picker) => picker.kill() };
}

/** Without pods; asked by clients that leave, and by one that is set up otherwise; its source of pods goes too. */
async function empty(folder: string): Promise<Trouble> {
  const file = join(folder, "no-pods.yaml");
  await writeFile(file, "pods: []\n");
  return {
    alerts: [
      ...["PointsmanPoolEmpty", "PointsmanRefusing", "PointsmanConnectionsRefused"],
      ...["PointsmanUnanswered", "PointsmanSourceOld"],
    ],
    flags: ["--pods-file", file],
    fall: () => rm(file),
    turn: async (client, picker) => {
      await ask(client);
      await askInHttp1(picker);
      const leaving = client.process();
      leaving.send(requestHeaders({ contentLength: 100 }));
      await leaving.reply();
      leaving.cancel();
      await leaving.ended;
    },
  };
}

/** Its pod is gone, and its config file no longer fit to use. */
async function dead(folder: string): Promise<Trouble> {
  const file = join(folder, "dead.yaml");
  await writeFile(file, "pools:\n  - name: default\n    pods: { static: [127.0.0.1:1] }\n");
  return {
    alerts: ["PointsmanNoUsablePods", "PointsmanPodUnreachable", "PointsmanDegraded", "PointsmanConfigRefused"],
    flags: ["--config-file", file],
    fall: () => writeFile(file, "pools: nothing\n"),
    turn: (client) => ask(client),
  };
}

const STREAM_LIMIT = 8;

/** Its pods serve, and tell nothing of themselves; clients hold most of the streams there may be. */
async function mute(_folder: string, closing: Close[]): Promise<Trouble> {
  const pods = await startPages(2, undefined, closing);
  const held: ProcessStream[] = [];
  return {
    alerts: ["PointsmanReadingsOld", "PointsmanDegraded", "PointsmanNearLimits"],
    flags: ["--pods", pods.join(), `--stream-limit=${STREAM_LIMIT}`],
    turn: async (client) => {
      while (held.length < STREAM_LIMIT - 1) {
        const stream = client.process();
        held.push(stream);
        await pick(stream);
      }
      await ask(client);
    },
  };
}

const BUSY_MS = 400;
const sickScorer = `
import { defineScorer } from "pointsman/scorer";
export default defineScorer({
  name: "sick", summary: "Takes long for one model, and then throws; leaves 0..1 for another.", leaning: "spread", reads: ["inFlight"],
  options: {},
  build: () => (pods, scores, request) => {
    scores.fill(request.model === "over" ? 2 : 1, 0, pods.size);
    if (request.model !== "slow") return;
    for (const end = performance.now() + ${BUSY_MS}; performance.now() < end; );
    throw new Error("sick");
  },
});
`;

/** A scorer of somebody's own takes all the time there is. */
async function slow(folder: string, closing: Close[]): Promise<Trouble> {
  const pods = await startPages(2, idlePage, closing);
  await writeFile(join(folder, "sick.ts"), sickScorer);
  const file = join(folder, "slow.yaml");
  const pools = `pools:\n  - { name: default, pods: { static: [${pods.join(", ")}] } }\n`;
  await writeFile(file, `${pools}profiles:\n  default: { scorers: [./sick.ts] }\n`);
  return {
    alerts: ["PointsmanFaults", "PointsmanPicksSlow", "PointsmanThreadBusy"],
    flags: ["--config-file", file],
    turn: async (client) => {
      // So much of the time that every scrape meets it, also where the machine has other things to do.
      for (let i = 0; i < 3; i++) await ask(client, chatBody("Hello", "slow"));
      await ask(client, chatBody("Hello", "over"));
    },
  };
}

const longPrompt = "The same long prompt for everybody. ".repeat(200);
const usage = { prompt_tokens: 1800, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 0 } };

/** To the end of the answer, which is an error where this pod is picked. */
async function converse(client: ExtProcClient, prompt: string, failing: string): Promise<void> {
  const stream = client.process();
  const status = (await pick(stream, chatBody(prompt), "STREAMED")) === failing ? "503" : "200";
  const headers = headerMap({ ":status": status, date: "now", "content-type": "application/json" });
  stream.send({ response_headers: { headers, end_of_stream: false } });
  await stream.reply();
  stream.send(responseBody(JSON.stringify({ usage }), true));
  await stream.reply();
  stream.halfClose();
  await stream.ended;
}

/** Of a client that wants another model than its body names. */
async function beRenamed(client: ExtProcClient): Promise<void> {
  const stream = client.process();
  const body = chatBody();
  const headers = { "x-llm-d-model-name-rewrite": "another" };
  stream.send(requestHeaders({ contentLength: Buffer.byteLength(body), headers }));
  stream.send(requestBody(body));
  for (let reply = await stream.reply(); reply !== undefined && !reply.request_body; ) reply = await stream.reply();
  stream.halfClose();
  await stream.ended;
}

/** By a filter in observability mode, which reads no replies. */
async function beWatched(client: ExtProcClient): Promise<void> {
  const stream = client.process();
  const body = chatBody();
  stream.send({ ...requestHeaders({ contentLength: Buffer.byteLength(body) }), observability_mode: true });
  stream.send({ ...requestBody(body), observability_mode: true });
  stream.halfClose();
  await stream.ended;
}

/** Its pods have long queues and no prefix cache, and the first of them fails all it is asked. */
async function overrun(_folder: string, closing: Close[]): Promise<Trouble> {
  const pods = await startPages(2, fullPage, closing);
  let turns = 0;
  return {
    alerts: ["PointsmanPodsQueue", "PointsmanCachesDiffer", "PointsmanPodSetAside"],
    flags: ["--pods", pods.join()],
    turn: async (client) => {
      // What only one of them ever saw draws nothing to the other.
      for (const prompt of [longPrompt, `${turns++}${longPrompt}`]) await converse(client, prompt, pods[0] ?? "");
      await beRenamed(client);
      await beWatched(client);
    },
  };
}

const troubles = { killed, empty, dead, mute, slow, overrun };

/** Files of theirs lie in the folder. */
export function startSickPickers(folder: string): Promise<SickPicker[]> {
  return Promise.all(
    Object.entries(troubles).map(async ([instance, makeTrouble]) => {
      const closing: Close[] = [];
      const { alerts, flags, fall, turn } = await makeTrouble(folder, closing);
      const picker = await startPicker(flags);
      const client = connectExtProc({ address: picker.address });
      return {
        ...{ instance, picker, alerts },
        fall: async () => fall?.(picker),
        turn: async () => turn?.(client, picker),
        close: async () => {
          client.close();
          await picker.kill();
          for (const end of closing) end();
        },
      };
    }),
  );
}
