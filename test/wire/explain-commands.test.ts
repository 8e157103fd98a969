/** `pointsman explain` and `pointsman replay` as users run them, beside a picker and its decision log. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FakePod, startFakePod } from "../../src/engine-model/fake-pod.ts";
import { connectExtProc, type ExtProcClient } from "../../src/ext-proc/client.ts";
import { headerMap } from "../../src/ext-proc/messages.ts";
import { PickerProcess } from "../support/picker-process.ts";

const mainFile = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "explain-"));
const log = join(folder, "decisions.jsonl");
const profile = join(folder, "profile.yaml");
const body = JSON.stringify({ model: "m", prompt: "CANARY ".repeat(300) });
let pods: FakePod[];
let picker: PickerProcess;
let client: ExtProcClient;
let admin: string;

beforeAll(async () => {
  pods = await Promise.all(["a", "b"].map((name) => startFakePod({ name, model: "m" })));
  const addresses = pods.map(({ address }) => address).join(",");
  const ports = ["--grpc-port=0", "--grpc-health-port=0", "--metrics-port=0", "--admin-port=0"];
  const flags = [`--pods=${addresses}`, `--decision-log=${log}`, "--why-header", "--drain-delay=0s"];
  picker = await new PickerProcess([...ports, ...flags]).ready();
  const { port } = await picker.line(({ service }) => service === "admin");
  admin = `http://127.0.0.1:${port}`;
  client = connectExtProc({ address: picker.address });
  await client.ready(10_000);
  while ((await run(["explain", "--admin", admin, "--json"], body)).out.includes('"ageMs": null')) await delay(20);
  writeFileSync(profile, "profiles: { default: { scorers: [queue-depth, in-flight] } }\n");
});

afterAll(async () => {
  client.close();
  await picker.kill();
  await Promise.all(pods.map((pod) => pod.stop()));
  rmSync(folder, { recursive: true });
});

/** A command from its start to its end. */
function run(args: readonly string[], input = ""): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [mainFile, ...args]);
  const told = { out: "", err: "" };
  child.stdout.on("data", (bytes) => {
    told.out += bytes;
  });
  child.stderr.on("data", (bytes) => {
    told.err += bytes;
  });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, ...told })));
}

async function pick(id: string): Promise<string | undefined> {
  const stream = client.process();
  const length = String(body.length);
  const headers = { ":method": "POST", ":path": "/v1/completions", "x-request-id": id, "content-length": length };
  stream.send({
    request_headers: { headers: headerMap(headers) },
    protocol_config: { request_body_mode: "BUFFERED", response_body_mode: "NONE" },
  });
  await stream.reply();
  stream.send({ request_body: { body: Buffer.from(body), end_of_stream: true } });
  const reply = await stream.reply();
  stream.halfClose();
  await stream.ended;
  const set = reply?.request_body?.response?.header_mutation?.set_headers ?? [];
  return set.find(({ header }) => header?.key === "x-gateway-destination-endpoint")?.header?.raw_value?.toString();
}

test("explain says where a request goes before it goes there, and afterwards how that came", async () => {
  const before = await run(["explain", "--admin", admin, "--json"], body);
  const { outcome } = JSON.parse(before.out);
  expect(await pick("first")).toBe(outcome.address);
  const readable = await run(
    ["explain", "--admin", admin],
    JSON.stringify({ path: "/v1/completions", body: JSON.parse(body) }),
  );
  expect(readable).toMatchObject({ code: 0, err: "" });
  expect(readable.out).toMatch(/^127\.0\.0\.1:\d+ \(127\.0\.0\.1:\d+\)\n/);
  expect(readable.out).toContain("it holds");
  expect(readable.out).toMatch(/prefix-cache x3 .* age\n> +127/);
  const [{ id }] = (await (await fetch(`${admin}/debug/decisions`)).json()) as [{ id: string }];
  const made = await run(["explain", "--admin", admin, "--decision", id, "--json"]);
  expect(JSON.parse(made.out)).toMatchObject({ id, outcome: { address: outcome.address } });
});

test("explain says what is wrong where nobody can be asked, or not for this", async () => {
  const nobody = await run(["explain", "--admin", "http://127.0.0.1:1"], body);
  expect(nobody).toMatchObject({
    code: 69,
    out: "",
    err: expect.stringContaining("no picker can be asked at http://127.0.0.1:1"),
  });
  const unknown = await run(["explain", "--admin", admin, "--decision", "abc-1"]);
  expect(unknown).toMatchObject({ code: 69, err: expect.stringContaining("no such decision is kept") });
  const wrong = await run(["explain", "--admin", "nonsense"], body);
  expect(wrong).toMatchObject({ code: 78, err: expect.stringContaining("--admin: expected a URL") });
});

test("replay reads what a running picker logs, and lists what is wrong before it starts", async () => {
  for (let i = 0; i < 5; i++) await pick(`r${i}`);
  while (!readFileSync(log, "utf8").includes('"requestId":"r4"')) await delay(20);
  expect(readFileSync(log, "utf8")).not.toContain("CANARY");
  const told = await run(["replay", log, "--profile", profile, `--profile=${profile}`, "--json"]);
  expect(told).toMatchObject({ code: 0, err: "" });
  expect(JSON.parse(told.out)).toMatchObject({ requests: 6, differing: 0 });
  const wrong = await run(["replay", "--profile", join(folder, "none.yaml"), "--examples=x"]);
  expect(wrong.code).toBe(78);
  const faults = await run(["replay", "--profile", join(folder, "none.yaml")]);
  expect(faults.err).toContain("pointsman: 3 wrong settings");
  expect(faults.err).toContain("replay: expected the path of a decision log or a trace, got nothing");
  expect(faults.err).toContain("--profile: expected two of them, got 1");
});
