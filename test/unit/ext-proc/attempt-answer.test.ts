/** Answers of backends on their way back through the stream of their attempt. */
import { describe, expect, test } from "vitest";
import { countRule } from "../../../src/costs/cost-rule.ts";
import { headerMap } from "../../../src/ext-proc/messages.ts";
import {
  answer,
  answerText,
  BODY,
  bodyIn,
  commonOf,
  type Opening,
  opening,
  removedIn,
  rigOf,
  setIn,
} from "../../support/attempt-messages.ts";
import { backendOf, bookOf } from "../../support/small-backends.ts";
import { StreamRig } from "../../support/stream-rig.ts";

const JSON_TYPE = { "content-type": "application/json" };

describe("an answer that is translated", () => {
  const sent = (rig: StreamRig, options: Opening = {}, body = BODY) =>
    rig
      .open()
      .send(opening({ backend: "say", ...options }))
      .body(body);

  test.each(["STREAMED", "BUFFERED", "FULL_DUPLEX_STREAMED"] as const)("%s: comes in OpenAI's form", (response) => {
    const rig = rigOf({ costs: [countRule("total", "total")] });
    const stream = sent(rig, { response });
    answer(
      stream,
      { "content-type": "own/form", "content-length": "7" },
      ...(response === "BUFFERED" ? ["onetwo"] : ["one", "two", ""]),
    );
    expect(setIn(stream.replies[2])).toEqual({ "content-type": "application/json" });
    expect(removedIn(stream.replies[2])).toContain("content-length");
    expect(answerText(stream)).toBe('{"model":"m","status":200,"said":"onetwo"}');
    expect(rig.backendAnswers).toMatchObject([
      { backend: "say", status: 200, usage: { promptTokens: 3, completionTokens: 4 } },
    ]);
    expect(rig.costs).toEqual([["total", 7]]);
    expect(
      stream.replies.at(-1)?.dynamic_metadata?.fields?.["pointsman"]?.structValue?.fields?.["total"],
    ).toMatchObject({
      numberValue: 7,
    });
  });

  test("is sent on event by event where it is a stream", () => {
    const rig = rigOf();
    const stream = sent(rig, {}, '{"model":"m","stream":true}');
    answer(stream, { "content-type": "own/stream" }, "one", "two", "");
    expect(setIn(stream.replies[2])).toEqual({ "content-type": "text/event-stream" });
    expect(stream.replies.slice(3).map(bodyIn)).toEqual([
      "data: one\n\n",
      "data: two\n\n",
      "data: \n\ndata: [DONE]\n\n",
    ]);
  });

  test("is translated where it is an error too, with the backend's status", () => {
    const stream = answer(sent(rigOf()), { ":status": "429", "content-type": "own/form" }, "slow down");
    expect(setIn(stream.replies[2])).toEqual({ "content-type": "application/json" });
    expect(answerText(stream)).toBe('{"model":"m","status":429,"said":"slow down"}');
  });

  test("without a body passes as it is", () => {
    const stream = answer(sent(rigOf()), { ":status": "204" });
    expect(stream.story.at(-1)).toBe("response_headers");
  });

  test.each([
    ["200", "502", "backend_answer_unreadable", ["say 0", "say unfit: answer_form"]],
    ["302", "502", "backend_answer_unreadable", ["say 0", "say unfit: answer_redirect"]],
  ])("of status %s that has no body becomes an error", (status, said, code, attempts) => {
    const rig = rigOf();
    const stream = answer(sent(rig), { ":status": status, "content-type": "own/form", "content-length": "0" });
    expect(setIn(stream.replies[2])).toEqual({ "content-type": "application/json", ":status": said });
    expect(commonOf(stream.replies[2])?.status).toBe("CONTINUE_AND_REPLACE");
    expect(JSON.parse(bodyIn(stream.replies[2]) ?? "").error.code).toBe(code);
    expect([rig.attempts, stream.story.length]).toEqual([attempts, 3]);
  });

  test("that is an error without a body is given one, with the backend's status", () => {
    const stream = answer(sent(rigOf()), { ":status": "500", "content-type": "own/form" });
    expect(setIn(stream.replies[2])).toEqual({ "content-type": "application/json" });
    expect(JSON.parse(bodyIn(stream.replies[2]) ?? "")).toMatchObject({ status: 500 });
  });

  test.each(["a", "say"])("of %s comes without what is the operator's, the gateway's or ours", (backend) => {
    const hidden = {
      "openai-organization": "o",
      "set-cookie": "s=1",
      "x-api-key": "k",
      "x-pointsman-error": "forged",
      "x-ai-eg-model": "m",
      "x-envoy-foo": "1",
      "www-authenticate": "Bearer",
    };
    const stream = answer(sent(rigOf(), { backend }), { ...JSON_TYPE, ...hidden, "x-seen": "1" }, "{}", "");
    expect(removedIn(stream.replies[2])).toEqual(expect.arrayContaining(Object.keys(hidden)));
    expect(removedIn(stream.replies[2])).not.toContain("x-seen");
    const bare = answer(sent(rigOf(), { backend: "b" }), { ...hidden, ":status": "500" });
    expect(removedIn(bare.replies[2])).toEqual(Object.keys(hidden));
  });

  test("that is a redirection reaches no client, translated or not", () => {
    const rig = rigOf();
    const moved = { ":status": "302", location: "https://backend.example/", "content-type": "text/html" };
    const stream = answer(sent(rig, { backend: "b" }), moved, "<a>", "");
    expect(setIn(stream.replies[2])).toEqual({ "content-type": "application/json", ":status": "502" });
    expect(removedIn(stream.replies[2])).toContain("location");
    expect(JSON.parse(answerText(stream)).error.code).toBe("backend_answer_unreadable");
    expect(rig.attempts.at(-1)).toBe("b unfit: answer_redirect");
  });

  test("that is compressed becomes an error whose status lets the gateway try another", () => {
    const rig = rigOf();
    const stream = answer(sent(rig), { ...JSON_TYPE, "content-encoding": "gzip" }, "\u001f\u008b", "");
    expect(setIn(stream.replies[2])).toEqual({ "content-type": "application/json", ":status": "502" });
    expect(JSON.parse(answerText(stream)).error.code).toBe("backend_answer_unreadable");
    expect(rig.attempts.at(-1)).toBe("say unfit: answer_encoded");
    const failed = answer(sent(rigOf()), { ":status": "429", "content-encoding": "gzip" }, "x");
    expect(setIn(failed.replies[2])).toEqual({ "content-type": "application/json" });
  });

  test("that is none of the provider's becomes an error whose status lets the gateway try another", () => {
    const rig = rigOf();
    const stream = answer(sent(rig), { "content-type": "text/html" }, "<html>", "");
    expect(setIn(stream.replies[2])).toEqual({ "content-type": "application/json", ":status": "502" });
    expect(JSON.parse(answerText(stream)).error.code).toBe("backend_answer_unreadable");
    expect([rig.attempts.at(-1), rig.faults]).toEqual(["say unfit: answer_form", []]);
  });

  test("whose translator fails ends in an error, at once or in the middle", () => {
    const rig = rigOf();
    const atOnce = answer(sent(rig), { "content-type": "broken/at-once" }, "x", "");
    expect(setIn(atOnce.replies[2])[":status"]).toBe("502");
    expect(JSON.parse(answerText(atOnce)).error.code).toBe("backend_answer_unreadable");
    const inside = answer(sent(rig, {}, '{"model":"m","stream":true}'), {}, "one", "broken", "two", "");
    expect(answerText(inside)).toMatch(/^data: one\n\ndata: \{"error":.*backend_answer_unreadable.*\}\n\n$/);
    expect(rig.faults).toEqual(["translating an answer", "translating an answer"]);
  });

  test("ends in trailers: duplex sends what is held before them, no other mode can", () => {
    const rig = rigOf();
    const trailers = { response_trailers: { trailers: headerMap({ "x-sum": "1" }) } };
    const duplex = sent(rig, { response: "FULL_DUPLEX_STREAMED" });
    duplex.send({ response_headers: { headers: headerMap({ ":status": "200" }) } });
    duplex.send({ response_body: { body: Buffer.from("one") } }).send(trailers);
    expect(answerText(duplex)).toBe('{"model":"m","status":200,"said":"one"}');
    expect(duplex.story.at(-1)).toBe("response_trailers");
    const streamed = sent(rig);
    streamed.send({ response_headers: { headers: headerMap({ ":status": "200" }) } });
    streamed.send({ response_body: { body: Buffer.from("one") } }).send(trailers);
    expect([streamed.story.at(-1), rig.attempts.at(-1)]).toEqual(["response_trailers", "say unfit: answer_trailers"]);
  });

  test.each(["NONE", "BUFFERED_PARTIAL"] as const)(
    "%s: cannot be, which is said before the request goes out",
    (response) => {
      const rig = rigOf();
      expect(rig.open().send(opening({ backend: "say", response })).story).toEqual(["request_headers"]);
      expect(rig.attempts).toEqual(["say unfit: answer_hidden"]);
    },
  );

  test("of an attempt that is made again just ends, and is counted once", () => {
    const rig = rigOf();
    const stream = sent(rig);
    stream.send({ response_headers: { headers: headerMap({ ":status": "500" }) } });
    stream.stream.onCancel();
    expect(rig.backendAnswers).toMatchObject([{ backend: "say", status: 500 }]);
    expect([rig.ends.length, rig.host.openStreams.size]).toEqual([1, 0]);
  });
});

describe("an answer that needs no translation", () => {
  const sent = (rig: StreamRig, options: Opening = {}) => rig.open().send(opening(options)).body(BODY);
  const SAID = '{"model":"at-a","usage":{"prompt_tokens":5,"completion_tokens":2}}';

  test.each(["STREAMED", "BUFFERED", "FULL_DUPLEX_STREAMED"] as const)(
    "%s: gets the client's name for the model",
    (response) => {
      const rig = rigOf({ costs: [countRule("total", "total")] });
      const stream = answer(sent(rig, { response }), JSON_TYPE, SAID);
      expect(answerText(stream)).toBe(SAID.replace("at-a", "m"));
      expect([rig.namedBack, rig.costs]).toEqual([["restored"], [["total", 7]]]);
      expect(rig.backendAnswers).toMatchObject([{ backend: "a", status: 200, usage: { promptTokens: 5 } }]);
    },
  );

  test("goes on as it came where the model has one name", () => {
    const rig = rigOf();
    const stream = answer(sent(rig, { backend: "b" }), JSON_TYPE, SAID);
    expect(stream.story.slice(2)).toEqual(["response_headers", "response_body"]);
    expect([rig.namedBack, rig.backendAnswers[0]?.usage.promptTokens]).toEqual([[], 5]);
  });

  test("is read as what was asked for where it does not say what it is", () => {
    const stream = answer(sent(rigOf()), {}, '{"model":"at-a"}', "");
    expect(answerText(stream)).toBe('{"model":"m"}');
  });

  test("loses the event that only tells the usage which the client did not ask for", () => {
    const asking = bookOf(backendOf("a", { asksForUsage: true }));
    const rig = new StreamRig({ backends: asking });
    const stream = rig.open().send(opening()).body('{"model":"m","stream":true}');
    const told = 'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\n';
    answer(
      stream,
      { "content-type": "text/event-stream" },
      'data: {"choices":[{}]}\n\n',
      told.slice(0, 20),
      told.slice(20),
      "data: [DONE]\n\n",
    );
    expect(answerText(stream)).toBe('data: {"choices":[{}]}\n\ndata: [DONE]\n\n');
    expect(rig.backendAnswers[0]?.usage.promptTokens).toBe(5);
  });

  test("NONE: is not shown, and nothing of it is owed", () => {
    const rig = rigOf();
    const stream = sent(rig, { response: "NONE" });
    expect(stream.stream.letGo()).toBe(true);
  });
});
