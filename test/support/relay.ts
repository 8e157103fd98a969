/** Stands between Envoy and the picker and takes protocol_config out of each stream's first message, as old Envoys do. */
import http2 from "node:http2";
import type { AddressInfo } from "node:net";

const PROTOCOL_CONFIG = 11;
/** gRPC's frame: one byte of compression flag, four of length. */
const PREFIX = 5;

export interface Relay {
  readonly address: string;
  /** Messages that lost the field. */
  readonly stripped: number;
  close(): Promise<void>;
}

export async function startRelay(picker: string): Promise<Relay> {
  let stripped = 0;
  const upstream = http2.connect(`http://${picker}`);
  upstream.on("error", () => undefined);
  // Envoy ends streams with a reset each; Node would hang up after a thousand.
  const server = http2.createServer({ streamResetBurst: 1e6, streamResetRate: 1e6 });
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => sessions.add(session.once("close", () => sessions.delete(session))));
  server.on("stream", (near, headers) => {
    const far = upstream.request(headers, { endStream: false });
    forward(near, far, headers[":path"]?.endsWith("/Process") === true, () => {
      stripped++;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get stripped() {
      return stripped;
    },
    close: async () => {
      upstream.destroy();
      for (const session of sessions) session.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function forward(near: http2.ServerHttp2Stream, far: http2.ClientHttp2Stream, strip: boolean, count: () => void): void {
  let head: Buffer | undefined = strip ? Buffer.alloc(0) : undefined;
  near.on("data", (chunk: Buffer) => {
    if (head === undefined) {
      far.write(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.length < PREFIX ? Number.POSITIVE_INFINITY : PREFIX + head.readUInt32BE(1);
    if (head.length < end) return;
    const message = withoutField(head.subarray(PREFIX, end), PROTOCOL_CONFIG);
    if (message.length < end - PREFIX) count();
    const prefix = Buffer.alloc(PREFIX);
    prefix.writeUInt32BE(message.length, 1);
    far.write(Buffer.concat([prefix, message, head.subarray(end)]));
    head = undefined;
  });
  near.on("end", () => far.end());
  far.on("response", (headers) => near.respond(headers, { waitForTrailers: true }));
  let trailers: http2.IncomingHttpHeaders = {};
  far.on("trailers", (received) => {
    trailers = received;
  });
  near.on("wantTrailers", () => near.sendTrailers(trailers));
  far.on("data", (chunk: Buffer) => near.write(chunk));
  far.on("end", () => near.end());
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one.on("error", () => undefined);
    one.on("close", () => {
      if (!other.closed && one.rstCode !== 0) other.close(one.rstCode);
    });
  }
}

/** A top-level walk: varints, fixed widths and length-delimited fields are all a message can have. */
function withoutField(message: Buffer, unwanted: number): Buffer {
  const kept: Buffer[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const start = at;
    const tag = varint();
    const type = tag & 7;
    if (type === 2) {
      const length = varint();
      at += length;
    } else if (type === 0) varint();
    else at += type === 1 ? 8 : 4;
    if (tag >>> 3 !== unwanted) kept.push(message.subarray(start, at));
  }
  return Buffer.concat(kept);
}
