/** What answers say of the pods, as the streams pass it on. */
import { describe, expect, test } from "vitest";
import { headerMap, type ProcessingRequest } from "../../../src/ext-proc/messages.ts";
import { noteOutcome } from "../../../src/ext-proc/outcome.ts";
import { StreamRig } from "../../support/stream-rig.ts";

const BODY = '{"model":"m","prompt":"hello"}';
const pods = ["10.0.0.1:8000", "10.0.0.2:8000"];

interface Told {
  /** What the filter's response_attributes add. */
  readonly details?: string;
  readonly served?: string;
}

function answer(status: string, more: Record<string, string> = {}, { details, served }: Told = {}): ProcessingRequest {
  const fields = { "x-gateway-destination-endpoint-served": { stringValue: served ?? "" } };
  const attributes = { fields: { "response.code_details": { stringValue: details ?? "" } } };
  return {
    response_headers: { headers: headerMap({ ":status": status, ...more }), end_of_stream: true },
    ...(served !== undefined && { metadata_context: { filter_metadata: { "envoy.lb": { fields } } } }),
    ...(details !== undefined && { attributes: { "envoy.filters.http.ext_proc": attributes } }),
  };
}

function rigThatPicksTheFirst(): StreamRig {
  const rig = new StreamRig({ pods });
  rig.table.columns.waiting[1] = 5;
  return rig;
}

describe("noteOutcome", () => {
  const rigTold = (message: ProcessingRequest) => {
    const rig = rigThatPicksTheFirst();
    rig.open().headers("BUFFERED").body(BODY).send(message);
    return rig.outcomes;
  };
  const timed = { "x-envoy-upstream-service-time": "3" };
  const dated = { date: "Sat, 21 Nov 2026 16:49:08 GMT" };
  const reset = (reason: string) => ({ details: `upstream_reset_before_response_started{${reason}}` });
  const succeeded = ["10.0.0.1:8000 succeeded"];
  const failed = ["10.0.0.1:8000 failed: status"];
  const unserved = ["10.0.0.1:8000 failed: connect"];

  test.each([
    ["200", timed, succeeded],
    ["404", timed, succeeded],
    ["429", dated, succeeded],
    ["500", timed, failed],
    ["503", dated, failed],
    ["504", timed, failed],
  ])("goes by a pod's %s, known by %j", (status, more, expected) => {
    expect(rigTold(answer(status, more))).toEqual(expected);
  });

  test("takes a success for the pod's even where nothing else says so", () => {
    expect(rigTold(answer("200"))).toEqual(succeeded);
  });

  test.each(["501", "505"])("leaves a pod alone that answers %s: the client asks for what nobody has", (status) => {
    expect(rigTold(answer(status, timed))).toEqual([]);
  });

  test.each(["502", "503"])("blames the pod for a %s of Envoy's own, which may mean that it refused", (status) => {
    expect(rigTold(answer(status, { "content-type": "text/plain" }))).toEqual(unserved);
  });

  test.each([
    ["503", { "x-envoy-overloaded": "true" }],
    ["504", {}],
    ["429", {}],
    ["401", {}],
    ["500", {}],
  ])("says nothing of the pod where Envoy answers %s with %j by itself", (status, more) => {
    expect(rigTold(answer(status, more))).toEqual([]);
  });

  test.each([
    ["503", { details: "via_upstream" }, failed],
    ["429", { details: "via_upstream" }, succeeded],
    ["503", reset("remote_connection_failure|delayed_connect_error:_Connection_refused"), unserved],
    ["503", reset("connection_termination"), unserved],
    ["502", reset("protocol_error"), unserved],
    ["503", reset("overflow"), []],
    ["503", { details: "fault_filter_abort" }, []],
    ["503", { details: "no_healthy_upstream" }, []],
    ["504", { details: "response_timeout" }, []],
    ["200", { details: "direct_response" }, []],
  ])("believes Envoy's word on a %s before its headers: %j", (status, told, expected) => {
    expect(rigTold(answer(status, {}, told))).toEqual(expected);
  });

  test("blames the first pod and credits the one that served, to which the request moves", () => {
    const rig = rigThatPicksTheFirst();
    rig
      .open()
      .headers("BUFFERED")
      .body(BODY)
      .send(answer("200", {}, { served: "10.0.0.2:8000" }));
    expect(rig.outcomes).toEqual(["10.0.0.1:8000 failed: connect", "10.0.0.2:8000 succeeded"]);
    expect(pods.map((address) => rig.table.columns.inFlight[rig.table.byAddress(address)?.slot ?? 9])).toEqual([0, 1]);
  });

  test.each(["10.9.9.9:8000", "garbage"])("says nothing of the pods named where %s, none of ours, served", (served) => {
    expect(rigTold(answer("200", timed, { served }))).toEqual([]);
  });

  test("tells a request from others by its body, as 0 where that was not seen", () => {
    const seen: number[] = [];
    for (const [body, status] of [
      [BODY, "200"],
      [BODY, "500"],
      [BODY.replace("hello", "hullo"), "500"],
      ["", "500"],
    ] as const) {
      const rig = rigThatPicksTheFirst();
      rig.host.outcomes.failed = (_pod, _kind, _atMs, fingerprint) => seen.push(fingerprint);
      rig.host.outcomes.succeeded = (_pod, _atMs, fingerprint) => seen.push(fingerprint);
      const stream = rig.open();
      if (body === "") stream.headers("NONE").send(answer(status, timed));
      else stream.headers("BUFFERED").body(body).send(answer(status, timed));
    }
    const [known, again, other, unseen] = seen;
    expect(again).toBe(known);
    expect(new Set([known, other, unseen]).size).toBe(3);
    expect(unseen).toBe(0);
  });

  test("blames all pods of the list that come before the one that served", () => {
    const three = [...pods, "[fd00::3]:8000"];
    const rig = new StreamRig({ pods: three, endpoints: 3 });
    rig.table.columns.waiting.set([0, 1, 2]);
    const stream = rig.open().headers("BUFFERED").body(BODY);
    expect(stream.story.at(-1)).toBe(`request_body -> ${three.join(",")}`);
    // As another data plane may write it.
    stream.send(answer("200", {}, { served: "[FD00:0::3]:8000" }));
    expect(rig.outcomes).toEqual([
      "10.0.0.1:8000 failed: connect",
      "10.0.0.2:8000 failed: connect",
      "[fd00::3]:8000 succeeded",
    ]);
    expect(three.map((address) => rig.table.columns.inFlight[rig.table.byAddress(address)?.slot ?? 9])).toEqual([
      0, 0, 1,
    ]);
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
