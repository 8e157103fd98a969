import { describe, expect, test } from "vitest";
import { type BodySendMode, headerMap, type ProcessingResponse } from "../../../src/ext-proc/messages.ts";
import { type RiggedStream, StreamRig } from "../../support/stream-rig.ts";

const json = { "content-type": "application/json" };
const events = { "content-type": "text/event-stream" };
const answer = '{"id":"1","model":"target","choices":[{"text":"target"}]}';
const wanted = answer.replace('"model":"target"', '"model":"the client\'s"');

interface AnswerOptions {
  readonly response?: BodySendMode | "missing";
  readonly headers?: Readonly<Record<string, string>>;
  /** What the rule says; the client asks for "the client's". */
  readonly target?: string;
}

function answering(rig: StreamRig, { response = "STREAMED", headers = json, target = "target" }: AnswerOptions = {}) {
  const rules = [{ models: ["the client's"], targets: [{ model: target }] }];
  rig.rewrites.set("test", [{ name: "r", pool: "", createdAtMs: 0, rules }]);
  const isStated = response !== "missing";
  const stream = rig.open().headers(isStated ? "BUFFERED" : "missing", isStated ? { response } : {});
  stream.body(`{"model":"the client's","prompt":"x"}`);
  stream.replies.length = 0;
  return stream.send({ response_headers: { headers: headerMap({ ":status": "200", ...headers }) } });
}

function chunk(stream: RiggedStream, body: string, end = false): RiggedStream {
  return stream.send({ response_body: { body: Buffer.from(body), end_of_stream: end } });
}

const mutation = (reply: ProcessingResponse) => reply.response_body?.response?.body_mutation;
const bodies = ({ replies }: RiggedStream) => replies.filter(({ response_body }) => response_body !== undefined);

/** What reaches the client, in the modes in which Envoy keeps a copy of what we do not replace. */
function received(stream: RiggedStream, sent: readonly string[]): string {
  return bodies(stream)
    .map((reply, i) => mutation(reply)?.body?.toString() ?? sent[i] ?? "")
    .join("");
}

describe("RenamedAnswer", () => {
  test("puts the client's name back into a stream of chunks, a reply for each, cut at every two bytes", () => {
    for (let first = 0; first <= answer.length; first++) {
      for (const second of [first, Math.min(first + 3, answer.length), answer.length]) {
        const rig = new StreamRig();
        const stream = answering(rig);
        const sent = [answer.slice(0, first), answer.slice(first, second), answer.slice(second)];
        for (const [i, each] of sent.entries()) chunk(stream, each, i === 2);
        expect(received(stream, sent)).toBe(wanted);
        expect(bodies(stream)).toHaveLength(3);
        expect(rig.namedBack).toEqual(["restored"]);
      }
    }
  });

  test("puts it back in duplex, where all bytes are ours to send and an empty reply says nothing", () => {
    for (let at = 1; at < answer.length; at++) {
      const stream = answering(new StreamRig(), { response: "FULL_DUPLEX_STREAMED" });
      chunk(chunk(stream, answer.slice(0, at)), answer.slice(at));
      chunk(stream, "", true);
      const streamed = bodies(stream).map((reply) => mutation(reply)?.streamed_response);
      expect(streamed.map((each) => each?.body?.toString() ?? "").join("")).toBe(wanted);
      expect(streamed.map((each) => each?.end_of_stream === true)).toEqual([
        ...streamed.slice(1).map(() => false),
        true,
      ]);
    }
  });

  test("puts it back into events, and leaves what engines send beside them alone", () => {
    const stream = answering(new StreamRig(), { headers: events });
    const event = (model: string) => `data: {"model":"${model}"}\n\n`;
    const sent = [": ping\n\n", event("target").slice(0, 20), event("target").slice(20), "data: [DONE]\n\n"];
    for (const [i, each] of sent.entries()) chunk(stream, each, i === 3);
    expect(received(stream, sent)).toBe(`: ping\n\n${event("the client's")}data: [DONE]\n\n`);
    expect(bodies(stream).map((reply) => mutation(reply) === undefined)).toEqual([true, false, false, true]);
  });

  test("says how long a buffered answer is now, where the pod said how long it was", () => {
    const lengths = [{ ...json, "content-length": String(answer.length) }, json].map((headers) => {
      const stream = chunk(answering(new StreamRig(), { response: "BUFFERED", headers }), answer, true);
      expect(received(stream, [])).toBe(wanted);
      const set = bodies(stream)[0]?.response_body?.response?.header_mutation?.set_headers ?? [];
      return set.map(({ header }) => `${header?.key}: ${header?.raw_value?.toString()}`);
    });
    expect(lengths).toEqual([[`content-length: ${wanted.length}`], []]);
  });

  test("sends on at the end of a cut buffer what it would hold", () => {
    const stream = answering(new StreamRig(), { response: "BUFFERED_PARTIAL" });
    const cut = '{"model":"targ';
    chunk(stream, cut);
    expect(received(stream, [cut])).toBe(cut);
  });

  test("sends on before the trailers what it holds, in duplex", () => {
    const stream = answering(new StreamRig(), { response: "FULL_DUPLEX_STREAMED" });
    chunk(stream, '{"model":"targ');
    stream.send({ response_trailers: { trailers: headerMap({ a: "b" }) } });
    expect(stream.story.slice(1)).toEqual(['response_body "{"model":""', 'response_body "targ"', "response_trailers"]);
  });

  test("answers in the mode that was found out where none is stated", () => {
    const stream = chunk(answering(new StreamRig(), { response: "missing" }), answer, true);
    expect(stream.story.at(-1)).toBe(`response_body "${wanted}" end`);
  });

  test.each([
    ["hidden", "NONE", json],
    ["encoded", "STREAMED", { ...json, "content-encoding": "gzip" }],
    ["other_form", "STREAMED", { "content-type": "audio/mpeg" }],
  ] as const)("leaves an answer alone that is %s, and says so once", (how, response, headers) => {
    const rig = new StreamRig();
    const stream = answering(rig, { response, headers });
    if (response !== "NONE") chunk(stream, answer, true);
    stream.stream.onHalfClose();
    expect(bodies(stream).every((reply) => mutation(reply) === undefined)).toBe(true);
    expect(rig.namedBack).toEqual([how]);
  });

  test("tells of an answer that was never shown, and of one without the name", () => {
    const rig = new StreamRig();
    rig.rewrites.set("test", [
      { name: "r", pool: "", createdAtMs: 0, rules: [{ models: [], targets: [{ model: "target" }] }] },
    ]);
    rig.open().headers("BUFFERED").body('{"model":"a"}').stream.onHalfClose();
    chunk(answering(rig), "{}", true);
    expect(rig.namedBack).toEqual(["hidden", "absent"]);
  });

  test("leaves the answers to other requests alone", () => {
    const rig = new StreamRig();
    const stream = answering(rig, { target: "the client's" });
    chunk(stream, answer, true);
    expect(received(stream, [answer])).toBe(answer);
    expect(rig.namedBack).toEqual([]);
  });
});
