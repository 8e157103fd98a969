/** Requests in observability mode: who served them, beside the pick that was never sent. */
import { describe, expect, test } from "vitest";
import { headerMap, type ProcessingRequest } from "../../../src/ext-proc/messages.ts";
import { noteWatched, tellWatched } from "../../../src/ext-proc/watched.ts";
import type { Lesson, Pin } from "../../../src/prefix/prefix-index.ts";
import { StreamRig } from "../../support/stream-rig.ts";

const BODY = '{"model":"m","prompt":"hello"}';
const pods = ["10.0.0.1:8000", "10.0.0.2:8000"];

interface Told {
  readonly address?: string;
  readonly details?: string;
  /** As an override_host cluster tells it. */
  readonly served?: string;
  readonly status?: string;
  readonly type?: string;
}

function answer({ address, details, served = "", status = "200", type = "" }: Told): ProcessingRequest {
  const fields = {
    ...(address !== undefined && { "upstream.address": { stringValue: address } }),
    ...(details !== undefined && { "response.code_details": { stringValue: details } }),
  };
  const metadata = { fields: { "x-gateway-destination-endpoint-served": { stringValue: served } } };
  return {
    response_headers: { headers: headerMap({ ":status": status, "content-type": type }), end_of_stream: false },
    attributes: { "envoy.filters.http.ext_proc": { fields } },
    metadata_context: { filter_metadata: { "envoy.lb": metadata } },
    observability_mode: true,
  };
}

function rigThatPicksTheFirst(): StreamRig {
  const rig = new StreamRig({ pods });
  rig.table.columns.waiting[1] = 5;
  return rig;
}

const heard = ({ watched }: StreamRig) =>
  watched.map(([wouldBe, served]) => [
    wouldBe.kind === "picked" ? wouldBe.pod.address : wouldBe.code,
    typeof served === "string" ? served : served.address,
  ]);

describe(noteWatched.name, () => {
  test.each<[string, Told, string]>([
    ["the pod that we would have picked", { address: "10.0.0.1:8000" }, "10.0.0.1:8000"],
    ["another pod", { address: "10.0.0.2:8000", details: "via_upstream" }, "10.0.0.2:8000"],
    ["the pod in an override_host cluster's metadata", { served: "10.0.0.2:8000" }, "10.0.0.2:8000"],
    ["an address of no pod", { address: "10.9.9.9:8000" }, "foreign"],
    ["nobody where no address is told", {}, "unseen"],
    ["nobody where Envoy answered for want of the pod", { address: "10.0.0.1:8000", details: "no_answer{}" }, "unseen"],
  ])("tells %s", (_, told, served) => {
    const rig = rigThatPicksTheFirst();
    rig.open().headers("STREAMED", { shadow: true }).body(BODY, true, true).send(answer(told));
    expect(heard(rig)).toEqual([["10.0.0.1:8000", served]]);
  });

  test("tells a request whose end was not shown, as where trailers are, when it is answered", () => {
    const rig = rigThatPicksTheFirst();
    const answered = answer({ address: "10.0.0.2:8000" });
    rig.open().headers("STREAMED", { shadow: true }).body(BODY, false, true).send(answered);
    expect(heard(rig)).toEqual([["10.0.0.1:8000", "10.0.0.2:8000"]]);
  });

  test("tells a request whose headers the filter skips, and neither counts nor answers it", () => {
    const rig = rigThatPicksTheFirst();
    const stream = rig.open().body(BODY.slice(0, 9), false, true).body(BODY.slice(9), true, true);
    expect([stream.replies, rig.inFlightCount, rig.unseen]).toEqual([[], 0, ["headers"]]);
    stream.send(answer({ address: "10.0.0.2:8000" })).stream.onHalfClose();
    expect([heard(rig), rig.inFlightCount]).toEqual([[["10.0.0.1:8000", "10.0.0.2:8000"]], 0]);
  });

  test("tells what would have been refused", () => {
    const rig = rigThatPicksTheFirst();
    rig
      .open()
      .headers("STREAMED", { shadow: true })
      .body("[", true, true)
      .send(answer({ address: "10.0.0.2:8000" }));
    expect(heard(rig)).toEqual([["malformed_json", "10.0.0.2:8000"]]);
    expect(rig.refusals).toEqual([]);
  });
});

describe(tellWatched.name, () => {
  test("tells a request once, at the end of its stream where no answer was seen", () => {
    const rig = rigThatPicksTheFirst();
    const answered = rig.open().headers("STREAMED", { shadow: true }).body(BODY, true, true);
    answered.send(answer({ address: "10.0.0.2:8000" })).stream.onHalfClose();
    rig.open().headers("STREAMED", { shadow: true }).body(BODY, true, true).stream.onCancel();
    expect(heard(rig).map(([, served]) => served)).toEqual(["10.0.0.2:8000", "unseen"]);
  });

  test("tells of an answer that came before the request was over", () => {
    const rig = rigThatPicksTheFirst();
    const stream = rig.open().headers("STREAMED", { shadow: true }).body(BODY.slice(0, 9), false, true);
    stream
      .send(answer({ address: "10.0.0.2:8000" }))
      .body(BODY.slice(9), true, true)
      .stream.onHalfClose();
    expect(heard(rig)).toEqual([["10.0.0.1:8000", "10.0.0.2:8000"]]);
  });

  test("tells nothing of requests that are picked for", () => {
    const rig = rigThatPicksTheFirst();
    rig.open().headers("BUFFERED").body(BODY).stream.onHalfClose();
    expect(rig.watched).toEqual([]);
  });
});

describe("what a watched request teaches", () => {
  const EVENTS = "text/event-stream";

  /** `lessons` names the pods that learnt, `pins` what became of what they hold. */
  function watch() {
    const pins: string[] = [];
    const lessons: string[] = [];
    const rig = new StreamRig({
      pods,
      pins: {
        release: (pin) => pin && pins.push("released"),
        withdraw: () => pins.push("withdrawn"),
        move: () => undefined,
      },
    });
    rig.table.columns.waiting[1] = 5;
    rig.host.router.keep = (): Lesson => (slot, generation) => {
      lessons.push(rig.table.podAt(slot)?.address ?? "nobody");
      return { tenant: generation, tail: 1 } as unknown as Pin;
    };
    const inFlight = () => pods.map((address) => rig.table.columns.inFlight[rig.table.byAddress(address)?.slot ?? -1]);
    return { rig, pins, lessons, inFlight };
  }
  const ask = (rig: StreamRig) => rig.open().headers("STREAMED", { shadow: true }).body(BODY, true, true);

  test("is learnt by the pod that served, not by the would-be pick, and is over with an answer that comes whole", () => {
    const { rig, pins, lessons, inFlight } = watch();
    const { stream } = ask(rig).send(answer({ address: "10.0.0.2:8000" }));
    expect([lessons, pins, inFlight()]).toEqual([["10.0.0.2:8000"], ["released"], [0, 0]]);
    stream.onCancel();
    expect([lessons.length, pins.length]).toEqual([1, 1]);
  });

  test("counts on the pod that streams its answer until the end of the body, if that is shown", () => {
    const { rig, pins, inFlight } = watch();
    const asked = ask(rig).send(answer({ address: "10.0.0.2:8000", type: EVENTS }));
    rig.advance(2_000);
    const chunk = (end: boolean): ProcessingRequest => ({
      response_body: { body: Buffer.from("data: 1"), end_of_stream: end },
      observability_mode: true,
    });
    asked.send(chunk(false));
    expect([pins, inFlight()]).toEqual([[], [0, 1]]);
    asked.send(chunk(true));
    expect([pins, inFlight()]).toEqual([["released"], [0, 0]]);
    asked.stream.onHalfClose();
    expect([pins, inFlight(), asked.replies]).toEqual([["released"], [0, 0], []]);
  });

  test("counts on the pod that streams its answer until the end of the stream, where the body is not shown", () => {
    const { rig, pins, inFlight } = watch();
    const { stream } = ask(rig).send(answer({ address: "10.0.0.2:8000", type: EVENTS }));
    rig.advance(2_000);
    expect(inFlight()).toEqual([0, 1]);
    stream.onCancel();
    expect([pins, inFlight()]).toEqual([["released"], [0, 0]]);
  });

  test.each<[string, Told]>([
    ["an error", { address: "10.0.0.2:8000", status: "500", type: EVENTS }],
    ["a pod that is none of ours", { address: "10.9.9.9:8000", type: EVENTS }],
    ["nobody that we were told of", { type: EVENTS }],
  ])("is learnt by nobody where the answer is by %s", (_, told) => {
    const { rig, lessons } = watch();
    ask(rig).send(answer(told)).stream.onHalfClose();
    expect([lessons, rig.inFlightCount]).toEqual([[], 0]);
  });
});
