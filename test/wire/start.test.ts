/** What keeps a picker from starting is one sentence and exit code 78; what happens later does not end it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { PickerProcess, startPicker } from "../support/picker-process.ts";

let folder: string;
let taken: net.Server;
let takenPort: number;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "pointsman-start-"));
  taken = net.createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  takenPort = (taken.address() as AddressInfo).port;
});
afterAll(() => {
  taken.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => vi.unstubAllEnvs());

const free = [
  "--bind-address=127.0.0.1",
  "--grpc-port=0",
  "--grpc-health-port=0",
  "--metrics-port=0",
  "--admin-port=0",
];

/** Exit code and what stood on stderr of a picker that is not to come up. */
async function fails(...flags: string[]): Promise<{ code: number | null; said: unknown[] }> {
  const picker = new PickerProcess(["--pods=127.0.0.1:1", ...free, ...flags]);
  const code = await picker.exited;
  return { code, said: picker.log.flatMap(({ stderr }) => (stderr === undefined ? [] : [stderr])) };
}

const oneFault = (sentence: string) => ({ code: 78, said: ["pointsman: 1 wrong setting", `  ${sentence}`] });

test.each(["--grpc-port", "--grpc-health-port", "--metrics-port", "--admin-port"])("%s in use", async (flag) => {
  const sentence = `${flag}: expected a port that is free on 127.0.0.1, got ${takenPort}`;
  expect(await fails(`${flag}=${takenPort}`)).toEqual(oneFault(sentence));
});

test("a port of the config file in use, named by its line", async () => {
  const file = path.join(folder, "listen.yaml");
  writeFileSync(file, `listen:\n  adminPort: ${takenPort}\n`);
  const picker = new PickerProcess(["--pods=127.0.0.1:1", ...free.slice(0, -1), `--config-file=${file}`]);
  expect(await picker.exited).toBe(78);
  const said = picker.log.flatMap(({ stderr }) => (stderr === undefined ? [] : [stderr]));
  expect(said[1]).toContain(`${file}:2:14 listen.adminPort: expected a port that is free on 127.0.0.1`);
});

test.each(["--bind-address", "--admin-address"])("%s of another machine", async (flag) => {
  const sentence = `${flag}: expected an address of this machine, got 192.0.2.1`;
  expect(await fails(`${flag}=192.0.2.1`)).toEqual(oneFault(sentence));
});

test("a Unix socket that another picker listens on, which goes on", async () => {
  const socket = path.join(folder, "live.sock");
  const first = await startPicker(["--pods=127.0.0.1:1", `--grpc-socket=${socket}`]);
  const sentence = `--grpc-socket: expected a path nobody listens on, got ${JSON.stringify(socket)}`;
  expect(await fails(`--grpc-socket=${socket}`)).toEqual(oneFault(sentence));
  const connection = net.connect(socket);
  await new Promise((resolve, reject) => connection.once("connect", resolve).once("error", reject));
  connection.destroy();
  await first.kill();
});

test("what can be known before is told all at once", async () => {
  const file = path.join(folder, "file");
  writeFileSync(file, "precious");
  const flags = [`--grpc-socket=${file}`, `--client-ca-file=${folder}`, "--model-server-metrics-path=x"];
  const { code, said } = await fails(...flags, "--admin-address=here");
  expect(code).toBe(78);
  expect(said).toEqual([
    "pointsman: 4 wrong settings",
    '  --model-server-metrics-path: expected a path that starts with "/", got "x"',
    '  --admin-address: expected an IP address, got "here"',
    `  --client-ca-file: expected a readable ${folder} with certificates in PEM, got EISDIR`,
    `  --grpc-socket: expected a path with nothing or an old socket at it, got ${JSON.stringify(file)}`,
  ]);
});

test("faults of its own that come in floods leave some lines, and say how many they left out", async () => {
  const flood = 'for (let i = 0; i < 500; i++) Promise.reject(new Error("flood"));';
  const faulty = `process.on("SIGUSR2", () => { ${flood} setTimeout(() => Promise.reject(new Error("later")), 1100); })`;
  vi.stubEnv("NODE_OPTIONS", `--import=data:text/javascript,${encodeURIComponent(faulty)}`);
  const picker = await startPicker(["--pods=127.0.0.1:1"]);
  picker.signal("SIGUSR2");
  const later = await picker.line(({ stderr }) => String(stderr).includes(": Error: later |"));
  const lines = picker.log.filter(({ stderr }) => String(stderr).includes(": Error: flood |")).length;
  expect(lines).toBeGreaterThan(0);
  expect(lines).toBeLessThanOrEqual(40);
  expect(later["stderr"]).toContain(`a fault of its own (${500 - lines} before it not shown): Error: later`);
  picker.signal("SIGTERM");
  expect(await picker.exited).toBe(0);
});

test("a fault of its own leaves a line with the stack, and the picker goes on", async () => {
  const faulty =
    'process.on("SIGUSR2", () => { Promise.reject(new Error("second slip")); throw new Error("first slip"); })';
  vi.stubEnv("NODE_OPTIONS", `--import=data:text/javascript,${encodeURIComponent(faulty)}`);
  const picker = await startPicker(["--pods=127.0.0.1:1"]);
  picker.signal("SIGUSR2");
  for (const slip of ["first slip", "second slip"]) {
    const line = await picker.line(({ stderr }) => String(stderr).includes(slip));
    expect(line["stderr"]).toMatch(/^pointsman: a fault of its own: Error: (first|second) slip \| at /);
  }
  expect(await picker.metric("pointsman_streams_open")).toBe(0);
  picker.signal("SIGTERM");
  expect(await picker.exited).toBe(0);
});
