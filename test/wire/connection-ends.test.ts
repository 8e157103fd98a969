/** Connections of the gRPC ports, and that none of them outlives its client or the drain. */
import net from "node:net";
import tls from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CHECK, type HealthPort, startHealthPort } from "../support/health-port.ts";

let served: HealthPort;

beforeEach(async () => {
  served = await startHealthPort();
});
afterEach(() => served.grpcPort.stop());

const frame = (type: number, flags: number, stream: number, payload: Buffer) =>
  Buffer.concat([Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, stream]), payload]);
const text = (value: string) => [value.length, ...Buffer.from(value)];

/** What a client sends first: preface, settings, and a health check that names the picker so. */
function firstBytes(name: string): Buffer {
  const head = [0x83, 0x86, 0, ...text(":path"), ...text(CHECK), 1, ...text(name)];
  const type = [0, ...text("content-type"), ...text("application/grpc"), 0, ...text("te"), ...text("trailers")];
  const request = [frame(1, 4, 1, Buffer.from([...head, ...type])), frame(0, 1, 1, Buffer.alloc(5))];
  return Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0, Buffer.alloc(0)), ...request]);
}

interface Client {
  readonly raw: net.Socket;
  readonly socket: net.Socket;
}

async function connected(): Promise<net.Socket> {
  const raw = net.connect(served.port, "127.0.0.1").on("error", () => {});
  await new Promise((resolve) => raw.once("connect", resolve));
  return raw;
}

async function secured(raw: net.Socket, isTls: boolean): Promise<Client> {
  if (!isTls) return { raw, socket: raw };
  const socket = tls.connect({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
  await new Promise((resolve) => socket.on("error", () => {}).once("secureConnect", resolve));
  return { raw, socket };
}

/** The types of the frames that come back. */
function framesOf({ socket }: Client): number[] {
  const types: number[] = [];
  let held = Buffer.alloc(0);
  socket.on("data", (bytes: Buffer) => {
    held = Buffer.concat([held, bytes]);
    while (held.length >= 9 && held.length >= 9 + held.readUIntBE(0, 3)) {
      types.push(held[3] ?? -1);
      held = held.subarray(9 + held.readUIntBE(0, 3));
    }
  });
  return types;
}

const ways = {
  "is reset": ({ raw }: Client) => raw.resetAndDestroy(),
  "is closed": ({ socket }: Client) => socket.destroy(),
  "ends what it sends": ({ socket }: Client) => socket.end(),
};

describe.each([
  ["plaintext", false],
  ["TLS", true],
])("over %s", (_, isTls) => {
  test.each(
    Object.entries(ways).flatMap(([way, leave]) => ["picker", "a|b"].map((name) => [way, name, leave] as const)),
  )("a connection that %s just after its first request, to %s, is over", async (_way, name, leave) => {
    const one = async () => {
      const client = await secured(await connected(), isTls);
      client.socket.write(firstBytes(name));
      await new Promise(setImmediate);
      leave(client);
    };
    await Promise.all(Array.from({ length: 20 }, one));
    await expect.poll(() => served.grpcPort.connections).toBe(0);
    expect(served.grpcPort.idle).toBe(true);
  });

  test("a connection that says nothing until the drain is served, sent away, and over with its request", async () => {
    const raw = await connected();
    await expect.poll(() => served.grpcPort.connections).toBe(1);
    served.grpcPort.announceGoaway();
    served.grpcPort.closeGently();
    const client = await secured(raw, isTls);
    const frames = framesOf(client);
    const closed = new Promise((resolve) => client.socket.once("close", resolve));
    client.socket.write(firstBytes("picker"));
    await closed;
    const [head, body, goaway] = [1, 0, 7];
    expect(frames).toEqual(expect.arrayContaining([head, body, goaway]));
    await expect.poll(() => served.grpcPort.idle).toBe(true);
  });

  test("stop ends a connection whose client has just ended its side", async () => {
    const client = await secured(await connected(), isTls);
    const closed = new Promise((resolve) => client.socket.once("close", resolve));
    client.socket.write(firstBytes("a|b"));
    await new Promise((resolve) => client.socket.once("data", resolve));
    client.socket.end();
    await expect
      .poll(() => {
        served.grpcPort.stop();
        return served.grpcPort.connections;
      })
      .toBe(0);
    await closed;
  });
});
