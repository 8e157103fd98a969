/** What streams tell of the answers shown to them, and that the answers pass as they came. */
import { describe, expect, test } from "vitest";
import { type BodySendMode, headerMap } from "../../../src/ext-proc/messages.ts";
import { noUsage, recordedAnswers, usageOf } from "../../support/recorded-answers.ts";
import { type RiggedStream, StreamRig } from "../../support/stream-rig.ts";

const BODY = '{"model":"m","prompt":"hello"}';
const WHOLE = '{"usage":{"prompt_tokens":9,"completion_tokens":3}}';
const EVENT = 'data: {"choices":[{"index":0}]}\n\n';
const TOKEN = 'data: {"choices":[{"index":0}],"usage":{"completion_tokens":3}}\n\n';
const LAST = 'data: {"usage":{"prompt_tokens":9,"completion_tokens":3}}\n\n';
const events = { "content-type": "text/event-stream" };
const json = { "content-type": "application/json" };

interface AnswerOptions {
  readonly mode?: BodySendMode | "missing";
  readonly response?: BodySendMode;
  readonly path?: string;
  readonly status?: string;
  readonly headers?: Record<string, string>;
  readonly served?: string;
}

/** A request that was picked for, up to the headers of its answer. */
function answering(rig: StreamRig, options: AnswerOptions = {}): RiggedStream {
  const { mode = "BUFFERED", response = "STREAMED", path = "/v1/completions", headers = json, served } = options;
  const stream = rig.open().headers(mode, { response, path }).body(BODY);
  const fields = { "x-gateway-destination-endpoint-served": { stringValue: served ?? "" } };
  return stream.send({
    response_headers: { headers: headerMap({ ":status": options.status ?? "200", ...headers }) },
    ...(served !== undefined && { metadata_context: { filter_metadata: { "envoy.lb": { fields } } } }),
  });
}

function chunk(stream: RiggedStream, body: string | Buffer, end = false): RiggedStream {
  return stream.send({ response_body: { body: Buffer.from(body), end_of_stream: end } });
}

const paces = (rig: StreamRig) =>
  rig.table.pods().map(({ slot }) => [rig.table.columns.ttft[slot], rig.table.columns.tpot[slot]]);

describe("ResponseSide", () => {
  test.each(["STREAMED", "FULL_DUPLEX_STREAMED", "BUFFERED", "BUFFERED_PARTIAL"] as const)(
    "tells the usage of a whole answer once, response mode %s",
    (response) => {
      const rig = new StreamRig();
      const stream = answering(rig, { response });
      chunk(stream, WHOLE, true);
      stream.stream.onHalfClose();
      expect(rig.answered).toEqual([
        {
          usage: usageOf(9, Number.NaN, 3),
          unread: undefined,
          ttftMs: Number.NaN,
          tpotMs: Number.NaN,
          pod: rig.table.pods()[0],
          model: "m",
          predictedHit: Number.NaN,
        },
      ]);
    },
  );

  test("times a stream from the pick on, also where trailers end it", () => {
    const rig = new StreamRig();
    const stream = answering(rig, { headers: events });
    rig.advance(50);
    chunk(stream, "");
    rig.advance(50);
    chunk(stream, EVENT);
    rig.advance(40);
    chunk(stream, TOKEN);
    expect(paces(rig)).toEqual([[0.1, Number.NaN]]);
    rig.advance(200);
    chunk(stream, LAST);
    expect(rig.answered).toEqual([]);
    stream.send({ response_trailers: { trailers: headerMap({}) } });
    expect(rig.answered).toMatchObject([{ usage: usageOf(9, Number.NaN, 3), ttftMs: 100, tpotMs: 20 }]);
    expect(paces(rig)).toEqual([[0.1, 0.02]]);
  });

  test.each(["STREAMED", "FULL_DUPLEX_STREAMED"] as const)(
    "answers each byte of a stream before the next comes, response mode %s",
    (response) => {
      const { body, usage } = recordedAnswers.find(({ name }) => name === "chat-stream-usage")!;
      const rig = new StreamRig();
      const stream = answering(rig, { response, headers: events });
      const before = stream.replies.length;
      for (let at = 0; at < body.length; at++) {
        chunk(stream, body.subarray(at, at + 1), at === body.length - 1);
        expect(stream.replies.length).toBe(before + at + 1);
      }
      const passed = stream.replies
        .slice(before)
        .map((reply) => reply.response_body?.response?.body_mutation?.streamed_response?.body ?? Buffer.alloc(0));
      expect(Buffer.concat(passed)).toEqual(response === "STREAMED" ? Buffer.alloc(0) : body);
      expect(rig.answered).toMatchObject([{ usage, unread: undefined }]);
    },
  );

  test("says that a stream broke off, with what it told until then", () => {
    const rig = new StreamRig();
    chunk(answering(rig, { headers: events }), EVENT).stream.onCancel();
    chunk(answering(rig, { headers: events }), LAST).stream.onCancel();
    expect(rig.answered).toMatchObject([
      { unread: "cut", usage: noUsage },
      { unread: undefined, usage: usageOf(9, Number.NaN, 3) },
    ]);
  });

  test.each([
    ["encoded", { ...json, "content-encoding": "gzip" }],
    ["other_form", { "content-type": "audio/mpeg" }],
    ["other_form", {}],
  ])("leaves an answer alone that is %s: %j", (unread, headers) => {
    const rig = new StreamRig();
    chunk(answering(rig, { headers }), WHOLE, true);
    expect(rig.answered).toMatchObject([{ unread, usage: noUsage }]);
  });

  test("reads a body whose headers the filter did not show as no known form", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("BUFFERED", { response: "STREAMED" }).body(BODY);
    chunk(stream, WHOLE, true);
    expect(rig.answered).toMatchObject([{ unread: "other_form" }]);
  });

  test.each<[string, AnswerOptions]>([
    ["an error of the pod", { status: "400" }],
    ["an answer of Envoy itself", { status: "503" }],
    ["a path that asks for no inference", { path: "/v1/whatever" }],
  ])("tells nothing of %s", (_, options) => {
    const rig = new StreamRig();
    chunk(answering(rig, options), WHOLE, true).stream.onHalfClose();
    expect(rig.answered).toEqual([]);
  });

  test("tells nothing of an answer to a request that was never shown", () => {
    const rig = new StreamRig();
    const stream = rig.open().send({
      response_headers: { headers: headerMap({ ":status": "200", ...json }) },
      protocol_config: { request_body_mode: "NONE", response_body_mode: "STREAMED" },
    });
    chunk(stream, WHOLE, true);
    expect(rig.answered).toEqual([]);
    expect(stream.story).toEqual(["response_headers", "response_body"]);
  });

  test("tells nothing where only headers are shown", () => {
    const rig = new StreamRig();
    answering(rig, { response: "NONE", headers: events }).stream.onHalfClose();
    expect(rig.answered).toEqual([]);
    expect(paces(rig)).toEqual([[Number.NaN, Number.NaN]]);
  });

  test("finds usage where the modes are not stated", () => {
    const rig = new StreamRig();
    chunk(answering(rig, { mode: "missing" }), WHOLE, true);
    expect(rig.answered).toMatchObject([{ usage: usageOf(9, Number.NaN, 3) }]);
  });

  test("credits the pod that served, and not with the time that another one lost", () => {
    const rig = new StreamRig({ pods: ["10.0.0.1:8000", "10.0.0.2:8000"] });
    rig.table.columns.waiting[1] = 5;
    const route = rig.host.router.route.bind(rig.host.router);
    rig.host.router.route = (...args) => Object.assign(route(...args), { predictedHit: 0.5 });
    const stream = answering(rig, { headers: events, served: "10.0.0.2:8000" });
    rig.advance(100);
    chunk(stream, EVENT);
    rig.advance(20);
    chunk(stream, TOKEN);
    chunk(stream, LAST, true);
    expect(rig.answered).toMatchObject([
      { pod: { address: "10.0.0.2:8000" }, ttftMs: Number.NaN, tpotMs: 10, predictedHit: Number.NaN },
    ]);
    expect(paces(rig)).toEqual([
      [Number.NaN, Number.NaN],
      [Number.NaN, 0.01],
    ]);
  });

  test.each(["firstToken", "ended"])("a fault in reading costs the numbers, not the answer: %s", (told) => {
    const rig = new StreamRig();
    const stream = answering(rig, { headers: events, response: "FULL_DUPLEX_STREAMED" });
    Object.assign(rig.host.times, {
      [told]: () => {
        throw new Error("broken by the test");
      },
    });
    chunk(chunk(stream, EVENT), LAST, true);
    expect(rig.faults).toEqual(["reading an answer"]);
    expect(rig.answered).toEqual([]);
    expect(stream.status).toBeUndefined();
    expect(stream.story.slice(-2).map((line) => line.split(" ")[0])).toEqual(["response_body", "response_body"]);
  });

  describe("tells that the pod has read the prompt", () => {
    const pending = (rig: StreamRig) => rig.table.columns.pendingTokens[0];
    /** As if a scorer read how much the pods have to read. */
    function opened(rig: StreamRig): void {
      const open = rig.inFlight.open.bind(rig.inFlight);
      rig.inFlight.open = (pod) => open(pod, 500);
    }

    test("with the first token of a stream, not with its headers nor with what stands before", () => {
      const rig = new StreamRig();
      opened(rig);
      const stream = answering(rig, { headers: events });
      chunk(stream, ': wait\n\ndata: {"type":"response.created","response":{}}\n\n');
      expect(pending(rig)).toBe(500);
      chunk(stream, EVENT);
      expect(pending(rig)).toBe(0);
      stream.stream.onCancel();
      expect(pending(rig)).toBe(0);
    });

    test.each(["STREAMED", "NONE"] as const)("with the headers of a whole answer, response mode %s", (response) => {
      const rig = new StreamRig();
      opened(rig);
      answering(rig, { response });
      expect(pending(rig)).toBe(0);
      expect(rig.inFlightCount).toBe(1);
    });

    test("with the end of a stream that is not shown, or cannot be read", () => {
      const rig = new StreamRig();
      opened(rig);
      const hidden = answering(rig, { response: "NONE", headers: events });
      const encoded = answering(rig, { headers: { ...events, "content-encoding": "gzip" } });
      chunk(encoded, EVENT);
      expect(pending(rig)).toBe(1000);
      chunk(encoded, "", true).stream.onHalfClose();
      expect(pending(rig)).toBe(500);
      hidden.stream.onHalfClose();
    });

    test("and judges the pod's time by it", () => {
      const rig = new StreamRig();
      opened(rig);
      const told: unknown[] = [];
      Object.assign(rig.host.times, { firstToken: (...args: unknown[]) => told.push(args) });
      const stream = answering(rig, { headers: events });
      rig.advance(70);
      chunk(stream, EVENT);
      expect(told).toEqual([]);
      chunk(stream, TOKEN);
      chunk(stream, TOKEN);
      expect(told).toEqual([[rig.table.pods()[0], 70, 500]]);
    });
  });

  describe("where a scorer reads how fast pods answer", () => {
    const readers = [{ name: "latency", reads: ["ttft", "tpot"] }] as const;

    test.each(["NONE", "BUFFERED", "BUFFERED_PARTIAL"] as const)("says that response mode %s hides it", (response) => {
      const rig = new StreamRig({ readers });
      answering(rig, { response });
      expect(rig.unseen).toEqual([`answers ${response.toLowerCase()}`]);
    });

    test.each(["STREAMED", "FULL_DUPLEX_STREAMED"] as const)("is content with response mode %s", (response) => {
      const rig = new StreamRig({ readers });
      answering(rig, { response });
      expect(rig.unseen).toEqual([]);
    });

    test("and says nothing where none does", () => {
      const rig = new StreamRig();
      answering(rig, { response: "NONE" });
      expect(rig.unseen).toEqual([]);
    });
  });
});
