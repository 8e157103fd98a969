import { describe, expect, test } from "vitest";
import { StreamRig } from "../../support/stream-rig.ts";

const POD = "10.0.0.1:8000";
const BODY = '{"model":"m","prompt":"hello"}';
const reasons = (rig: StreamRig) => rig.picks.map((pick) => pick.reason);

describe("BUFFERED", () => {
  test("Stream answers the headers at once and names the pod on the body", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("BUFFERED");
    expect(stream.story).toEqual(["request_headers"]);
    stream.body(BODY);
    expect(stream.story).toEqual(["request_headers", `request_body -> ${POD}`]);
    expect(rig.picks).toMatchObject([{ reason: "scored", model: "m" }]);
    expect([rig.learnt, rig.inFlightCount]).toEqual([1, 1]);
  });

  test("Stream closes its ticket once, whatever comes first and after", () => {
    const rig = new StreamRig();
    const { stream } = rig.open().headers("BUFFERED").body(BODY);
    stream.onHalfClose();
    stream.onCancel();
    expect(rig.inFlightCount).toBe(0);
    expect(rig.ends).toMatchObject([{ cause: "half-close", answered: true, inFlightSource: "stream" }]);
  });

  test("Stream answers trailers that follow the body", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("BUFFERED").body(BODY, false).trailers();
    expect(stream.story).toEqual(["request_headers", `request_body -> ${POD}`, "request_trailers"]);
  });

  test.each([
    ["malformed JSON", "{bad", "immediate 400", "malformed_json"],
    ["a body without a model", "{}", "immediate 400", "model_missing"],
    ["a body above the limit", `{"model":"m","prompt":"${"x".repeat(200)}"}`, "immediate 413", "body_too_large"],
  ])("Stream refuses %s", (_, body, story, code) => {
    const rig = new StreamRig({ bodyLimitBytes: 100 });
    const stream = rig.open().headers("BUFFERED").body(body);
    expect(stream.story).toEqual(["request_headers", story]);
    expect([rig.refusals, rig.inFlightCount]).toEqual([[code], 0]);
  });

  test("Stream refuses by content-length before the body comes", () => {
    const rig = new StreamRig({ bodyLimitBytes: 100 });
    const stream = rig.open().headers("BUFFERED", { headers: { "content-length": "101" } });
    expect(stream.story).toEqual(["immediate 413"]);
  });

  test("Stream does not mind a large body it need not read", () => {
    const rig = new StreamRig({ bodyLimitBytes: 100 });
    const stream = rig.open().headers("BUFFERED", { path: "/upload", headers: { "content-length": "101" } });
    expect(stream.body("x".repeat(101)).story).toEqual([`request_headers -> ${POD}`, "request_body"]);
  });

  test("Stream picks by in-flight when the buffers are full", () => {
    const rig = new StreamRig({ bufferLimitBytes: 20 });
    const stream = rig.open().headers("BUFFERED").body("{bad but never read");
    expect(stream.story).toEqual([`request_headers -> ${POD}`, "request_body"]);
    expect([reasons(rig), rig.host.budget.usedBytes]).toEqual([["buffer_full"], 0]);
  });

  test("Stream refuses with 503 when even twice the buffers would be full", () => {
    const rig = new StreamRig({ bufferLimitBytes: 10 });
    expect(rig.open().headers("BUFFERED").story).toEqual(["immediate 503"]);
    expect([rig.refusals, rig.host.budget.usedBytes]).toEqual([["overloaded"], 0]);
  });

  test("Stream reserves what a body announces until it is answered", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("BUFFERED");
    expect(rig.host.budget.usedBytes).toBe(30);
    stream.body(BODY);
    expect(rig.host.budget.usedBytes).toBe(0);
  });

  test("Stream names a pod with the headers where no body may come, and counts one pick", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("BUFFERED", { headers: {} });
    expect([stream.story, rig.picks.length, rig.inFlightCount]).toEqual([[`request_headers -> ${POD}`], 0, 1]);
    stream.body(BODY);
    expect([stream.story[1], reasons(rig), rig.inFlightCount]).toEqual([`request_body -> ${POD}`, ["scored"], 1]);
    const bodyless = rig.open().headers("BUFFERED", { headers: {} }).trailers();
    expect(bodyless.story[1]).toBe("request_trailers");
    expect(reasons(rig)).toEqual(["scored", "no_prompt"]);
    const unfinished = rig.open().headers("BUFFERED", { headers: {} });
    unfinished.stream.onHalfClose();
    expect([reasons(rig).length, rig.inFlightCount]).toEqual([2, 2]);
    expect(rig.ends.at(-1)).toMatchObject({ cause: "half-close", answered: false, inFlightSource: "none" });
  });

  test("Stream counts the pod named with the headers where an answer shows that no body was needed", () => {
    const rig = new StreamRig();
    const answered = rig.open().headers("BUFFERED", { headers: {} });
    answered.send({ response_headers: {} });
    answered.stream.onHalfClose();
    expect([reasons(rig), rig.ends.at(-1)?.answered]).toEqual([["no_prompt"], true]);
  });

  test("Stream withdraws the pod named with the headers when the body is refused", () => {
    const rig = new StreamRig();
    rig.open().headers("BUFFERED", { headers: {} }).body("{bad");
    expect([rig.refusals, rig.inFlightCount, rig.inFlight.streaming]).toEqual([["malformed_json"], 0, 0]);
  });

  test("Stream takes a cut body of BUFFERED_PARTIAL for what was seen of it", () => {
    const rig = new StreamRig();
    rig.open().headers("BUFFERED_PARTIAL").body('{"model":"m","prompt":"hel', false);
    expect(rig.picks).toMatchObject([{ reason: "body_cut", model: "m" }]);
  });
});

describe("requests without a body to read", () => {
  test("Stream names the pod on headers that end the request", () => {
    const rig = new StreamRig();
    expect(rig.open().headers("BUFFERED", { path: "/v1/models", end: true }).story).toEqual([
      `request_headers -> ${POD}`,
    ]);
    expect(reasons(rig)).toEqual(["no_prompt"]);
  });

  test.each(["BUFFERED", "STREAMED", "NONE"] as const)("Stream picks an unknown path by load in %s", (mode) => {
    const rig = new StreamRig();
    const stream = rig.open().headers(mode, { path: "/nothing?x=/v1/completions" });
    expect(stream.story).toEqual([`request_headers -> ${POD}`]);
    expect([reasons(rig), rig.unseen]).toEqual([["no_prompt"], []]);
  });

  test("Stream refuses with 503 when there are no pods", () => {
    const rig = new StreamRig({ pods: [] });
    expect(rig.open().headers("NONE").story).toEqual(["immediate 503"]);
    expect(rig.refusals).toEqual(["no_pods"]);
  });

  test("Stream refuses with 503 when too many are open", () => {
    const rig = new StreamRig({ streamLimit: 1 });
    rig.open().headers("BUFFERED");
    expect(rig.open().headers("BUFFERED").story).toEqual(["immediate 503"]);
    expect(rig.refusals).toEqual(["overloaded"]);
  });
});

describe("NONE and STREAMED", () => {
  test.each(["NONE", "STREAMED"] as const)(
    "Stream answers by load at once in %s, and says the body is unseen",
    (mode) => {
      const rig = new StreamRig();
      const stream = rig.open().headers(mode);
      expect(stream.story).toEqual([`request_headers -> ${POD}`]);
      expect([reasons(rig), rig.unseen]).toEqual([["body_unseen"], [mode.toLowerCase()]]);
    },
  );

  test("Stream answers every streamed chunk with nothing to change", () => {
    const stream = new StreamRig().open().headers("STREAMED").body("a", false).body("b", true).trailers();
    expect(stream.story.slice(1)).toEqual(["request_body", "request_body", "request_trailers"]);
  });

  test("Stream holds early streamed headers until the body's end", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("STREAMED", { early: true }).body(BODY.slice(0, 9), false);
    expect(stream.story).toEqual([]);
    stream.body(BODY.slice(9));
    expect(stream.story).toEqual([`request_headers -> ${POD}`, "request_body", "request_body"]);
    expect(reasons(rig)).toEqual(["scored"]);
  });

  test("Stream answers early streamed headers at the deadline with what it has seen", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("STREAMED", { early: true }).body('{"model":"m","pro', false);
    rig.advance(139);
    expect(stream.story).toEqual([]);
    rig.advance(1);
    expect(stream.story).toEqual([`request_headers -> ${POD}`, "request_body"]);
    expect(rig.picks).toMatchObject([{ reason: "body_cut", model: "m" }]);
    expect(stream.body("more").story.at(-1)).toBe("request_body");
  });
});

describe("FULL_DUPLEX_STREAMED", () => {
  test("Stream holds the headers, then names the pod and echoes every chunk once", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("FULL_DUPLEX_STREAMED").body(BODY.slice(0, 5), false);
    expect(stream.story).toEqual([]);
    stream.body(BODY.slice(5), false).body("", true);
    expect(stream.story).toEqual([
      `request_headers -> ${POD}`,
      `request_body "${BODY.slice(0, 5)}"`,
      `request_body "${BODY.slice(5)}"`,
      'request_body "" end',
    ]);
    expect(rig.host.budget.usedBytes).toBe(0);
  });

  test("Stream leaves the end mark to the trailers when these end the body", () => {
    const stream = new StreamRig().open().headers("FULL_DUPLEX_STREAMED").body(BODY, false).trailers();
    expect(stream.story).toEqual([`request_headers -> ${POD}`, `request_body "${BODY}"`, "request_trailers"]);
  });

  test("Stream ignores a repeated end mark", () => {
    const stream = new StreamRig().open().headers("FULL_DUPLEX_STREAMED").body(BODY).body("", true);
    expect(stream.story).toHaveLength(2);
  });

  test("Stream cuts what it echoes into pieces of at most 62,000 bytes", () => {
    const long = `{"model":"m","prompt":"${"x".repeat(150_000)}"}`;
    const stream = new StreamRig().open().headers("FULL_DUPLEX_STREAMED").body(long);
    const pieces = stream.replies
      .slice(1)
      .map((reply) => reply.request_body?.response?.body_mutation?.streamed_response);
    expect(pieces.map((piece) => piece?.body?.length)).toEqual([62_000, 62_000, long.length - 124_000]);
    expect(Buffer.concat(pieces.map((piece) => piece?.body ?? Buffer.alloc(0))).toString()).toBe(long);
    expect(pieces.map((piece) => piece?.end_of_stream ?? false)).toEqual([false, false, true]);
  });

  test("Stream answers soon when the body looks complete and only its end mark is missing", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("FULL_DUPLEX_STREAMED").body(BODY, false);
    rig.advance(140);
    expect(stream.story).toEqual([`request_headers -> ${POD}`, `request_body "${BODY}"`]);
    expect(stream.body("", true).story.at(-1)).toBe('request_body "" end');
  });

  test("Stream waits longer in the middle of a body, from its last chunk on", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("FULL_DUPLEX_STREAMED").body(BODY.slice(0, 9), false);
    rig.advance(4000);
    stream.body(BODY.slice(9, 12), false);
    rig.advance(4000);
    expect(stream.story).toEqual([]);
    rig.advance(1000);
    expect(reasons(rig)).toEqual(["body_cut"]);
  });

  test("Stream stops holding a body when the buffers are full, and echoes all of it", () => {
    const rig = new StreamRig({ bufferLimitBytes: 12 });
    const stream = rig.open().headers("FULL_DUPLEX_STREAMED").body(BODY.slice(0, 9), false).body(BODY.slice(9));
    expect(stream.story).toEqual([
      `request_headers -> ${POD}`,
      `request_body "${BODY.slice(0, 9)}"`,
      `request_body "${BODY.slice(9)}" end`,
    ]);
    expect([reasons(rig), rig.host.budget.usedBytes]).toEqual([["buffer_full"], 0]);
  });

  test("Stream refuses a body that grows above the limit, and gives its bytes back", () => {
    const rig = new StreamRig({ bodyLimitBytes: 20 });
    const stream = rig.open().headers("FULL_DUPLEX_STREAMED").body(BODY.slice(0, 15), false).body(BODY.slice(15));
    expect(stream.story).toEqual(["immediate 413"]);
    expect(rig.host.budget.usedBytes).toBe(0);
  });

  test("Stream echoes the response and closes its ticket at the end", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("FULL_DUPLEX_STREAMED", { response: "FULL_DUPLEX_STREAMED" }).body(BODY);
    stream.send({ response_headers: {} }).send({ response_body: { body: Buffer.from("tok") } });
    stream.send({ response_body: { end_of_stream: true } }).send({ response_trailers: {} });
    expect(stream.story.slice(2)).toEqual([
      "response_headers",
      'response_body "tok"',
      'response_body "" end',
      "response_trailers",
    ]);
    stream.stream.onHalfClose();
    expect(rig.ends).toMatchObject([{ inFlightSource: "stream" }]);
    expect(rig.inFlightCount).toBe(0);
  });

  test("Stream leaves an estimate in flight when Envoy ends it before the answer", () => {
    const rig = new StreamRig();
    rig.open().headers("FULL_DUPLEX_STREAMED").body(BODY).stream.onCancel();
    expect(rig.ends).toMatchObject([{ inFlightSource: "estimate" }]);
    expect([rig.inFlightCount, rig.inFlight.estimated]).toEqual([1, 1]);
  });
});

describe("a mode that is not stated", () => {
  test("Stream takes a body that comes before its reply for duplex", () => {
    const story = [`request_headers -> ${POD}`, `request_body "${BODY}" end`];
    expect(new StreamRig().open().headers("missing").body(BODY).story).toEqual(story);
  });

  test("Stream answers the headers after a short wait, with a pod, and again on the body: one pick", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("missing");
    rig.advance(99);
    expect(stream.story).toEqual([]);
    rig.advance(1);
    expect(stream.story).toEqual([`request_headers -> ${POD}`]);
    stream.body(BODY);
    expect(stream.story[1]).toBe(`request_body -> ${POD}`);
    expect([rig.inFlightCount, rig.unstated, rig.unseen, rig.picks.length]).toEqual([1, 1, [], 1]);
    stream.stream.onHalfClose();
    expect(rig.inFlightCount).toBe(0);
  });

  test("Stream takes each stream of a connection by itself", () => {
    const rig = new StreamRig();
    rig.open("peer").headers("missing").body(BODY);
    const buffered = rig.open("peer").headers("missing");
    rig.advance(100);
    expect(buffered.body(BODY).story[1]).toBe(`request_body -> ${POD}`);
  });

  test.each([
    ["buffered", ["request_headers -> 10.0.0.1:8000", "request_body -> 10.0.0.1:8000"]],
    ["streamed", ["request_headers -> 10.0.0.1:8000", "request_body"]],
    ["streamed-early", ["request_headers -> 10.0.0.1:8000", "request_body"]],
    ["duplex", ["request_headers -> 10.0.0.1:8000", `request_body "${BODY}" end`]],
  ] as const)("Stream takes it for %s when told so", (assumedMode, story) => {
    expect(new StreamRig({ assumedMode }).open().headers("missing").body(BODY).story).toEqual(story);
  });
});

describe("observability mode", () => {
  test("Stream picks without replying, counting or learning", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("STREAMED", { shadow: true }).body(BODY.slice(0, 8), false, true);
    stream.body(BODY.slice(8), true, true).send({ response_headers: {}, observability_mode: true });
    stream.stream.onHalfClose();
    expect(rig.picks).toMatchObject([{ reason: "scored", model: "m" }]);
    expect([stream.story, rig.inFlightCount, rig.learnt]).toEqual([[], 0, 0]);
  });
});

describe("what goes wrong", () => {
  test("Stream degrades to a pick by in-flight when routing fails", () => {
    const rig = new StreamRig();
    rig.breakRouting = true;
    expect(rig.open().headers("BUFFERED").body(BODY).story.at(-1)).toBe(`request_body -> ${POD}`);
    expect([reasons(rig), rig.faults]).toEqual([["fault"], ["routing"]]);
  });

  test("Stream sends a held duplex body on when the pick fails", () => {
    const rig = new StreamRig();
    rig.breakRouting = true;
    const stream = rig.open().headers("FULL_DUPLEX_STREAMED").body(BODY);
    expect(stream.story).toEqual([`request_headers -> ${POD}`, `request_body "${BODY}" end`]);
  });

  test.each(["message", "picked", "ended"] as const)("Stream survives a fault in who is told: %s", (event) => {
    const rig = new StreamRig();
    Object.assign(rig.host.events, {
      [event]: () => {
        throw new Error("broken by the test");
      },
    });
    const stream = rig.open().headers("BUFFERED", { path: "/v1/models", end: true });
    stream.stream.onHalfClose();
    expect(rig.faults.length).toBeGreaterThan(0);
    expect([rig.inFlightCount, rig.host.openStreams.size]).toEqual([0, 0]);
  });

  test("Stream picks by load on a body that comes without headers, and says so", () => {
    const rig = new StreamRig();
    expect(rig.open().body(BODY).story).toEqual([`request_body -> ${POD}`]);
    expect(rig.unseen).toEqual(["headers"]);
  });

  test.each([
    ["FULL_DUPLEX_STREAMED", {}],
    ["STREAMED", { early: true }],
  ] as const)("Stream takes trailers without a body for an empty one in %s, not for one unseen", (mode, how) => {
    const rig = new StreamRig();
    const stream = rig.open().headers(mode, how).trailers();
    expect(stream.story).toEqual([`request_headers -> ${POD}`, "request_trailers"]);
    expect([reasons(rig), rig.unseen]).toEqual([["no_prompt"], []]);
  });

  test("Stream answers trailers that come alone", () => {
    expect(new StreamRig().open().trailers().story).toEqual(["request_trailers"]);
  });

  test("Stream ends with UNIMPLEMENTED on a message of no known kind", () => {
    expect(new StreamRig().open().send({}).status).toBe(12);
  });

  test("Stream takes the mode from a response that comes first, as from a filter that answers before us", () => {
    const protocol_config = {
      request_body_mode: "FULL_DUPLEX_STREAMED",
      response_body_mode: "FULL_DUPLEX_STREAMED",
    } as const;
    const stream = new StreamRig().open().send({ response_headers: {}, protocol_config });
    stream.send({ response_body: { body: Buffer.from("no"), end_of_stream: true } });
    expect(stream.story).toEqual(["response_headers", 'response_body "no" end']);
  });

  test("Stream reports the status that the transport ended it with", () => {
    const rig = new StreamRig();
    const stream = rig.open();
    Object.assign(stream.port, { sentStatus: 8 });
    stream.stream.onCancel();
    expect(rig.ends).toMatchObject([{ status: 8 }]);
  });

  test("Stream ends with INVALID_ARGUMENT on bytes that are no message", () => {
    const rig = new StreamRig();
    const stream = rig.open();
    stream.stream.on({ kind: "malformed", bytes: Buffer.alloc(3) } as never);
    expect(stream.status).toBe(3);
    expect(rig.ends).toMatchObject([{ cause: "abandoned", status: 3, answered: false, first: "malformed" }]);
  });

  test.each([
    ["headers come twice", (rig: StreamRig) => rig.open().headers("BUFFERED").headers("BUFFERED")],
    ["headers come after the body", (rig: StreamRig) => rig.open().headers("NONE").body(BODY).headers("NONE")],
  ])("Stream ends with INVALID_ARGUMENT when %s", (_, play) => {
    expect(play(new StreamRig()).status).toBe(3);
  });

  test("Stream reports an end without an answer", () => {
    const rig = new StreamRig();
    rig.open().headers("FULL_DUPLEX_STREAMED").body("{", false).stream.onCancel();
    expect(rig.ends).toMatchObject([{ cause: "cancel", status: 1, answered: false, first: "request_headers" }]);
    expect([rig.host.budget.usedBytes, rig.held.size, rig.host.openStreams.size]).toEqual([0, 0, 0]);
  });
});

describe("drain", () => {
  test("Stream lets go of a request whose pick is out", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("BUFFERED");
    expect(stream.stream.letGo()).toBe(false);
    expect(stream.body(BODY).stream.letGo()).toBe(true);
    expect([stream.status, rig.inFlightCount]).toEqual([0, 0]);
  });

  test("Stream stays in the middle of a duplex response", () => {
    const stream = new StreamRig()
      .open()
      .headers("FULL_DUPLEX_STREAMED", { response: "FULL_DUPLEX_STREAMED" })
      .body(BODY);
    stream.send({ response_headers: {} });
    expect(stream.stream.letGo()).toBe(false);
    stream.send({ response_body: { end_of_stream: true } });
    expect(stream.stream.letGo()).toBe(true);
  });
});
