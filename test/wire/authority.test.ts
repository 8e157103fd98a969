/**
 * Clients that say a cluster's name in :authority, as Envoy does unless told: Node's own HTTP/2 would reset each of
 * their requests. The other side is Node's client, whose header compression is nghttp2's, with an index and Huffman code.
 */
import http2 from "node:http2";
import net from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { GrpcPort } from "../../src/ext-proc/grpc-port.ts";
import { MendedSocket } from "../../src/ext-proc/mended-socket.ts";
import { CHECK, startHealthPort } from "../support/health-port.ts";
import { Random } from "../support/random.ts";

const CLUSTER = "outbound|9002||pointsman.default.svc.cluster.local";
const HOST = "pointsman.default.svc.cluster.local";

let port: number;
let refusals: { kind: string; peer: string; detail: string }[] = [];
let grpcPort: GrpcPort;

// A port of its own for each: it remembers who lost requests.
beforeEach(async () => {
  ({ grpcPort, port, refusals } = await startHealthPort());
});
afterEach(() => grpcPort.stop());

const links = {
  plaintext: () => net.connect(port, "127.0.0.1"),
  TLS: () => tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2"] }),
};

/** What arrives of the client's bytes arrives one by one. */
function inSingleBytes(link: net.Socket): Duplex {
  link.setNoDelay(true);
  const duplex = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      for (const byte of chunk) link.write(Buffer.of(byte));
      done();
    },
    final: (done) => void link.end(done),
  });
  link.on("data", (chunk) => duplex.push(chunk));
  link.on("close", () => duplex.push(null)).on("error", () => {});
  return duplex;
}

function connect(link: Duplex): http2.ClientHttp2Session {
  return http2.connect("http://picker", { createConnection: () => link }).on("error", () => {});
}

/** One health check; resolves with its gRPC status, or with the reset. */
function check(session: http2.ClientHttp2Session, authority: string, headers: object = {}): Promise<string> {
  return new Promise((resolve) => {
    const stream = session.request({
      ":method": "POST",
      ":path": CHECK,
      ":authority": authority,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    let status = "";
    const note = (received: http2.IncomingHttpHeaders) => {
      status = String(received["grpc-status"] ?? status);
    };
    stream
      .on("response", note)
      .on("trailers", note)
      .on("error", () => {})
      .resume();
    stream.on("close", () => resolve(stream.rstCode === 0 ? `status ${status}` : `reset ${stream.rstCode}`));
    stream.end(Buffer.alloc(5));
  });
}

describe.each(Object.entries(links))("over %s", (_, link) => {
  test.each([
    ["whole", (socket: net.Socket): Duplex => socket],
    ["byte by byte", inSingleBytes],
  ])("a client that names a cluster is served, its bytes coming %s", async (_how, over) => {
    const session = connect(over(link()));
    const answers = await Promise.all(Array.from({ length: 3 }, () => check(session, CLUSTER)));
    expect(answers).toEqual(["status 0", "status 0", "status 0"]);
    expect(refusals).toEqual([]);
    session.destroy();
  });

  test("it is served for as long as it stays, also once its name has left the header table", async () => {
    const session = connect(link());
    // Each is an entry of its own in a table of 4 KiB.
    for (let i = 0; i < 300; i++) {
      expect(await check(session, CLUSTER, { "x-request-id": `${i}`.padEnd(200, "-") })).toBe("status 0");
    }
    expect(refusals).toEqual([]);
    session.destroy();
  });

  test("a name is mended wherever it comes, if the connection is one that is mended", async () => {
    const session = connect(link());
    expect([await check(session, CLUSTER), await check(session, HOST)]).toEqual(["status 0", "status 0"]);
    expect(await check(session, "a {cluster}`s name/#1 <\\^>")).toBe("status 0");
    expect(refusals).toEqual([]);
    session.destroy();
  });
});

test("over TLS a name is mended that only a later request has", async () => {
  const session = connect(links.TLS());
  expect([await check(session, HOST), await check(session, CLUSTER)]).toEqual(["status 0", "status 0"]);
  session.destroy();
});

test("a connection that loses requests below us is told of once, with its peer, its others go on, and the next is mended", async () => {
  const socket = links.plaintext();
  const session = connect(socket);
  expect(await check(session, HOST)).toBe("status 0");
  const peer = `127.0.0.1:${socket.localPort}`;
  const gone = new Promise((resolve) => session.once("goaway", resolve));
  const lost = [check(session, CLUSTER), check(session, CLUSTER)];
  expect(await Promise.all([...lost, check(session, HOST)])).toEqual(["reset 1", "reset 1", "status 0"]);
  await gone;
  expect(refusals).toEqual([{ kind: "unheard_streams", peer, detail: "2 streams" }]);
  session.destroy();
  const next = connect(links.plaintext());
  expect([await check(next, HOST), await check(next, CLUSTER)]).toEqual(["status 0", "status 0"]);
  next.destroy();
});

test("a connection that loses what cannot be mended is told of and kept", async () => {
  const session = connect(links.TLS());
  let isSentAway = false;
  session.once("goaway", () => {
    isSentAway = true;
  });
  expect(await check(session, HOST)).toBe("status 0");
  expect([await check(session, ""), await check(session, HOST)]).toEqual(["reset 1", "status 0"]);
  expect(await check(session, HOST)).toBe("status 0");
  expect(refusals).toMatchObject([{ kind: "unheard_streams", detail: "1 streams" }]);
  expect(isSentAway).toBe(false);
  session.destroy();
});

test("a mended connection knows its peer, ends gently with its last stream, and at once when its client is gone", async () => {
  const socket = links.TLS();
  const session = connect(socket);
  expect(await check(session, CLUSTER, { ":path": "/no.such/Method" })).toBe("status 12");
  const peer = `127.0.0.1:${socket.localPort}`;
  expect(refusals).toEqual([{ kind: "unknown_method", peer, detail: "/no.such/Method" }]);
  const other = connect(links.plaintext());
  expect(await check(other, CLUSTER)).toBe("status 0");
  other.destroy();
  const closed = new Promise((resolve) => session.once("close", resolve));
  grpcPort.announceGoaway();
  grpcPort.closeGently();
  await closed;
  await expect.poll(() => grpcPort.idle).toBe(true);
});

test("a client that waits for the server's settings is served", async () => {
  const socket = net.connect(port, "127.0.0.1");
  const held: Buffer[] = [];
  let isSettled = false;
  const link = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      // The preface and the settings come first.
      if (isSettled || held.length === 0) socket.write(chunk);
      else held.push(chunk);
      if (held.length === 0) held.push(Buffer.alloc(0));
      done();
    },
  });
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    isSettled = true;
    for (const waiting of held.splice(1)) socket.write(waiting);
    link.push(chunk);
  });
  const session = connect(link);
  expect(await check(session, CLUSTER)).toBe("status 0");
  session.destroy();
  socket.destroy();
});

test("what HTTP/2 hears in place of a name is the name with a character changed for each that it forbids", async () => {
  const heard: string[] = [];
  const server = http2.createServer();
  server.on("stream", (stream, headers) => {
    heard.push(headers[":authority"] ?? "");
    stream.respond();
    stream.end();
  });
  const listener = net.createServer((socket) => server.emit("connection", new MendedSocket(socket, Buffer.alloc(0))));
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port: at } = listener.address() as net.AddressInfo;
  const session = http2.connect(`http://127.0.0.1:${at}`);
  const random = new Random(7);
  const forbidden = '|/ ?"@#<>\\^{}`';
  const alphabet = `${forbidden}abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:!$&'()*+,;=[]~%`;
  const name = () => Array.from({ length: 1 + random.int(200) }, () => random.of([...alphabet])).join("");
  // Spaces at the ends are Node's own to refuse.
  const names = Array.from({ length: 300 }, () => `a${name()}z`);
  for (const each of names) await check(session, each);
  session.destroy();
  listener.close();
  expect(heard).toEqual(names.map((each) => each.replace(/[|/ ?"@#<>\\^{}`]/g, "-")));
});
