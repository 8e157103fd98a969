/** What the two transports do inside: the direct one must keep grpc-js's Duplex stream out of every message's way. */
import { createRequire } from "node:module";
import { afterEach, describe, expect, test } from "vitest";
import { connectExtProc, type ExtProcClient } from "../../src/ext-proc/client.ts";
import { mutatedHeaders } from "../../src/ext-proc/messages.ts";
import type { Transport } from "../../src/ext-proc/service.ts";
import * as envoy from "../support/envoy-messages.ts";
import { ServedRig } from "../support/served-rig.ts";
import type { RigOptions } from "../support/stream-rig.ts";

interface DuplexClass {
  readonly prototype: { push(message: unknown): boolean; _write(...args: unknown[]): void };
}
// Not public, hence by its path: the class through which grpc-js hands messages to a bidi handler.
const { ServerDuplexStreamImpl } = createRequire(import.meta.url)("@grpc/grpc-js/build/src/server-call.js") as {
  ServerDuplexStreamImpl: DuplexClass;
};

let rig: ServedRig;
let client: ExtProcClient;

async function serve(transport: Transport, options?: RigOptions): Promise<void> {
  rig = await ServedRig.start(transport, options);
  client = connectExtProc({ address: rig.address });
}

afterEach(() => {
  client.close();
  rig.server.stop();
});

/** Messages that pass grpc-js's Duplex, in and out, while `work` runs. */
async function throughDuplex(work: () => Promise<void>): Promise<{ received: number; sent: number }> {
  const { prototype } = ServerDuplexStreamImpl;
  const { push, _write } = prototype;
  const seen = { received: 0, sent: 0 };
  prototype.push = function (this: typeof prototype, message: unknown) {
    if (message !== null) seen.received++;
    return push.call(this, message);
  };
  prototype._write = function (this: typeof prototype, ...args: unknown[]) {
    seen.sent++;
    _write.apply(this, args);
  };
  try {
    await work();
  } finally {
    Object.assign(prototype, { push, _write });
  }
  return seen;
}

async function onePick(): Promise<void> {
  const stream = client.process();
  stream.send(envoy.requestHeaders());
  await stream.reply();
  stream.send(envoy.requestBody(envoy.chatBody()));
  expect(mutatedHeaders((await stream.reply()) ?? {}).size).toBe(1);
  stream.halfClose();
  expect(await stream.ended).toMatchObject({ code: 0 });
}

describe("the direct transport", () => {
  test("passes no message through grpc-js's Duplex stream", async () => {
    await serve("direct");
    expect(await throughDuplex(onePick)).toEqual({ received: 0, sent: 0 });
    expect(rig.picks).toHaveLength(1);
    expect(rig.faults).toEqual([]);
  });

  test("leaves health to grpc-js", async () => {
    await serve("direct");
    expect(await client.checkHealth("liveness")).toBe("SERVING");
  });
});

test("the plain transport passes every message through grpc-js's Duplex stream, which shows that it can be seen", async () => {
  await serve("plain");
  expect(await throughDuplex(onePick)).toEqual({ received: 2, sent: 2 });
  expect(rig.faults).toEqual([]);
});

describe.each(["direct", "plain"] as const)("over the %s transport", (transport) => {
  test("a picker that knows no pod answers 503 and when to come back", async () => {
    await serve(transport, { pods: [] });
    const stream = client.process();
    stream.send(envoy.requestHeaders({ endOfStream: true }));
    const answer = (await stream.reply()) ?? {};
    expect(answer.immediate_response?.status?.code).toBe(503);
    expect(mutatedHeaders(answer).get("retry-after")).toBe("1");
    stream.halfClose();
    expect(await stream.ended).toMatchObject({ code: 0 });
  });

  test("a stream above the limit is refused with 503, and the ones before it go on", async () => {
    await serve(transport, { streamLimit: 1 });
    const first = client.process();
    first.send(envoy.requestHeaders());
    await first.reply();
    const second = client.process();
    second.send(envoy.requestHeaders());
    expect((await second.reply())?.immediate_response?.status?.code).toBe(503);
    first.send(envoy.requestBody(envoy.chatBody()));
    expect((await first.reply())?.response).toBe("request_body");
    expect(rig.refusals).toEqual(["overloaded"]);
  });

  test("a fault inside the pick still names a pod", async () => {
    await serve(transport);
    rig.breakRouting = true;
    await onePick();
    expect(new Set(rig.faults)).toEqual(new Set(["routing"]));
  });

  test("many streams at once on one connection are answered each with its own body", async () => {
    await serve(transport, { streamLimit: 1000 });
    const echo = async (turn: number) => {
      const body = Buffer.from(envoy.chatBody(`${turn}`.repeat(30_000)));
      const stream = client.process();
      stream.send(envoy.requestHeaders({ mode: "FULL_DUPLEX_STREAMED" }));
      stream.send(envoy.requestBody(body));
      const chunks: Buffer[] = [];
      for (let isLast = false; !isLast; ) {
        const streamed = (await stream.reply())?.request_body?.response?.body_mutation?.streamed_response;
        if (streamed?.body !== undefined) chunks.push(streamed.body);
        isLast = streamed?.end_of_stream ?? false;
      }
      stream.halfClose();
      await stream.ended;
      return Buffer.concat(chunks).equals(body);
    };
    const echoes = await Promise.all(Array.from({ length: 100 }, (_, turn) => echo(turn)));
    expect(echoes).not.toContain(false);
    expect(rig.host.openStreams.size).toBe(0);
    expect(rig.host.budget.usedBytes).toBe(0);
  });
});
