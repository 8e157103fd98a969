/** A secret prompt and a secret key go everywhere a secret can go, at full verbosity with everything on, and come out nowhere. */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectExtProc } from "../../src/ext-proc/client.ts";
import { headerMap, type ProcessingResponse } from "../../src/ext-proc/messages.ts";
import { canaryCall, canaryStream, KEY, leaksIn, MODEL, PROMPT } from "../support/canary.ts";
import { type LeakyPods, startLeakyPods } from "../support/leaky-pods.ts";
import { type OtlpCollector, startCollector } from "../support/otlp-collector.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { Random } from "../support/random.ts";

const REQUESTS = 10_000;
const AT_ONCE = 32;
const SEED = 9;
const folder = mkdtempSync(join(tmpdir(), "canary-"));
const decisionFile = join(folder, "decisions.jsonl");
const configFile = join(folder, "picker.yaml");

let pods: LeakyPods;
let collector: OtlpCollector;
let picker: PickerProcess;
/** What the picker itself says in its replies: errors, headers and metadata, but not the bodies that pass through. */
const replies: string[] = [];

const goodConfig = () => `pools:
- pods: {static: [${pods.addresses.join(", ")}]}
  scrape: {tokenFile: ${join(folder, "token")}, interval: 200ms}
limits: {body: 64Ki}
observe: {metricNames: both, logLevels: "ext-proc=trace", decisionLog: ${decisionFile}, whyHeader: true}
`;

/** Settings with a secret where people put one. */
const badConfigs = [
  `pools:\n- pods: {static: ["http://me:${KEY}@pod:8000/?key=${KEY}"]}\n`,
  `pools:\n- pods: {static: [10.0.0.1:8000]}\n  scrape: {tokenFile: ${KEY}}\n`,
  `pools:\n- pods: {static: [10.0.0.1:8000]}\n  scrape: {token: ${KEY}, apiKey: "${KEY}"}\n`,
  `observe: {tracingEndpoint: "http://me:${KEY}@collector:99999/?k=${KEY}"}\n`,
  `pools: [ "Bearer ${KEY}"\n  token: "${KEY}\n`,
  `pools:\n- pods: {static: ["me:${KEY}@pod:80", "http://me:pa/${KEY}@pod:8000/"]}\n`,
  `observe: {tracingEndpoint: "me:${KEY}@collector:4317"}\n`,
  `observe: {tracingEndpoint: "http://me:${"long".repeat(20)}${KEY}/x@collector:99999"}\n`,
  `pools:\n- pods: {dns: ["http://me:${KEY}@pod:8000"]}\n  scrape: {scheme: "https://me:${KEY}@pod"}\n`,
];

beforeAll(async () => {
  [pods, collector] = await Promise.all([startLeakyPods(), startCollector()]);
  writeFileSync(join(folder, "token"), KEY);
  writeFileSync(configFile, goodConfig());
  const endpoint = `http://me:${KEY}@127.0.0.1:${collector.httpPort}/v1/traces?key=${KEY}`;
  const flags = ["-v=5", `--config-file=${configFile}`, `--tracing-endpoint=${endpoint}`];
  picker = await startPicker(flags, { OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer ${KEY}` });
  await picker.line(({ msg }) => msg === "the pod's models");
});

afterAll(async () => {
  await picker?.kill();
  await collector?.close();
  pods?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function playAll(): Promise<void> {
  const random = new Random(SEED);
  const next = () => random.next();
  const clients = Array.from({ length: 4 }, () => connectExtProc({ address: picker.address }));
  let sent = 0;
  const loop = async (which: number) => {
    while (sent < REQUESTS) {
      const number = sent++;
      const traceparent = `00-${(number + 1).toString(16).padStart(32, "0")}-00f067aa0ba902b7-01`;
      const stream = clients[which % clients.length]!.process();
      for (const message of canaryStream(next, traceparent)) stream.send(message);
      if (next() < 0.02) stream.cancel();
      else stream.halfClose();
      await stream.ended;
      for (let reply = await stream.reply(); reply !== undefined; reply = await stream.reply()) note(reply);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => loop(i)));
  for (const client of clients) client.close();
}

function note(reply: ProcessingResponse): void {
  const said = JSON.stringify(reply, (name, value) => {
    if (name === "body_mutation") return undefined;
    return value?.type === "Buffer" ? Buffer.from(value.data).toString("latin1") : value;
  });
  if (!replies.includes(said)) replies.push(said);
}

/** Connections to the gRPC port that are not what it expects. */
async function knock(): Promise<void> {
  const texts = [
    `GET /?key=${KEY} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${KEY}\r\n\r\n`,
    `${PROMPT} ${KEY}\r\n\r\n`,
    `\x16\x03\x01${PROMPT}${KEY}`,
    `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${PROMPT}${KEY}`,
  ];
  const sockets: net.Socket[] = [];
  for (const text of texts) {
    const socket = net.connect(picker.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.end(text, "latin1");
    sockets.push(socket);
  }
  for (const kind of ["http1", "unknown_protocol"]) await picker.line((line) => line["kind"] === kind);
  for (const socket of sockets) socket.destroy();
}

async function reload(text: string, says: string): Promise<void> {
  const seen = picker.log.length;
  writeFileSync(`${configFile}.new`, text);
  renameSync(`${configFile}.new`, configFile);
  await picker.line((line) => picker.log.indexOf(line) >= seen && String(line["msg"]).includes(says));
}

const ask = async (path: string, init?: RequestInit) =>
  (await fetch(`http://${picker.adminAddress}${path}`, init)).text();

/** Every page of the admin port, and what it answers to questions that hold secrets. */
async function adminAnswers(): Promise<Record<string, string>> {
  const ask = async (path: string, init?: RequestInit) =>
    (await fetch(`http://${picker.adminAddress}${path}`, init)).text();
  const decisions = await ask("/debug/decisions");
  const ids = (JSON.parse(decisions) as { id?: string }[]).flatMap(({ id }) => (id === undefined ? [] : [id]));
  const answers: Record<string, string> = { "/debug/decisions": decisions };
  for (const path of ["/", "/debug/pods", "/debug/status", "/debug/config", "/debug/log-level"])
    answers[path] = await ask(path);
  answers["/ as a page"] = await ask("/", { headers: { accept: "text/html" } });
  for (const id of ids.slice(0, 50)) answers[`/debug/decisions/${id}`] = await ask(`/debug/decisions/${id}`);
  const random = new Random(SEED);
  for (let i = 0; i < 200; i++) {
    const { path, headers, body } = canaryCall(() => random.next());
    const whole = JSON.stringify({ path, headers, body: body.toString("latin1") });
    const init = { method: "POST", headers: { "content-type": "application/json" } };
    answers[`/debug/explain ${i}`] = await ask("/debug/explain", {
      ...init,
      body: i % 2 === 0 ? whole : new Uint8Array(body),
    });
  }
  const level = {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: `{"level":"${KEY}","component":"${PROMPT}"}`,
  };
  answers["PUT /debug/log-level"] = await ask("/debug/log-level", level);
  return answers;
}

describe("a secret prompt and a secret key", () => {
  let surfaces: Record<string, string>;

  beforeAll(async () => {
    await Promise.all([playAll(), knock()]);
    const told: Record<string, string> = {};
    for (const [i, config] of badConfigs.entries()) {
      await reload(config, "not fit to use");
      for (const path of ["/debug/status", "/debug/config"])
        told[`${path} after the bad settings ${i}`] = await ask(path);
    }
    await reload(`${goodConfig()}# the end\n`, "says the same");
    const admin = await adminAnswers();
    const metrics = await picker.page();
    picker.signal("SIGTERM");
    await picker.exited;
    const spans = Buffer.concat(collector.raw).toString("latin1");
    surfaces = { log: JSON.stringify(picker.log), metrics, spans, replies: replies.join("\n"), ...told, ...admin };
    surfaces["decision log"] = readFileSync(decisionFile, "utf8");
  }, 600_000);

  test("come out nowhere", () => {
    expect(leaksIn(surfaces)).toEqual([]);
  });

  test("were there to be seen: the requests were read, picked, refused, traced and written down", () => {
    expect(pods.tokens).toContain(`Bearer ${KEY}`);
    expect(collector.headers[0]?.authorization).toBe(`Bearer ${KEY}`);
    expect(collector.spans.length).toBeGreaterThan(REQUESTS / 4);
    const reasons = new Set(
      collector.spans.map(({ attributes }) => attributes["pointsman.reason"] ?? attributes["error.type"]),
    );
    for (const reason of ["scored", "no_prompt", "body_unread", "body_unseen", "malformed_json", "body_too_large"]) {
      expect(reasons).toContain(reason);
    }
    for (const code of ["malformed_json", "body_too_large", "model_missing"])
      expect(surfaces["replies"]).toContain(code);
    const said = new Set(picker.log.map((line) => line["msg"]));
    for (const msg of ["message", "picked", "refused", "stream ended"]) expect(said).toContain(msg);
    expect(surfaces["log"]).toMatch(/scraping the pod: /);
  });

  test("would be found: a word that may come out is found on every surface that names models", () => {
    for (const name of ["log", "metrics", "spans", "decision log", "/debug/decisions", "/debug/pods"]) {
      expect([name, surfaces[name]?.includes(MODEL)]).toEqual([name, true]);
    }
  });
});

test("a leak that is planted is found: a scorer of somebody's own that throws a secret in its own words", async () => {
  const scorer = (words: string) => `export default {
    name: "leaky", summary: "Leaks.", leaning: "spread", reads: ["waiting"], options: {},
    build: () => () => { throw new Error(${JSON.stringify(words)}); },
  };`;
  writeFileSync(join(folder, "leaky.ts"), scorer(`no pod for ${KEY}`));
  const settings = `pools:\n- pods: {static: ["${pods.addresses[0]}"]}\nprofiles: {default: {scorers: [{use: ./leaky.ts, weight: 1}]}}\n`;
  writeFileSync(join(folder, "leaky.yaml"), settings);
  const leaky = await startPicker([`--config-file=${join(folder, "leaky.yaml")}`]);
  const client = connectExtProc({ address: leaky.address });
  try {
    await leaky.metricBecomes("pointsman_pool_usable_pods", 1);
    const stream = client.process();
    const headers = headerMap({ ":path": "/v1/completions" });
    stream.send({ request_headers: { headers, end_of_stream: true }, protocol_config: { request_body_mode: "NONE" } });
    await stream.reply();
    await leaky.line(({ msg }) => msg === "a scorer threw and is left out");
    expect(leaksIn({ log: JSON.stringify(leaky.log) })).toEqual([expect.stringContaining(`no pod for ${KEY}`)]);
  } finally {
    client.close();
    await leaky.kill();
  }
});

describe("leaksIn", () => {
  test.each([PROMPT, KEY.toUpperCase(), Buffer.from(KEY).toString("hex")])(
    "finds %s planted in a surface",
    (planted) => {
      expect(leaksIn({ log: `{"msg":"x ${planted} y"}`, other: "" })).toEqual([expect.stringMatching(/^log: canary-/)]);
    },
  );

  test.each(["", "a", "ab", "abc"])("finds a base64 text that holds a secret behind %j", (before) => {
    expect(leaksIn({ log: Buffer.from(`${before}${KEY}, and so on`).toString("base64") })).toHaveLength(1);
  });
});
