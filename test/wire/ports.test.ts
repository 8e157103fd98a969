/** What a port makes of the connections that come: h2c and TLS side by side, health, a Unix socket, and strangers. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import http2 from "node:http2";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectExtProc, type ExtProcTarget } from "../../src/ext-proc/client.ts";
import * as envoy from "../support/envoy-messages.ts";
import { type LogLine, type PickerProcess, startPicker } from "../support/picker-process.ts";

let folder: string;
let socketPath: string;
let picker: PickerProcess;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "pointsman-ports-"));
  socketPath = path.join(folder, "ext-proc.sock");
  picker = await startPicker(["--pods=127.0.0.1:1", `--grpc-socket=${socketPath}`]);
});
afterAll(async () => {
  await picker?.kill();
  rmSync(folder, { recursive: true, force: true });
});

async function pickOver(target: ExtProcTarget): Promise<string | undefined> {
  const client = connectExtProc(target);
  const stream = client.process();
  stream.send(envoy.requestHeaders({ endOfStream: true }));
  const answer = await stream.reply();
  stream.halfClose();
  await stream.ended;
  client.close();
  return answer?.request_headers?.response?.header_mutation?.set_headers?.[0]?.header?.raw_value?.toString();
}

test("one port serves h2c and TLS at the same time", async () => {
  const { address } = picker;
  const picks = await Promise.all([
    pickOver({ address }),
    pickOver({ address, tls: {} }),
    pickOver({ address }),
    pickOver({ address, tls: {} }),
  ]);
  expect(new Set(picks)).toEqual(new Set(["127.0.0.1:1"]));
});

test("the Unix socket serves h2c and TLS, is open to other users, and goes away with the picker", async () => {
  const address = `unix:${socketPath}`;
  expect(await pickOver({ address })).toBe("127.0.0.1:1");
  expect(await pickOver({ address, tls: {} })).toBe("127.0.0.1:1");
  expect(statSync(socketPath).mode & 0o666).toBe(0o666);
  const otherPath = path.join(folder, "other.sock");
  const other = await startPicker(["--pods=127.0.0.1:1", `--grpc-socket=${otherPath}`]);
  expect(statSync(otherPath).isSocket()).toBe(true);
  other.signal("SIGTERM");
  expect(await other.exited).toBe(0);
  expect(() => statSync(otherPath)).toThrow("ENOENT");
});

describe.each([
  ["ext_proc port", () => picker.address],
  ["health port", () => picker.healthAddress],
])("health on the %s", (_name, address) => {
  test.each(["", "liveness", "readiness", "envoy.service.ext_proc.v3.ExternalProcessor"])(
    "is SERVING for %j, in h2c and TLS",
    async (service) => {
      for (const target of [{ address: address() }, { address: address(), tls: {} }]) {
        const client = connectExtProc(target);
        expect(await client.checkHealth(service)).toBe("SERVING");
        client.close();
      }
    },
  );

  test("is SERVICE_UNKNOWN for another name", async () => {
    const client = connectExtProc({ address: address() });
    expect(await client.checkHealth("some.other.Service")).toBe("SERVICE_UNKNOWN");
    client.close();
  });
});

describe("strangers leave a log line that names the cause, and are let go", () => {
  const refusal = (kind: string) => (line: LogLine) => line["kind"] === kind;

  /** Everything the port answers to these bytes until it closes the connection. */
  function say(bytes: Buffer | string): Promise<string> {
    return new Promise((resolve) => {
      let answer = "";
      const socket = net.connect(picker.port, "127.0.0.1", () => socket.write(bytes));
      socket.on("data", (chunk: Buffer) => {
        answer += chunk.toString("latin1");
      });
      socket.on("error", () => {});
      socket.on("close", () => resolve(answer));
    });
  }

  test("a client of HTTP/1.1 is told, and the log names http2_protocol_options", async () => {
    expect(await say("POST /x HTTP/1.1\r\nhost: picker\r\n\r\n")).toMatch(/^HTTP\/1\.1 505 /);
    const line = await picker.line(refusal("http1"));
    expect(line["msg"]).toContain("http2_protocol_options");
    await picker.metricBecomes("pointsman_connections_refused_total", 1, { kind: "http1" });
    expect(line["peer"]).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test("a client of HTTP/1.1 is told even where its first bytes are those of HTTP/2", async () => {
    const socket = net.connect({ port: picker.port, host: "127.0.0.1", noDelay: true });
    const answer = new Promise<string>((resolve) => socket.once("data", (bytes) => resolve(bytes.toString("latin1"))));
    for (const part of ["P", "R", "OPFIND", " / HTTP/1.1\r\n\r\n"]) {
      await new Promise((resolve) => socket.write(part, resolve));
    }
    expect(await answer).toMatch(/^HTTP\/1\.1 505 /);
    socket.destroy();
  });

  test("bytes of no known protocol", async () => {
    await say(Buffer.from([0, 1, 2, 3, 4, 5, 6, 7]));
    expect((await picker.line(refusal("unknown_protocol")))["detail"]).toContain("0001020304050607");
  });

  test("a TLS hello that is none", async () => {
    await say(Buffer.from("160301000401000000", "hex"));
    expect((await picker.line(refusal("tls_handshake")))["peer"]).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test("a TLS client that speaks HTTP/1.1", async () => {
    const socket = tls.connect({
      port: picker.port,
      host: "127.0.0.1",
      servername: "localhost",
      rejectUnauthorized: false,
    });
    socket.on("error", () => {});
    const closed = new Promise((resolve) => socket.on("close", resolve));
    await picker.line((line) => line["kind"] === "http1" && String(line["detail"]).includes("ALPN"));
    socket.destroy();
    await closed;
  });

  test("a client that hangs up before the first byte is no reason for a line", async () => {
    const lines = picker.log.length;
    const socket = net.connect(picker.port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    await new Promise((resolve) => socket.end(() => resolve(null)));
    expect(await pickOver({ address: picker.address })).toBe("127.0.0.1:1");
    expect(picker.log.slice(lines)).toEqual([]);
  });
});

test("an HTTP/2 preface that comes byte by byte is understood", async () => {
  const socket = net.connect({ port: picker.port, host: "127.0.0.1", noDelay: true });
  const answer = new Promise<Buffer>((resolve) => socket.once("data", resolve));
  for (const byte of Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1")) {
    await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
  }
  // The first thing an HTTP/2 server says is a SETTINGS frame: type 4 on stream 0.
  expect((await answer)[3]).toBe(4);
  socket.destroy();
});

test("windows are wide enough for a long prompt without a round trip per 64 KiB", async () => {
  const session = http2.connect(`http://${picker.address}`);
  const settings = await new Promise<http2.Settings>((resolve) => session.once("remoteSettings", resolve));
  expect(settings.initialWindowSize).toBeGreaterThanOrEqual(1024 * 1024);
  session.destroy();
});

describe("with TLS made to be the only way", () => {
  test("plaintext is refused with a line, TLS is served", async () => {
    const strict = await startPicker(["--pods=127.0.0.1:1", "--tls-only"]);
    expect(await pickOver({ address: strict.address, tls: {} })).toBe("127.0.0.1:1");
    expect(await pickOver({ address: strict.address })).toBeUndefined();
    await strict.line((line) => line["kind"] === "plaintext_refused");
    await strict.kill();
  });
});

describe("with TLS switched off", () => {
  test("TLS is refused with a line, plaintext is served", async () => {
    const plain = await startPicker(["--pods=127.0.0.1:1", "--secure-serving=false"]);
    expect(await pickOver({ address: plain.address })).toBe("127.0.0.1:1");
    expect(await pickOver({ address: plain.address, tls: {} })).toBeUndefined();
    await plain.line((line) => line["kind"] === "tls_refused");
    await plain.kill();
  });
});
