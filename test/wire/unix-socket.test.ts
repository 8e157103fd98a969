/** Two pickers and one path: a living one keeps it, a dead one gives way, and nobody's file is deleted. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { socketFaults, UnixSocket } from "../../src/ext-proc/unix-socket.ts";

let folder: string;
let file: string;
const servers: net.Server[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "pointsman-socket-"));
  file = path.join(folder, "ext-proc.sock");
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Listens at `name`, with a server that says whose it is. */
async function take(greeting: string): Promise<{ socket: UnixSocket; server: net.Server }> {
  const socket = new UnixSocket(file);
  const server = net.createServer((connection) => connection.on("error", () => {}).end(greeting));
  servers.push(server);
  await socket.listen((at) => new Promise<void>((resolve) => server.listen(at, resolve)));
  return { socket, server };
}

const close = (server: net.Server) => new Promise((resolve) => server.close(resolve));

function greetingAt(): Promise<string> {
  return new Promise((resolve, reject) => {
    net
      .connect(file)
      .on("error", reject)
      .on("data", (bytes) => resolve(bytes.toString()));
  });
}

test("UnixSocket leaves its path, and nothing else, in the folder, open to all", async () => {
  const { socket, server } = await take("one");
  expect(readdirSync(folder)).toEqual(["ext-proc.sock"]);
  expect(statSync(file).mode & 0o666).toBe(0o666);
  expect(await greetingAt()).toBe("one");
  socket.remove();
  await close(server);
  expect(readdirSync(folder)).toEqual([]);
});

test("UnixSocket does not take the path of one that listens", async () => {
  await take("first");
  await expect(take("second")).rejects.toThrow(
    `--grpc-socket: expected a path nobody listens on, got ${JSON.stringify(file)}`,
  );
  expect(await greetingAt()).toBe("first");
});

test("UnixSocket takes the path of a dead one, which does not delete its successor's socket", async () => {
  const first = await take("first");
  await close(first.server);
  expect(statSync(file).isSocket()).toBe(true);
  const second = await take("second");
  first.socket.remove();
  expect(await greetingAt()).toBe("second");
  second.socket.remove();
  expect(readdirSync(folder)).toEqual([]);
});

test("UnixSocket does not delete a socket that was put in its place while it listened", async () => {
  const { socket, server } = await take("mine");
  rmSync(file);
  const stranger = net.createServer((connection) => connection.end("theirs"));
  servers.push(stranger);
  await new Promise<void>((resolve) => stranger.listen(file, resolve));
  socket.remove();
  await close(server);
  expect(await greetingAt()).toBe("theirs");
});

test("UnixSocket keeps off a file that is no socket", async () => {
  writeFileSync(file, "precious");
  await expect(take("x")).rejects.toThrow("--grpc-socket: expected a path with nothing or an old socket at it");
  expect(readFileSync(file, "utf8")).toBe("precious");
});

test("socketFaults tells a missing folder and a path that is too long, and takes a free path or none", () => {
  const expectations = (text: string) => socketFaults(text).map(({ expected }) => expected);
  expect(expectations(path.join(folder, "missing", "x.sock"))).toEqual(["a path in a folder that exists"]);
  expect(expectations(path.join(folder, "x".repeat(100)))).toEqual(["a path of at most 96 bytes"]);
  expect([...expectations(file), ...expectations("")]).toEqual([]);
});
