/** `pointsman check` as a process: its words, where they go, and its exit codes. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { listFiles } from "../house/tree.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "check-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every way to the network is shut, so that a look at it would be a fault. */
const offline = `data:text/javascript,${encodeURIComponent(`
  import dns from "node:dns"; import net from "node:net"; import dgram from "node:dgram";
  const shut = () => { process.stderr.write("network\\n"); process.exit(9); };
  net.Socket.prototype.connect = shut; dgram.createSocket = shut; dns.lookup = shut; dns.promises.lookup = shut;
`)}`;

function check(...args: string[]): Promise<{ code: unknown; out: string; err: string }> {
  const env = { ...process.env, NODE_OPTIONS: `--import=${offline}` };
  return new Promise((resolve) => {
    execFile(process.execPath, [main, "check", ...args], { env, cwd: root }, (error, out, err) => {
      resolve({ code: error?.code ?? 0, out, err });
    });
  });
}

function file(text: string): string {
  const path = join(folder, "c.yaml");
  writeFileSync(path, text);
  return path;
}

test("lists every fault with its place and ends with 78", async () => {
  const path = file("limits: {streams: 0}\npools: [{pods: {dns: [x]}, profil: a}]\n");
  const { code, out, err } = await check(path);
  expect([code, out]).toEqual([78, ""]);
  const [head, ...lines] = err.trimEnd().split("\n");
  expect(head).toBe("pointsman: 3 wrong settings");
  expect(lines.map((line) => line.replace(`  ${path}:`, "").split(" ").slice(0, 2).join(" "))).toEqual([
    "1:19 limits.streams:",
    "2:28 pools[0].profil:",
    "2:23 pools[0].pods.dns[0]:",
  ]);
  expect(err).toContain('got the key "profil" (did you mean profile?)');
});

test("says that a file has no faults, and ends with 0, without a look at the network", async () => {
  const pools = [
    "{name: a, pods: {dns: [vllm.example:80], static: [pod.example:80]}}",
    "{name: b, pods: {inferencePool: models/b, service: models/c}}",
  ];
  const { code, out, err } = await check(file(`pools: [${pools.join(", ")}]\nlisten: {certPath: /not/there}\n`));
  expect([code, err]).toEqual([0, ""]);
  expect(out).toBe(`${join(folder, "c.yaml")}: no faults; pools: a, b; profiles: default\n`);
});

test("tells the backends of a file, what one of them lacks, and which key is not there yet", async () => {
  const key = "credential: {kind: api-key, file: gone}";
  const good = await check(file(`backends: [{name: a, api: openai}, {name: b, api: openai, ${key}}]`));
  const [head, note] = good.out.trimEnd().split("\n");
  expect(head).toBe(`${join(folder, "c.yaml")}: no faults; pools: none; backends: a, b; profiles: default`);
  expect([good.code, note]).toEqual([0, "  backend b: credential.file is no file on this machine"]);
  const { code, err } = await check(file("backends: [{name: a, api: gcp-vertex}]"));
  expect(code).toBe(78);
  expect(err).toContain("backends[0].options.project: expected a project's id or number, got nothing");
  expect(err).toContain("backends[0].host: expected the provider's host, such as");
});

test("takes a file without a line, and flags of serve beside it", async () => {
  expect(await check(file(""))).toMatchObject({ code: 0, err: "" });
  const { code, err } = await check(file("pools: [{pods: {file: /x}}]"), "--pods=10.0.0.1:80", "--stream-limit=0");
  expect(code).toBe(78);
  expect(err).toContain("--stream-limit: expected an integer >= 1");
  expect(err).toContain("--pods: expected no pods by flag or environment beside the pools of");
});

test("asks for a file", async () => {
  const wanted = (got: string) =>
    `pointsman: 1 wrong setting\n  check: expected the path of a config file, got ${got}\n`;
  expect(await check()).toEqual({ code: 78, out: "", err: wanted("nothing") });
  expect(await check("-v=4")).toEqual({ code: 78, out: "", err: wanted("the flag -v=4") });
  const gone = await check(join(folder, "gone.yaml"));
  expect([gone.code, gone.err]).toEqual([78, expect.stringContaining("expected a file that can be read, at")]);
});

test.each(listFiles("deploy/{pods/pool*,pointsman*}.yaml"))("finds no fault in %s", async (path) => {
  expect(await check(path)).toMatchObject({ code: 0, err: "" });
});
