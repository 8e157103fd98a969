import { beforeEach, describe, expect, test } from "vitest";
import type { PickTrace } from "../../../src/ext-proc/request-trace.ts";
import type { TraceParent } from "../../../src/ext-proc/trace-parent.ts";
import { StreamRig } from "../../support/stream-rig.ts";

const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const body = Buffer.from('{"model":"m","prompt":"p"}');

let rig: StreamRig;
let told: string[];
let parents: (TraceParent | undefined)[];

beforeEach(() => {
  rig = new StreamRig();
  told = [];
  parents = [];
  const trace: PickTrace = {
    picked: ({ reason }, atMs, { shadow, requestId }, phases) =>
      told.push(`picked ${reason} at ${atMs}${phases ? ` from ${phases.startedAtMs}` : ""} ${shadow} ${requestId}`),
    refused: ({ code }, atMs) => told.push(`refused ${code} at ${atMs}`),
    answered: (atMs) => told.push(`answered at ${atMs}`),
    ended: (cause, atMs) => told.push(`ended ${cause} at ${atMs}`),
  };
  const begin = (parent: TraceParent | undefined) => {
    parents.push(parent);
    return parent?.isSampled === false ? undefined : trace;
  };
  Object.assign(rig.host, { tracer: { begin } });
});

const headers = { "x-request-id": "id-1", traceparent: TRACEPARENT };

describe("a traced stream", () => {
  test("tells the pick with its phases and the request's id, and the parent that the headers name", () => {
    rig.clockMs = 5;
    const stream = rig.open().headers("BUFFERED", { headers });
    rig.clockMs = 9;
    stream.send({ request_body: { body, end_of_stream: true } });
    expect(told).toEqual(["picked scored at 9 from 5 false id-1"]);
    expect(parents).toMatchObject([{ spanId: "00f067aa0ba902b7", isSampled: true }]);
  });

  test("tells a refusal", () => {
    rig
      .open()
      .headers("BUFFERED", { headers })
      .send({ request_body: { body: Buffer.from("{"), end_of_stream: true } });
    expect(told[0]).toBe("refused malformed_json at 0");
  });

  test("tells of a stream that is cancelled before its answer", () => {
    const stream = rig.open().headers("FULL_DUPLEX_STREAMED", { headers });
    rig.clockMs = 3;
    stream.stream.onCancel();
    expect(told).toEqual(["ended cancel at 3"]);
  });

  test("that is not sampled tells nothing", () => {
    const unsampled = { ...headers, traceparent: TRACEPARENT.replace(/01$/, "00") };
    const stream = rig.open().headers("BUFFERED", { headers: unsampled });
    stream.send({ request_body: { body, end_of_stream: true } });
    stream.stream.onHalfClose();
    expect(told).toEqual([]);
  });
});
