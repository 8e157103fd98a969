/** Connections that begin and then say no more: each is closed in time, with a line that names its peer. */
import net from "node:net";
import tls from "node:tls";
import grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { GrpcPort, type RefusalKind } from "../../src/ext-proc/grpc-port.ts";
import { ResetGuard } from "../../src/ext-proc/reset-guard.ts";
import { selfSigned } from "../../src/ext-proc/self-signed.ts";

interface Refusal {
  readonly kind: RefusalKind;
  readonly peer: string;
  readonly detail: string;
}

let port: number;
let refusals: Refusal[] = [];
let grpcPort: GrpcPort;
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const emptySettings = "\0\0\0\x04\0\0\0\0\0";

function portWith(openingTimeoutMs: number): GrpcPort {
  const { key, certificate } = selfSigned("test", new Date());
  return new GrpcPort({
    server: new grpc.Server({ "grpc.enable_channelz": 0 }),
    tls: grpc.ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: certificate }], false),
    tlsOnly: false,
    methods: new Set<string>(),
    guard: new ResetGuard(
      () => 0,
      () => {},
    ),
    openingTimeoutMs,
    onRefused: (kind, peer, detail) => refusals.push({ kind, peer, detail }),
  });
}

beforeAll(async () => {
  grpcPort = portWith(100);
  port = await grpcPort.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(() => grpcPort.stop());
beforeEach(() => {
  refusals = [];
});

/** Says these bytes and waits until the other side closes; resolves with our own address. */
function sayAndWait(bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    let me = "";
    const socket = net.connect(port, "127.0.0.1", () => {
      me = `127.0.0.1:${socket.localPort}`;
      socket.write(bytes);
    });
    socket.on("error", () => {}).resume();
    socket.on("close", () => resolve(me));
  });
}

test.each([
  ["nothing", "", "silent", "0 bytes"],
  ["the first letter of the preface", "P", "silent", "1 bytes"],
  ["a method and no more", "POST", "silent", "4 bytes"],
  ["half a preface", "PRI * HTTP/2.0\r\n", "silent", "no HTTP/2 settings"],
  ["a preface without settings", preface, "silent", "no HTTP/2 settings"],
  ["three bytes of TLS", Buffer.from([22, 3, 1]), "tls_handshake", expect.stringContaining("timeout")],
])("a connection that says %s is closed, and its peer is named", async (_, bytes, kind, detail) => {
  const peer = await sayAndWait(bytes);
  expect(refusals).toEqual([{ kind, peer, detail }]);
});

test("a TLS client that is silent after the handshake is closed, and its peer is named", async () => {
  const options = { port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2"] };
  const socket = tls.connect(options);
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  const peer = `127.0.0.1:${socket.localPort}`;
  await new Promise((resolve) =>
    socket
      .on("error", () => {})
      .on("close", resolve)
      .resume(),
  );
  expect(refusals).toEqual([{ kind: "silent", peer, detail: "no HTTP/2 settings" }]);
});

test("a connection that sent its settings stays open however long it is silent", async () => {
  const socket = net.connect(port, "127.0.0.1", () => socket.write(preface + emptySettings, "latin1"));
  const closed = new Promise((resolve) => socket.on("close", () => resolve("closed")));
  await new Promise((resolve) => socket.once("data", resolve));
  // A silent connection that opened later has been closed: this one's time is over as well.
  const later = sayAndWait(preface);
  expect(await Promise.race([closed, later])).not.toBe("closed");
  expect(refusals).toHaveLength(1);
  socket.destroy();
});

test("a peer of IPv6 is named with brackets", async () => {
  const six = portWith(100);
  const sixPort = await six.listen({ host: "::1", port: 0 }).catch(() => undefined);
  // Not every machine has IPv6.
  if (sixPort === undefined) return;
  const socket = net.connect(sixPort, "::1", () => socket.write("\0\0\0"));
  await new Promise((resolve) =>
    socket
      .on("error", () => {})
      .on("close", resolve)
      .resume(),
  );
  expect(refusals[0]?.peer).toMatch(/^\[::1\]:\d+$/);
  six.stop();
});
