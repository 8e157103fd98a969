/** Whatever ends a request, what held its blocks in the prefix index lets them go. */
import { describe, expect, test } from "vitest";
import type { ProcessingRequest } from "../../../src/ext-proc/messages.ts";
import { headerMap } from "../../../src/ext-proc/messages.ts";
import { PrefixIndex } from "../../../src/prefix/prefix-index.ts";
import { keysOf } from "../../support/block-key-trees.ts";
import { type RiggedStream, StreamRig } from "../../support/stream-rig.ts";

const BODY = '{"model":"m","prompt":"hello"}';
const BLOCKS = [..."abcd"];
const pods = ["10.0.0.1:8000", "10.0.0.2:8000"];

/** The first pod is picked for every request, and every prompt is the same four blocks. */
function setUp() {
  const table: { current?: StreamRig["table"] } = {};
  const isCurrent: StreamRig["table"]["isCurrent"] = (slot, generation) =>
    table.current?.isCurrent(slot, generation) ?? false;
  const index = new PrefixIndex({ budgetBytes: 2 ** 20, pods: { isCurrent } });
  const rig = new StreamRig({ pods, pins: index });
  table.current = rig.table;
  rig.table.columns.waiting[1] = 5;
  rig.table.onLeave((pod) => index.forgetPod(pod.slot));
  rig.host.router.learn = (decision) =>
    decision.kind === "picked" ? index.record(keysOf(BLOCKS), decision.pod.slot, decision.pod.generation) : undefined;
  const held = () =>
    pods.map((address) => {
      const hits = new Float64Array(1);
      const slot = rig.table.byAddress(address)?.slot ?? 99;
      index.match(keysOf(BLOCKS), Int32Array.of(slot), 1, hits);
      return Math.round(((hits[0] ?? 0) * keysOf(BLOCKS).totalBytes) / 64);
    });
  return { rig, index, held };
}

function headersOf(status: string, served = "", end = false): ProcessingRequest {
  const fields = { "x-gateway-destination-endpoint-served": { stringValue: served } };
  return {
    response_headers: {
      headers: headerMap({ ":status": status, "content-type": "text/event-stream" }),
      end_of_stream: end,
    },
    metadata_context: { filter_metadata: { "envoy.lb": { fields } } },
  };
}

const picked = (rig: StreamRig, peer = "envoy:1") => rig.open(peer).headers("BUFFERED").body(BODY);

describe("the pin of a request", () => {
  test("holds its blocks while it is in flight", () => {
    const { rig, index, held } = setUp();
    const one = picked(rig);
    const other = picked(rig);
    expect([index.pinned, held()]).toEqual([4, [4, 0]]);
    one.stream.onHalfClose();
    expect(index.pinned).toBe(4);
    other.stream.onCancel();
    expect([index.pinned, index.entries, held()]).toEqual([0, 4, [4, 0]]);
  });

  test("is learnt also where no pod tells its load", () => {
    const { rig, index } = setUp();
    rig.table.columns.waiting.fill(Number.NaN);
    picked(rig);
    expect(rig.picks).toMatchObject([{ reason: "unknown_load" }]);
    expect([index.pinned, index.entries]).toEqual([4, 4]);
  });

  test.each<[string, (stream: RiggedStream, rig: StreamRig) => unknown]>([
    ["ends well", ({ stream }) => stream.onHalfClose()],
    ["is reset before an answer", ({ stream }) => stream.onCancel()],
    ["is reset in the middle of the answer", (stream) => stream.send(headersOf("200")).stream.onCancel()],
    ["is ended for a message that makes no sense", (stream) => stream.send({})],
    ["is let go at the drain", ({ stream }) => stream.letGo()],
    ["ends twice", ({ stream }) => [stream.onHalfClose(), stream.onCancel()]],
    ["is over when its answer ends", (stream) => stream.send(headersOf("200", "", true)).stream.onHalfClose()],
  ])("is released when the stream %s, and what it brought stays", (_, end) => {
    const { rig, index, held } = setUp();
    const stream = picked(rig);
    expect(index.pinned).toBe(4);
    end(stream, rig);
    rig.advance(600_000);
    rig.inFlight.expire();
    expect([index.pinned, held()]).toEqual([0, [4, 0]]);
  });

  test.each(["400", "429", "500", "503"])("is withdrawn at an answer of %s: the pod read nothing", (status) => {
    const { rig, index, held } = setUp();
    const { stream } = picked(rig).send(headersOf(status, pods[0]));
    expect([index.pinned, index.entries, held()]).toEqual([0, 0, [0, 0]]);
    stream.onHalfClose();
    expect(index.pinned).toBe(0);
  });

  test("moves with the request to the pod that served it", () => {
    const { rig, index, held } = setUp();
    const { stream } = picked(rig).send(headersOf("200", pods[1]));
    expect([index.pinned, held()]).toEqual([4, [0, 4]]);
    stream.onHalfClose();
    expect([index.pinned, held()]).toEqual([0, [0, 4]]);
  });

  test("is over when the pod leaves, and the stream's end is none of its successor's business", () => {
    const { rig, index } = setUp();
    const { stream } = picked(rig);
    rig.table.reconcile([{ name: "new", address: "10.0.0.3:8000" }]);
    expect([index.pinned, index.entries]).toEqual([0, 0]);
    index.record(keysOf(BLOCKS), rig.table.pods()[0]!.slot, rig.table.pods()[0]!.generation);
    stream.onHalfClose();
    expect(index.pinned).toBe(4);
  });

  test("outlasts a stream that Envoy closes early, until the request is believed over", () => {
    const { rig, index } = setUp();
    // Streamed request bodies without a look at the answer: Envoy has no more use for the stream.
    const { stream } = rig.open().headers("BUFFERED").body(BODY);
    rig.host.earlyEnds.isEarly = () => true;
    stream.onCancel();
    expect([index.pinned, rig.inFlight.estimated]).toEqual([4, 1]);
    rig.advance(600_000);
    rig.inFlight.expire();
    expect([index.pinned, rig.inFlight.estimated]).toEqual([0, 0]);
  });

  test("outlasts a stream that is closed early until a scrape shows that the pod is done, or that it left", () => {
    const { rig, index } = setUp();
    rig.host.earlyEnds.isEarly = () => true;
    const [one, other] = [picked(rig), picked(rig)];
    one.stream.onCancel();
    other.stream.onCancel();
    const { slot } = rig.table.byAddress("10.0.0.1:8000")!;
    rig.advance(1_000);
    rig.inFlight.correct(slot, 1, rig.clockMs);
    expect([index.pinned, rig.inFlight.estimated]).toEqual([4, 1]);
    rig.table.reconcile([]);
    expect([index.pinned, rig.inFlight.estimated]).toEqual([0, 0]);
  });

  test("is not taken for a pod that was named with the headers, nor where the body is then refused", () => {
    const { rig, index } = setUp();
    const stream = rig.open().headers("BUFFERED", { headers: {} });
    expect([rig.inFlightCount, index.pinned]).toEqual([1, 0]);
    stream.body(BODY);
    expect([rig.inFlightCount, index.pinned]).toEqual([1, 4]);
    stream.stream.onHalfClose();
    rig.open().headers("BUFFERED", { headers: {} }).body("{bad");
    expect([rig.inFlightCount, index.pinned]).toEqual([0, 0]);
  });

  test("is not taken in observability mode", () => {
    const { rig, index } = setUp();
    rig.open().headers("BUFFERED", { shadow: true }).body(BODY, true, true);
    expect([rig.picks.length, index.entries]).toEqual([1, 0]);
  });
});
