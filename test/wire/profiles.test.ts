/** Profiles of a config file in a running picker: headers steer, pools differ, and a broken scorer costs nobody a request. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectExtProc, type ExtProcClient } from "../../src/ext-proc/client.ts";
import { mutatedHeaders } from "../../src/ext-proc/messages.ts";
import * as envoy from "../support/envoy-messages.ts";
import { type FakePod, type PickerProcess, startFakePods, startPicker } from "../support/picker-process.ts";

const DESTINATION = "x-gateway-destination-endpoint";
const folder = mkdtempSync(join(tmpdir(), "profiles-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const foreign = (name: string, body: string) => `
import { defineScorer } from "pointsman/scorer";
export default defineScorer({
  name: "${name}", summary: "For the test.", leaning: "spread", reads: ["inFlight"], options: {},
  build: () => (pods, scores) => { ${body} },
});`;

describe("a picker with profiles", () => {
  let pods: FakePod[];
  let addresses: string[];
  let picker: PickerProcess;
  let client: ExtProcClient;

  beforeAll(async () => {
    pods = await startFakePods(3);
    addresses = pods.map((pod) => pod.address);
    writeFileSync(join(folder, "throwing.ts"), foreign("throwing", 'throw new Error("not today");'));
    writeFileSync(join(folder, "numberless.ts"), foreign("numberless", "scores.fill(Number.NaN, 0, pods.size);"));
    writeFileSync(
      join(folder, "config.yaml"),
      `
profiles:
  sticky:
    scorers:
      - {use: session-affinity, weight: 10, cookie: sid, handOut: true}
      - queue-depth
    filters: [testing]
  fragile:
    scorers:
      - {use: ./throwing.ts, weight: 5}
      - {use: ./numberless.ts, weight: 5}
      - kv-cache
pools:
  - name: sticky
    profile: sticky
    pods: {static: [${addresses.join(", ")}]}
  - name: fragile
    profile: fragile
    pods: {static: [${addresses.join(", ")}]}
`,
    );
    picker = await startPicker([`--config-file=${join(folder, "config.yaml")}`, "--refresh-metrics-interval=50ms"]);
    client = connectExtProc({ address: picker.address });
    await client.ready(20_000);
    // Until a pod has told its load, requests in flight decide and no scorer is asked.
    await picker.metricBecomesAtLeast("pointsman_scrapes_total", 3);
  });
  afterAll(async () => {
    client?.close();
    await picker?.kill();
    for (const pod of pods ?? []) pod.close();
  });

  async function pickFor(pool: string, headers: Readonly<Record<string, string>> = {}): Promise<string | undefined> {
    const stream = client.process();
    stream.send(envoy.requestHeaders({ contentLength: 99, headers: { "x-pointsman-pool": pool, ...headers } }));
    await stream.reply();
    stream.send(envoy.requestBody(envoy.chatBody()));
    const answer = await stream.reply();
    stream.halfClose();
    await stream.ended;
    return answer && mutatedHeaders(answer).get(DESTINATION);
  }

  const token = (address: string) => Buffer.from(address).toString("base64");

  test("keeps a session on its pod by header, cookie or body, and by a token on the pod it names", async () => {
    const homes = new Set<string | undefined>();
    for (let session = 0; session < 40; session++) {
      const home = await pickFor("sticky", { "x-session-id": `s${session}` });
      homes.add(home);
      if (session >= 12) continue;
      expect(await pickFor("sticky", { cookie: `a=b; sid=s${session}` })).toBe(home);
      expect(await pickFor("sticky", { "x-session-id": `s${session}`, cookie: "sid=another" })).toBe(home);
    }
    expect(homes.size).toBe(3);
    for (const address of addresses) {
      expect(await pickFor("sticky", { "x-session-token": token(address), "x-session-id": "s1" })).toBe(address);
    }
  });

  test("hands a token out with the answer, that brings the next request to the same pod", async () => {
    const stream = client.process();
    stream.send(envoy.requestHeaders({ contentLength: 99, headers: { "x-pointsman-pool": "sticky" } }));
    await stream.reply();
    stream.send(envoy.requestBody(envoy.chatBody()));
    const picked = await stream.reply();
    stream.send(envoy.responseHeaders(true));
    const answered = await stream.reply();
    stream.halfClose();
    await stream.ended;
    const handed = answered && mutatedHeaders(answered).get("x-session-token");
    const first = picked && mutatedHeaders(picked).get(DESTINATION);
    expect(handed).toBe(token(first ?? ""));
    expect(await pickFor("sticky", { "x-session-token": handed ?? "" })).toBe(first);
  });

  test("sends a test's request where its header says, beside any session", async () => {
    for (const address of addresses) {
      const headers = { "test-epp-endpoint-selection": `${address},10.9.9.9`, "x-session-id": "s1" };
      expect(await pickFor("sticky", headers)).toBe(address);
    }
  });

  test("picks without the scorers that throw or give no number, and counts both", async () => {
    const before = await picker.metric("pointsman_scorer_faults_total", { scorer: "throwing" });
    for (let i = 0; i < 5; i++) expect(addresses).toContain(await pickFor("fragile"));
    expect((await picker.metric("pointsman_scorer_faults_total", { scorer: "throwing" })) - before).toBe(5);
    expect(await picker.metric("pointsman_scorer_out_of_range_total", { scorer: "numberless" })).toBeGreaterThan(0);
    expect(await picker.metric("pointsman_faults_total")).toBe(0);
    expect(await picker.metric("pointsman_picks_total", { reason: "unknown_load" })).toBe(0);
  });
});

test("a picker whose profile is wrong does not start, and says all that is wrong with it", async () => {
  const file = join(folder, "wrong.yaml");
  writeFileSync(join(folder, "five.ts"), "export default 5;");
  writeFileSync(file, "profiles: {default: {scorers: [./five.ts, kv-cash], pick: {use: top-k, k: 0}}}");
  const ended = await startPicker([`--config-file=${file}`, "--pods=127.0.0.1:1"]).catch(
    (error: Error) => error.message,
  );
  expect(ended).toContain("ended with code 78");
  expect(ended).toContain("3 wrong settings");
  for (const path of ["default.scorers[0]", "default.scorers[1]", "default.pick.k"]) expect(ended).toContain(path);
});
