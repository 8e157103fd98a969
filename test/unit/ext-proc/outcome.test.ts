/** What answers say of the pods, as the streams pass it on. */
import { describe, expect, test } from "vitest";
import { headerMap, type ProcessingRequest } from "../../../src/ext-proc/messages.ts";
import { noteOutcome } from "../../../src/ext-proc/outcome.ts";
import { StreamRig } from "../../support/stream-rig.ts";

const BODY = '{"model":"m","prompt":"hello"}';
const pods = ["10.0.0.1:8000", "10.0.0.2:8000"];

function answer(status: string, more: Record<string, string> = {}, served?: string): ProcessingRequest {
  const fields = { "x-gateway-destination-endpoint-served": { stringValue: served ?? "" } };
  return {
    response_headers: { headers: headerMap({ ":status": status, ...more }), end_of_stream: true },
    ...(served !== undefined && { metadata_context: { filter_metadata: { "envoy.lb": { fields } } } }),
  };
}

function rigThatPicksTheFirst(): StreamRig {
  const rig = new StreamRig({ pods });
  rig.table.columns.waiting[1] = 5;
  return rig;
}

describe("noteOutcome", () => {
  test.each([
    ["200", {}, "10.0.0.1:8000 succeeded"],
    ["404", {}, "10.0.0.1:8000 succeeded"],
    ["429", {}, "10.0.0.1:8000 succeeded"],
    ["500", { "x-envoy-upstream-service-time": "3" }, "10.0.0.1:8000 failed: status"],
    ["503", {}, "10.0.0.1:8000 failed: connect"],
  ])("tells a %s with %j", (status, more, expected) => {
    const rig = rigThatPicksTheFirst();
    rig.open().headers("BUFFERED").body(BODY).send(answer(status, more));
    expect(rig.outcomes).toEqual([expected]);
  });

  test("blames the first pod and credits the one that served, to which the request moves", () => {
    const rig = rigThatPicksTheFirst();
    rig
      .open()
      .headers("BUFFERED")
      .body(BODY)
      .send(answer("200", {}, "10.0.0.2:8000"));
    expect(rig.outcomes).toEqual(["10.0.0.1:8000 failed: connect", "10.0.0.2:8000 succeeded"]);
    expect(pods.map((address) => rig.table.columns.inFlight[rig.table.byAddress(address)?.slot ?? 9])).toEqual([0, 1]);
  });

  test("says nothing of an answer without a pick, or without a status", () => {
    const rig = rigThatPicksTheFirst();
    rig.open().send(answer("500"));
    rig
      .open()
      .headers("BUFFERED")
      .body(BODY)
      .send({ response_headers: { headers: headerMap({}) } });
    expect(rig.outcomes).toEqual([]);
    expect(noteOutcome).toBeTypeOf("function");
  });
});
