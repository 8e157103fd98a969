/** Attempts and routes in any order of messages, cut anywhere: nothing is lost, held or answered twice. */
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { decodeMessage } from "../../../src/ext-proc/decode-message.ts";
import { type BodySendMode, headerMap, protoMethods } from "../../../src/ext-proc/messages.ts";
import { answerText, bodyIn, commonOf, opening, rigOf } from "../../support/attempt-messages.ts";
import { Random } from "../../support/random.ts";
import { randomMessage, requestKinds } from "../../support/random-messages.ts";

const { requestSerialize } = protoMethods().process;
const backends = ["a", "b", "say", "keyless", "", "nobody"] as const;
const modes: readonly BodySendMode[] = ["NONE", "STREAMED", "BUFFERED", "BUFFERED_PARTIAL", "FULL_DUPLEX_STREAMED"];
const bodies = [
  '{"model":"m","messages":[]}',
  '{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}',
  "{bad",
  "",
  "{}",
];

test.each(["attempt", "route"] as const)("messages in any order leave nothing behind: %s", (phase) => {
  const random = new Random(11);
  const rig = rigOf({ bufferLimitBytes: 10_000, bodyLimitBytes: 3_000 });
  for (let i = 0; i < 1500; i++) {
    const stream = rig.open("envoy:1", phase);
    const first = opening({ backend: random.of(backends), mode: random.of(modes), response: random.of(modes) });
    if (random.chance(0.9)) stream.send(first);
    for (let more = random.int(7); more > 0; more--) {
      const kind = random.of(requestKinds);
      const body = Buffer.from(random.of(bodies));
      if (kind === "request_body") stream.body(body, random.chance(0.5));
      else stream.stream.on(decodeMessage(requestSerialize(randomMessage(random, kind))));
    }
    if (random.chance(0.5)) stream.stream.onHalfClose();
    else stream.stream.onCancel();
    expect([rig.host.budget.usedBytes, rig.held.size, rig.host.openStreams.size], `round ${i}`).toEqual([0, 0, 0]);
  }
  expect(rig.ends.length).toBe(1500);
  expect(rig.faults).toEqual([]);
  expect(rig.inFlightCount).toBe(0);
});

test("a body in pieces of any size makes the same request, in every mode that shows it", async () => {
  const random = new Random(3);
  const body = `{"model":"m","messages":[{"role":"user","content":"${"word ".repeat(300)}"}]}`;
  for (let i = 0; i < 60; i++) {
    const isPacked = random.chance(0.3);
    const bytes = isPacked ? gzipSync(body) : Buffer.from(body);
    const headers = isPacked ? { "content-encoding": "gzip" } : {};
    const rig = rigOf();
    const stream = rig.open().send(opening({ mode: "FULL_DUPLEX_STREAMED", headers }));
    for (let at = 0; at < bytes.length; ) {
      const next = Math.min(at + 1 + random.int(700), bytes.length);
      stream.body(bytes.subarray(at, next), next === bytes.length);
      at = next;
    }
    await expect.poll(() => stream.replies.length).toBeGreaterThan(0);
    const text = stream.replies.map(
      (reply) => commonOf(reply)?.body_mutation?.streamed_response?.body?.toString() ?? "",
    );
    expect(text.join("")).toBe(body.replace('"m"', '"at-a"'));
    const whole = rigOf().open().send(opening({ headers })).body(bytes);
    await expect.poll(() => bodyIn(whole.replies[1])).toBe(text.join(""));
  }
});

test("an answer in pieces of any size comes out the same, in every mode that shows it", () => {
  const random = new Random(5);
  const said = `{"model":"at-a","usage":{"prompt_tokens":5,"completion_tokens":2},"text":"${"ü".repeat(200)}"}`;
  const bytes = Buffer.from(said);
  for (let i = 0; i < 100; i++) {
    const response = random.of(["STREAMED", "FULL_DUPLEX_STREAMED"] as const);
    const rig = rigOf();
    const stream = rig.open().send(opening({ response })).body('{"model":"m","messages":[]}');
    const head = { ":status": "200", "content-type": "application/json" };
    stream.send({ response_headers: { headers: headerMap(head) } });
    for (let at = 0; at < bytes.length; ) {
      const next = Math.min(at + 1 + random.int(60), bytes.length);
      stream.send({ response_body: { body: bytes.subarray(at, next), end_of_stream: next === bytes.length } });
      at = next;
    }
    // In the other mode a piece that goes on as it came has no body of its own in the reply.
    if (response === "FULL_DUPLEX_STREAMED") expect(answerText(stream)).toBe(said.replace("at-a", "m"));
    expect(rig.backendAnswers[0]?.usage).toMatchObject({ promptTokens: 5, completionTokens: 2 });
  }
});
