/** What rides on a pick beside the picked pod, and that both data plane channels say the same. */
import { describe, expect, test } from "vitest";
import { removedNames } from "../../../src/ext-proc/control-names.ts";
import { DESTINATION_HEADER, encodePick, type PickReplies } from "../../../src/ext-proc/destination-header.ts";
import { mutatedHeaders, type ProcessingResponse, protoMethods } from "../../../src/ext-proc/messages.ts";
import type { Pod } from "../../../src/pods/pod-table.ts";
import { StreamRig } from "../../support/stream-rig.ts";

const pods = ["10.0.0.1:8000", "10.0.0.2:8000", "10.0.0.3:8000"];
const control = { "x-llm-d-inference-objective": "batch", "x-slo-ttft-ms": "5" };
const BODY = '{"model":"m","prompt":"hello"}';

const decode = (bytes: Buffer): ProcessingResponse => protoMethods().process.responseDeserialize(bytes);
const metadataOf = (reply: ProcessingResponse | undefined) =>
  reply?.dynamic_metadata?.fields?.["envoy.lb"]?.structValue?.fields ?? {};
const removedBy = (reply: ProcessingResponse | undefined) =>
  (reply?.request_headers ?? reply?.request_body)?.response?.header_mutation?.remove_headers ?? [];

describe("encodePick", () => {
  test("writes a list into header and metadata alike", () => {
    const fallbacks = [{ address: "[fd00::2]:8000" }, { address: "10.0.0.3:8000" }] as Pod[];
    for (const on of ["onHeaders", "onBody"] as const) {
      const reply = decode(encodePick("10.0.0.1:8000", on, { fallbacks }));
      const list = "10.0.0.1:8000,[fd00::2]:8000,10.0.0.3:8000";
      expect([...mutatedHeaders(reply)]).toEqual([[DESTINATION_HEADER, list]]);
      expect(metadataOf(reply)).toMatchObject({ [DESTINATION_HEADER]: { stringValue: list } });
    }
  });

  test("takes out the headers whose bits are set, up to all of them", () => {
    const all = 2 ** removedNames.length - 1;
    expect(removedBy(decode(encodePick("10.0.0.1:8000", "onHeaders", { removedBits: all })))).toEqual(removedNames);
    expect(removedBy(decode(encodePick("10.0.0.1:8000", "onBody", { removedBits: 1 })))).toEqual([removedNames[0]]);
  });

  test("takes out nothing that it sets, whichever a data plane does first", () => {
    const all = 2 ** removedNames.length - 1;
    const reply = decode(encodePick("10.0.0.1:8000", "onHeaders", { removedBits: all }, ["target-pod"]));
    expect([...mutatedHeaders(reply)]).toEqual([["target-pod", "10.0.0.1:8000"]]);
    expect(removedBy(reply)).toEqual(removedNames.filter((name) => name !== "target-pod"));
  });
});

describe("the reply of a stream", () => {
  const ask = (rig: StreamRig, headers: Record<string, string>) =>
    rig
      .open()
      .headers("BUFFERED", { headers: { "content-length": "30", ...headers } })
      .body(BODY)
      .replies.at(-1);

  test("is the one made for the pod where a request carries nothing special", () => {
    const rig = new StreamRig({ pods });
    const replies = rig.host.replies as PickReplies;
    const make = replies.with.bind(replies);
    let made = 0;
    replies.with = (...args) => {
      made++;
      return make(...args);
    };
    for (let i = 0; i < 20; i++) ask(rig, {});
    // Two spellings for each of the pods, once.
    expect(made).toBeLessThanOrEqual(2 * pods.length);
    const before = made;
    ask(rig, control);
    expect(made).toBe(before + 1);
  });

  test("takes out the control headers that came and no others", () => {
    expect(removedBy(ask(new StreamRig({ pods }), control))).toEqual(Object.keys(control));
    expect(removedBy(ask(new StreamRig({ pods }), {}))).toEqual([]);
  });

  test("overwrites a forged destination", () => {
    const forged = { [DESTINATION_HEADER]: "6.6.6.6:6", "x-gateway-destination-endpoint-served": "6.6.6.6:6" };
    const reply = ask(new StreamRig({ pods: pods.slice(0, 1) }), forged);
    expect(mutatedHeaders(reply ?? {}).get(DESTINATION_HEADER)).toBe(pods[0]);
    expect(reply?.request_body?.response?.header_mutation?.set_headers?.[0]?.append_action).toBe(
      "OVERWRITE_IF_EXISTS_OR_ADD",
    );
    expect(removedBy(reply)).toEqual(["x-gateway-destination-endpoint-served"]);
  });

  test("gives a request an id where it has none, and leaves one that is there", () => {
    const idOf = (headers: Record<string, string>) =>
      mutatedHeaders(ask(new StreamRig({ pods }), headers) ?? {}).get("x-request-id");
    expect(idOf({ "x-request-id": "" })).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(idOf({ "x-request-id": "abc" })).toBeUndefined();
  });

  test("names as many pods as the profile says", () => {
    const reply = ask(new StreamRig({ pods, endpoints: 3 }), {});
    const list = mutatedHeaders(reply ?? {}).get(DESTINATION_HEADER) ?? "";
    expect(list.split(",").sort()).toEqual(pods);
    expect(metadataOf(reply)).toMatchObject({ [DESTINATION_HEADER]: { stringValue: list } });
  });

  test("tells every candidate's score where that is wanted, and none where no scorer was asked", () => {
    const SCORES = "x-gateway-destination-endpoint-scores";
    const rig = new StreamRig({ pods, emitsScores: true });
    rig.table.columns.waiting.set([0, 2, 1]);
    const scores = metadataOf(ask(rig, {}))[SCORES]?.structValue?.fields ?? {};
    expect(Object.entries(scores).map(([pod, { numberValue }]) => [pod, numberValue])).toEqual([
      [pods[0], 1],
      [pods[1], 0],
      [pods[2], 0.5],
    ]);
    rig.table.columns.waiting.fill(Number.NaN);
    expect(Object.keys(metadataOf(ask(rig, {})))).toEqual([DESTINATION_HEADER]);
    expect(Object.keys(metadataOf(ask(new StreamRig({ pods }), {})))).toEqual([DESTINATION_HEADER]);
  });
});

describe("Prefer: if-available", () => {
  const askFor = (prefer: string, hit: number, body = BODY) => {
    const rig = new StreamRig({ pods });
    const route = rig.host.router.route.bind(rig.host.router);
    rig.host.router.route = (...args) => {
      const decision = route(...args);
      return decision.kind === "picked" ? { ...decision, predictedHit: hit } : decision;
    };
    const stream = rig.open().headers("FULL_DUPLEX_STREAMED", { headers: { prefer } }).body(body);
    return { story: stream.story[0], refusals: rig.refusals, inFlight: rig.inFlightCount };
  };

  test.each(["if-available", "IF-AVAILABLE", "return=minimal, if-available", "if-available; wait=5"])(
    "as in %j is answered 412 where the pod has nothing of the prompt",
    (prefer) => {
      expect(askFor(prefer, 0)).toEqual({ story: "immediate 412", refusals: ["not_cached"], inFlight: 0 });
    },
  );

  test("passes where something is cached, nothing is known, or there is no prompt", () => {
    for (const { story } of [
      askFor("if-available", 0.1),
      askFor("if-available", Number.NaN),
      askFor("if-available", 0, '{"model":"m"}'),
    ]) {
      expect(story).toMatch(/^request_headers -> /);
    }
  });

  test.each(["", "return=minimal", "if-available-later", "not-if-available"])("is not read from %j", (prefer) => {
    expect(askFor(prefer, 0).refusals).toEqual([]);
  });
});

test("the subset is of no account where it is switched off", () => {
  const ask = (ignoresSubset: boolean) => {
    const fields = { "x-gateway-destination-endpoint-subset": { stringValue: "9.9.9.9" } };
    return new StreamRig({ pods: pods.slice(0, 1), ignoresSubset }).open().send({
      request_headers: { headers: { headers: [] }, end_of_stream: true },
      metadata_context: { filter_metadata: { "envoy.lb.subset_hint": { fields } } },
    }).story;
  };
  expect(ask(false)).toEqual(["immediate 503"]);
  expect(ask(true)).toEqual([`request_headers -> ${pods[0]}`]);
});
