import { once } from "node:events";
import http2 from "node:http2";
import { expect, test } from "vitest";
import { protoMethods } from "../../src/ext-proc/messages.ts";
import { requestBody, requestHeaders } from "../support/envoy-messages.ts";
import { startFakePods, startPicker } from "../support/picker-process.ts";

const { path, requestSerialize } = protoMethods().process;
const TINY = 3000;

/** A gRPC message: not compressed, its length, its bytes. */
function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

test("thousands of messages that wait behind a reply nobody reads are answered one after the other", async () => {
  const [pod] = await startFakePods(1);
  const picker = await startPicker(["--pods", pod!.address]);
  const session = http2.connect(`http://${picker.address}`, { settings: { initialWindowSize: 0 } });
  await once(session, "remoteSettings");
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  const large = framed(requestSerialize(requestBody(Buffer.alloc(1_500_000), false)));
  const tiny = framed(requestSerialize(requestBody("x", false)));
  stream.write(framed(requestSerialize(requestHeaders({ path: "/other", mode: "FULL_DUPLEX_STREAMED" }))));
  stream.write(large.subarray(0, large.length - 100));
  await picker.metricBecomesAtLeast("pointsman_picks_total", 1);
  // The large body's tail and all the small ones arrive together, while its echo cannot leave.
  stream.write(Buffer.concat([large.subarray(large.length - 100), ...Array.from({ length: TINY }, () => tiny)]));
  await picker.metricBecomesAtLeast("pointsman_messages_total", 2);
  stream.resume();
  session.settings({ initialWindowSize: 8_000_000 });
  session.setLocalWindowSize(16_000_000);
  await picker.metricBecomes("pointsman_messages_total", TINY + 2);
  expect(await picker.metric("pointsman_faults_total")).toBe(0);
  session.destroy();
  await picker.metricBecomes("pointsman_streams_open", 0);
  await picker.kill();
  pod!.close();
});
