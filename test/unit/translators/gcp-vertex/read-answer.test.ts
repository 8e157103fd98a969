import { describe, expect, test } from "vitest";
import gcpVertex from "../../../../src/translators/gcp-vertex.ts";
import type { JsonObject } from "../../../../src/translators/translator.ts";

const asked = {
  ...{ path: "/", model: "gemini-3.1-pro", askedModel: "m", streams: true, wantsUsage: false, wantsBase64: false },
};

function read(contentType: string, text: string): string {
  const head = { status: 200, contentType, atSeconds: 1, id: "ours", header: () => "" };
  const translation = gcpVertex.translated.chat?.answer?.(asked, head);
  if (translation === undefined) throw new Error("answers are not translated");
  return Buffer.concat([translation.push(Buffer.from(text)), translation.end()]).toString();
}

const whole = (answer: JsonObject) => JSON.parse(read("application/json", JSON.stringify(answer)));
const streamed = (...answers: readonly JsonObject[]) =>
  read("text/event-stream", answers.map((answer) => `data: ${JSON.stringify(answer)}\n\n`).join(""));

const candidate = (parts: readonly JsonObject[], more: JsonObject = {}) => ({
  content: { role: "model", parts },
  ...more,
});
const call = { functionCall: { name: "now", args: {} } };

describe("geminiReader", () => {
  test("gives each call of each answer an id of its own, and the same to the same call", () => {
    const ids = (responseId?: string): string[] => {
      const answer = { candidates: [candidate([call, call], { finishReason: "STOP" })], responseId };
      return whole(answer).choices[0].message.tool_calls.map(({ id }: { id: string }) => id);
    };
    const [first, second] = [ids("one"), ids("two")];
    expect(new Set([...first, ...second, ...ids(), ...ids()]).size).toBe(8);
    expect(ids("one")).toEqual(first);
    expect(first[0]).toMatch(/^call_[0-9a-f]{24}$/);
  });

  test("answers several candidates as several choices, each with its own end", () => {
    const { choices } = whole({
      candidates: [
        candidate([{ text: "One" }], { index: 0, finishReason: "STOP" }),
        candidate([call], { index: 1, finishReason: "STOP" }),
        candidate([{ text: "Thr" }], { index: 2, finishReason: "MAX_TOKENS" }),
      ],
    });
    expect(choices.map(({ finish_reason }: { finish_reason: string }) => finish_reason)).toEqual([
      "stop",
      "tool_calls",
      "length",
    ]);
  });

  test("ends a stream whose prompt was blocked as one that is whole", () => {
    const text = streamed({ promptFeedback: { blockReason: "SAFETY" }, responseId: "r" });
    expect(text).toContain('"finish_reason":"content_filter"');
    expect(text).toMatch(/data: \[DONE\]\n\n$/);
  });

  test("ends a stream in an error where a candidate that began has no end", () => {
    const end = { candidates: [candidate([{ text: "One" }], { index: 0, finishReason: "STOP" })] };
    expect(streamed(end)).toContain("[DONE]");
    const cut = streamed({ candidates: [candidate([{ text: "Two" }], { index: 1 })] }, end);
    expect(cut).toContain("backend_answer_cut");
    expect(cut).not.toContain("[DONE]");
  });

  test("ends a choice once where Gemini says twice that it has ended", () => {
    const end = { candidates: [candidate([], { finishReason: "STOP" })] };
    expect(streamed(end, end).split('"finish_reason":"stop"')).toHaveLength(2);
  });

  test("ends a stream in an error where an event is no answer", () => {
    expect(read("text/event-stream", "data: {oops\n\n")).toContain("backend_answer_unreadable");
  });
});
