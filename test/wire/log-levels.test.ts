/** What the log says of each component, changed while the picker runs: by the config file, and by the admin port. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectExtProc, type ExtProcClient } from "../../src/ext-proc/client.ts";
import { headerMap } from "../../src/ext-proc/messages.ts";
import { type FakePod, type PickerProcess, startFakePods, startPicker } from "../support/picker-process.ts";

const folder = mkdtempSync(join(tmpdir(), "levels-"));
const file = join(folder, "picker.yaml");
let pods: FakePod[];
let picker: PickerProcess;
let client: ExtProcClient;

function save(levels: string): void {
  const settings = `pools:\n- pods: {static: ["${pods[0]!.address}"]}\nobserve: {logLevels: [${levels}]}\n`;
  writeFileSync(`${file}.new`, settings);
  renameSync(`${file}.new`, file);
}

beforeAll(async () => {
  pods = await startFakePods(1);
  save("scrape=error");
  picker = await startPicker([`--config-file=${file}`]);
  client = connectExtProc({ address: picker.address });
});

afterAll(async () => {
  client?.close();
  await picker?.kill();
  for (const pod of pods ?? []) pod.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Lines of a request at these levels, which have to be there before the one of the next request. */
async function said(): Promise<unknown[]> {
  const before = picker.log.length;
  const stream = client.process();
  const mode = { request_body_mode: "BUFFERED", response_body_mode: "NONE" } as const;
  stream.send({ request_headers: { headers: headerMap({ ":path": "/v1/completions" }) }, protocol_config: mode });
  stream.send({ request_body: { body: Buffer.from('{"model":"m","prompt":"p"}'), end_of_stream: true } });
  await stream.reply();
  stream.halfClose();
  await stream.ended;
  // A line that is always written, and stands behind the others.
  const levels = `scrape=${["error", "warn"][turns++ % 2]},ext-proc=${extProc}`;
  const applied = picker.log.filter(isApplied).length;
  save(levels);
  while (picker.log.filter(isApplied).length === applied) await new Promise((resolve) => setTimeout(resolve, 10));
  return picker.log
    .slice(before)
    .filter((line) => line["component"] === "ext-proc")
    .map((line) => line["msg"]);
}
let turns = 1;
let extProc = "info";
const isApplied = (line: object) => (line as { msg?: unknown }).msg === "the config file changed, and is in force";

const put = (query: string) => fetch(`http://${picker.adminAddress}/debug/log-level?${query}`, { method: "PUT" });

test("the config file and the admin port change what is said of streams, and the admin port has the last word", async () => {
  expect(await said()).toEqual([]);
  extProc = "debug";
  expect(await said()).toEqual([]);
  // The change that ended the last look is in force.
  expect(await said()).toEqual(["picked", "stream ended"]);
  expect((await put("component=ext-proc&level=trace")).status).toBe(200);
  expect(await said()).toEqual(["message", "message", "picked", "stream ended"]);
  await put("component=ext-proc&level=0");
  expect(await said()).toEqual([]);
  const reply = await put("component=ext-proc&level=configured");
  expect(await reply.json()).toMatchObject({
    "ext-proc": { level: "debug", configured: "debug" },
    pods: { level: "info" },
  });
  expect(await said()).toEqual(["picked", "stream ended"]);
});
