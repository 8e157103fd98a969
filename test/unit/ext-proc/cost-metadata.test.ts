/** What goes out with the last reply of an answer, as Envoy's own definition of the message reads it. */
import { describe, expect, test } from "vitest";
import { costExpression } from "../../../src/costs/cost-expression.ts";
import { type CostRule, countRule } from "../../../src/costs/cost-rule.ts";
import { type BodySendMode, headerMap, type ProcessingResponse } from "../../../src/ext-proc/messages.ts";
import { type RiggedStream, StreamRig } from "../../support/stream-rig.ts";

const WHOLE = '{"usage":{"prompt_tokens":9,"completion_tokens":3}}';
const LAST = 'data: {"usage":{"prompt_tokens":9,"completion_tokens":3}}\n\n';

function compiled(key: string, text: string): CostRule {
  const rule = costExpression(key, text);
  if (typeof rule === "string") throw new Error(rule);
  return rule;
}

const costs = [countRule("llm_total_token", "total"), compiled("llm_cost", "input_tokens + 2u * output_tokens")];

function answering(rig: StreamRig, response: BodySendMode = "STREAMED", type = "application/json", status = "200") {
  const stream = rig.open().headers("BUFFERED", { response, path: "/v1/completions" });
  stream.body('{"model":"m","prompt":"hello"}');
  return stream.send({ response_headers: { headers: headerMap({ ":status": status, "content-type": type }) } });
}

function chunk(stream: RiggedStream, body: string, end = false): RiggedStream {
  return stream.send({ response_body: { body: Buffer.from(body), end_of_stream: end } });
}

function told({ dynamic_metadata }: ProcessingResponse): Record<string, Record<string, number | undefined>> {
  const namespaces = Object.entries(dynamic_metadata?.fields ?? {});
  return Object.fromEntries(
    namespaces.map(([name, { structValue }]) => [
      name,
      Object.fromEntries(Object.entries(structValue?.fields ?? {}).map(([key, value]) => [key, value.numberValue])),
    ]),
  );
}

const counts = { llm_total_token: 12, llm_cost: 15 };
const both = { "io.envoy.ai_gateway": counts, pointsman: counts };

describe("costMetadata", () => {
  test.each(["STREAMED", "BUFFERED", "FULL_DUPLEX_STREAMED"] as const)(
    "goes out with the last reply of an answer in response mode %s",
    (mode) => {
      const rig = new StreamRig({ costs });
      const stream = answering(rig, mode);
      chunk(stream, WHOLE.slice(0, 20));
      const before = stream.replies.length;
      chunk(stream, WHOLE.slice(20), true);
      expect(stream.replies.slice(0, before).map(told)).not.toContainEqual(both);
      expect(stream.replies.slice(before).map(told)).toEqual([both]);
      expect(rig.costs).toEqual([
        ["llm_total_token", 12],
        ["llm_cost", 15],
      ]);
    },
  );

  test("goes out with the trailers where these end the answer", () => {
    const stream = answering(new StreamRig({ costs }), "STREAMED", "text/event-stream");
    chunk(stream, LAST).send({ response_trailers: {} });
    expect(stream.replies.at(-1)?.response_trailers).toBeDefined();
    expect(told(stream.replies.at(-1) ?? {})).toEqual(both);
  });

  test("leaves every byte of a long duplex answer where it was", () => {
    const stream = answering(new StreamRig({ costs }), "FULL_DUPLEX_STREAMED");
    stream.replies.length = 0;
    const body = `${" ".repeat(200_000)}${WHOLE}`;
    chunk(stream, body, true);
    const pieces = stream.replies.map((reply) => reply.response_body?.response?.body_mutation?.streamed_response);
    expect(Buffer.concat(pieces.map((piece) => piece?.body ?? Buffer.alloc(0))).toString()).toBe(body);
    expect(pieces.map((piece) => piece?.end_of_stream === true)).toEqual([...pieces.slice(1).map(() => false), true]);
    expect(stream.replies.map(told)).toEqual([...pieces.slice(1).map(() => ({})), both]);
  });

  test.each([
    ["tells none", "STREAMED", "{}", "200"],
    ["is an error", "STREAMED", WHOLE, "500"],
  ] as const)("is left out where the answer %s", (_, mode, body, status) => {
    const rig = new StreamRig({ costs });
    const stream = chunk(answering(rig, mode, "application/json", status), body, true);
    expect(stream.replies.map(told)).not.toContainEqual(expect.objectContaining({ pointsman: expect.anything() }));
    expect(rig.costs).toEqual([]);
  });

  test("leaves out a cost without a value and tells the others", () => {
    const rig = new StreamRig({ costs: [compiled("a", "output_tokens - input_tokens"), ...costs.slice(0, 1)] });
    const stream = chunk(answering(rig), WHOLE, true);
    expect(told(stream.replies.at(-1) ?? {})["pointsman"]).toEqual({ llm_total_token: 12 });
    expect(rig.faults).toEqual(["cost a"]);
  });
});
