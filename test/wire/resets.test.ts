/** Envoy ends every stream with RST_STREAM: thousands of them must not cost the connection, unless it is an attack. */
import http2 from "node:http2";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { protoMethods } from "../../src/ext-proc/messages.ts";
import * as envoy from "../support/envoy-messages.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { RawConnection } from "../support/raw-connection.ts";

let picker: PickerProcess;

beforeAll(async () => {
  picker = await startPicker(["--pods=127.0.0.1:1"]);
});
afterAll(() => picker?.kill());

const processHeaders = {
  ":method": "POST",
  ":path": protoMethods().process.path,
  "content-type": "application/grpc",
  te: "trailers",
};
const bodyless = protoMethods().process.requestSerialize(envoy.requestHeaders({ endOfStream: true }));
const message = Buffer.concat([Buffer.from([0, 0, 0, 0, bodyless.length]), bodyless]);
const AT_ONCE = 50;

function connect(scheme: "http" | "https"): Promise<http2.ClientHttp2Session> {
  const session = http2.connect(`${scheme}://${picker.address}`, { rejectUnauthorized: false });
  return new Promise((resolve, reject) => {
    session.once("connect", () => resolve(session));
    session.once("error", reject);
  });
}

/** One stream that is reset once it was answered; true if it was. */
function resetStream(session: http2.ClientHttp2Session): Promise<boolean> {
  return new Promise((resolve) => {
    const stream = session.request(processHeaders);
    let isAnswered = false;
    stream.write(message);
    stream.once("data", () => {
      isAnswered = true;
      // As Envoy does it: the end of our side, then the reset.
      stream.end();
      stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    });
    stream.on("error", () => {});
    stream.once("close", () => resolve(isAnswered));
  });
}

/** Runs `count` streams, some at once, for as long as the connection lives; returns how many were answered. */
async function resetMany(session: http2.ClientHttp2Session, count: number): Promise<number> {
  let started = 0;
  let answered = 0;
  const loop = async () => {
    while (started < count && !session.closed && !session.destroyed) {
      started++;
      if (await resetStream(session)) answered++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, loop));
  return answered;
}

describe.each([
  ["http", 11_000],
  ["https", 5_000],
] as const)("a connection over %s", (scheme, count) => {
  test(`lives on after ${count} answered streams that were each ended with a reset`, async () => {
    const session = await connect(scheme);
    expect(await resetMany(session, count)).toBe(count);
    expect(session.closed || session.destroyed).toBe(false);
    await picker.metricBecomes("pointsman_streams_open", 0);
    await picker.metricBecomes("pointsman_in_flight", 0);
    session.destroy();
  });
});

test("a burst of 5,000 clients that leave before any answer costs nobody the connection", async () => {
  const flood = await RawConnection.open(picker.port);
  await flood.resetUnanswered(5_000);
  expect(flood.isClosed).toBe(false);
  expect(await picker.metric("pointsman_reset_floods_total")).toBe(0);
  await picker.metricBecomes("pointsman_streams_open", 0);
  flood.close();
});

test("a flood of streams that are reset unanswered ends its connection, and only that one", async () => {
  const innocent = await connect("http");
  const flood = await RawConnection.open(picker.port);
  await flood.resetUnanswered(200_000);
  expect(flood.isClosed).toBe(true);
  expect(await picker.metric("pointsman_reset_floods_total")).toBe(1);
  await picker.line((line) => String(line["msg"]).includes("reset thousands of streams"));
  expect(await resetMany(innocent, 100)).toBe(100);
  await picker.metricBecomes("pointsman_streams_open", 0);
  innocent.destroy();
});
