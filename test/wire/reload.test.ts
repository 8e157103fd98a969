/** The config file changes under load: good ones come into force, bad ones change nothing, and no request is lost. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connectExtProc, type ExtProcClient } from "../../src/ext-proc/client.ts";
import { mutatedHeaders } from "../../src/ext-proc/messages.ts";
import * as envoy from "../support/envoy-messages.ts";
import {
  type FakePod,
  type LogLine,
  type PickerProcess,
  startFakePods,
  startPicker,
} from "../support/picker-process.ts";

const DESTINATION = "x-gateway-destination-endpoint";
const RELOADS = "pointsman_config_reloads_total";
const folder = mkdtempSync(join(tmpdir(), "reload-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let pods: FakePod[];
let addresses: string[];
let file: string;
let picker: PickerProcess;
let client: ExtProcClient;
let files = 0;

beforeAll(async () => {
  pods = await startFakePods(3);
  addresses = pods.map((pod) => pod.address);
});
afterAll(() => {
  for (const pod of pods ?? []) pod.close();
});

/** By a rename, as editors and deployments do. */
function save(yaml: string): void {
  writeFileSync(`${file}.new`, yaml);
  renameSync(`${file}.new`, file);
}

const poolOf = (among: readonly string[], more = "") => `pools:\n- pods: {static: [${among.join(", ")}]}\n${more}`;
const saysOfConfig = (words: string) => (line: LogLine) => String(line["msg"]).includes(words);

async function start(yaml: string): Promise<void> {
  file = join(folder, `${files++}.yaml`);
  save(yaml);
  picker = await startPicker([`--config-file=${file}`]);
  client = connectExtProc({ address: picker.address });
  await client.ready(20_000);
}
afterEach(async () => {
  client?.close();
  await picker?.kill();
});

/** The pod that was picked; "" for anything else. Buffered, or streamed both ways as newer gateways do. */
async function pick(
  prompt: string,
  pool = "",
  mode: "BUFFERED" | "FULL_DUPLEX_STREAMED" = "BUFFERED",
): Promise<string> {
  const stream = client.process();
  stream.send(
    envoy.requestHeaders({ mode, contentLength: 99, headers: pool === "" ? {} : { "x-pointsman-pool": pool } }),
  );
  if (mode === "BUFFERED") await stream.reply();
  stream.send(envoy.requestBody(envoy.chatBody(prompt)));
  const answer = await stream.reply();
  stream.send(envoy.responseHeaders(true));
  stream.halfClose();
  const { code } = await stream.ended;
  return (code === 0 && answer && mutatedHeaders(answer).get(DESTINATION)) || "";
}

describe("under load", () => {
  beforeEach(() => start(poolOf(addresses)));

  test("good and bad files in turn cost no request, and every one is counted", async () => {
    let isOver = false;
    const picked = new Map<string, number>();
    const loop = async (id: number) => {
      for (let turn = 0; !isOver; turn++) {
        const mode = turn % 2 === 0 ? "BUFFERED" : "FULL_DUPLEX_STREAMED";
        const address = await pick(`client ${id} says ${turn % 5}`, "", mode);
        picked.set(address, (picked.get(address) ?? 0) + 1);
      }
    };
    const loops = Array.from({ length: 8 }, (_, id) => loop(id));
    const good = (turn: number) =>
      poolOf(
        turn % 2 === 0 ? addresses.slice(0, 2) : addresses,
        `  scrape: {interval: ${50 + turn}ms}\n  profile: p\n`,
      ) +
      `profiles: {p: {scorers: [{use: queue-depth, weight: ${turn}}, prefix-cache], pick: weighted-random}}\n` +
      `limits: {body: ${turn}Mi, streams: ${1000 + turn}}\nobserve: {verbosity: ${turn % 3}}\n`;
    const bad = ["pools: [{pods: {static: [nowhere]}}]", "pools: {", "profile: {}", "limits: {body: -1}", "\u0001: ["];
    for (let turn = 1; turn <= 10; turn++) {
      save(good(turn));
      await picker.metricBecomes(RELOADS, turn, { outcome: "applied" });
      save(bad[turn % bad.length] ?? "");
      await picker.metricBecomes(RELOADS, turn, { outcome: "refused" });
    }
    isOver = true;
    await Promise.all(loops);
    expect([...picked.keys()].sort()).toEqual([...addresses].sort());
    expect([...picked.values()].reduce((sum, count) => sum + count)).toBeGreaterThan(100);
    expect(await picker.metric("pointsman_faults_total")).toBe(0);
    expect(await picker.metric("pointsman_refusals_total")).toBe(0);
  });

  test("requests in flight and learnt prompts stay where they are", async () => {
    await picker.metricBecomesAtLeast("pointsman_scrapes_total", 3);
    const open = client.process();
    open.send(envoy.requestHeaders({ contentLength: 99 }));
    await open.reply();
    open.send(envoy.requestBody(envoy.chatBody("a long prompt ".repeat(200))));
    await open.reply();
    await picker.metricBecomes("pointsman_in_flight", 1, { source: "stream" });
    const entries = await picker.metric("pointsman_prefix_index_entries");
    expect(entries).toBeGreaterThan(0);
    const profiles = "profiles: {p: {scorers: [in-flight, prefix-cache]}}";
    save(poolOf([...addresses].reverse(), `  profile: p\n${profiles}`));
    await picker.metricBecomes(RELOADS, 1, { outcome: "applied" });
    expect(await picker.metric("pointsman_in_flight", { source: "stream" })).toBe(1);
    expect(await picker.metric("pointsman_prefix_index_entries")).toBe(entries);
    open.send(envoy.responseHeaders(true));
    open.halfClose();
    await open.ended;
    await picker.metricBecomes("pointsman_in_flight", 0, { source: "stream" });
  });
});

describe("a running picker", () => {
  beforeEach(() => start(poolOf(addresses.slice(0, 1), "limits: {streams: 1000}\n")));

  test("says key by key what changed, and what needs a restart", async () => {
    save(
      `${poolOf(addresses.slice(0, 1), "  scrape: {interval: 2s}\n")}limits: {streams: 2000}\nlisten: {transport: plain}\n`,
    );
    const { changes } = await picker.line(saysOfConfig("is in force"));
    expect(changes).toEqual(["limits.streams: 1000 -> 2000", "pools.default.scrape.interval: 1s -> 2s"]);
    const { needRestart } = await picker.line(saysOfConfig("needs a restart"));
    expect(needRestart).toEqual(["listen.transport: direct -> plain"]);
  });

  test("logs as much as the file says from now on", async () => {
    const isOfStream = ({ level }: LogLine) => level === 20;
    expect(await pick("before")).toBe(addresses[0]);
    expect(picker.log.some(isOfStream)).toBe(false);
    save(poolOf(addresses.slice(0, 1), "observe: {verbosity: 4}\n"));
    await picker.metricBecomes(RELOADS, 1, { outcome: "applied" });
    expect(await pick("after")).toBe(addresses[0]);
    await picker.line(isOfStream);
  });

  test("keeps the last good configuration and says every fault of a bad one once", async () => {
    save("pools: [{pods: {}}]\nlimits: {streams: 0, bodies: 1}\n");
    const { faults } = await picker.line(saysOfConfig("not fit to use"));
    expect(faults).toHaveLength(3);
    expect((faults as string[]).map((fault) => fault.slice(file.length))).toContain(
      ":2:19 limits.streams: expected an integer >= 1, got 0",
    );
    expect(await pick("after a bad file")).toBe(addresses[0]);
    save(poolOf(addresses.slice(1, 2)));
    await picker.metricBecomes(RELOADS, 1, { outcome: "applied" });
    expect(await pick("after a good one")).toBe(addresses[1]);
    expect(picker.log.filter(saysOfConfig("not fit to use"))).toHaveLength(1);
  });

  test("goes on without the file, and heeds it when it comes back", async () => {
    renameSync(file, `${file}.away`);
    await picker.metricBecomes(RELOADS, 1, { outcome: "refused" });
    expect(await pick("without a file")).toBe(addresses[0]);
    renameSync(`${file}.away`, file);
    await picker.metricBecomes(RELOADS, 1, { outcome: "unchanged" });
  });

  test("adds and removes pools, whose names requests use at once", async () => {
    const named = (name: string, address = "") => `- {name: ${name}, pods: {static: ["${address}"]}}\n`;
    save(`pools:\n${named("one", addresses[0])}${named("two", addresses[1])}`);
    await picker.metricBecomes(RELOADS, 1, { outcome: "applied" });
    expect(await pick("to one", "one")).toBe(addresses[0]);
    expect(await pick("to two", "two")).toBe(addresses[1]);
    save(`pools:\n${named("two", addresses[2])}`);
    await picker.metricBecomes(RELOADS, 2, { outcome: "applied" });
    expect(await pick("to two", "two")).toBe(addresses[2]);
    expect(await picker.metric("pointsman_pool_pods", { pool: "two" })).toBe(1);
    expect(await picker.metric("pointsman_pool_pods")).toBe(1);
  });
});

test("follows the swap of a ConfigMap's link", async () => {
  const mount = join(folder, "mount");
  const version = (name: string, yaml: string) => {
    mkdirSync(join(mount, name), { recursive: true });
    writeFileSync(join(mount, name, "config.yaml"), yaml);
    symlinkSync(name, join(mount, "..data_tmp"));
    renameSync(join(mount, "..data_tmp"), join(mount, "..data"));
  };
  version("..1", poolOf(addresses.slice(0, 1)));
  symlinkSync(join("..data", "config.yaml"), join(mount, "config.yaml"));
  picker = await startPicker([`--config-file=${join(mount, "config.yaml")}`]);
  client = connectExtProc({ address: picker.address });
  version("..2", poolOf(addresses.slice(1, 2)));
  await picker.metricBecomes(RELOADS, 1, { outcome: "applied" });
  expect(await pick("after the swap")).toBe(addresses[1]);
});

test("a flag and the environment count more than the file, and the start says who said what", async () => {
  file = join(folder, "precedence.yaml");
  save("limits: {streams: 7, body: 1Mi}\nobserve: {verbosity: 2}\nscrape: {interval: 3s}\n");
  const flags = [`--config-file=${file}`, `--pods=${addresses[0]}`, "--stream-limit=9", "--scrape-timeout=2s"];
  picker = await startPicker(flags, { POINTSMAN_BODY_LIMIT: "2Mi", POINTSMAN_STREAM_LIMIT: "8" });
  client = connectExtProc({ address: picker.address });
  const said = await picker.line(saysOfConfig("not the default"));
  expect(said["environment"]).toEqual(["body-limit=2Mi"]);
  expect(said["file"]).toEqual(["scrape.interval=3s"]);
  expect(said["flag"]).toEqual(expect.arrayContaining(["stream-limit=9", "scrape-timeout=2s"]));
});
