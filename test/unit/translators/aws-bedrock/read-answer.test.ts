import { describe, expect, test } from "vitest";
import awsBedrock from "../../../../src/translators/aws-bedrock.ts";
import { frames, type ReadableFrame } from "../../../support/amazon-frames.ts";

const asked = {
  ...{ path: "/", model: "m", askedModel: "m", streams: true, wantsUsage: true, wantsBase64: false },
};

function read(...pieces: readonly Buffer[]): string {
  const head = {
    ...{ status: 200, contentType: "application/vnd.amazon.eventstream", atSeconds: 1, id: "ours" },
    header: () => "",
  };
  const translation = awsBedrock.translated.chat?.answer?.(asked, head);
  if (translation === undefined) throw new Error("answers are not translated");
  return Buffer.concat([...pieces.map((piece) => translation.push(piece)), translation.end()]).toString();
}

const begun: readonly ReadableFrame[] = [
  { event: "messageStart", body: { role: "assistant" } },
  { event: "contentBlockDelta", body: { contentBlockIndex: 0, delta: { text: "The light" } } },
];
const ended: readonly ReadableFrame[] = [
  { event: "messageStop", body: { stopReason: "end_turn" } },
  {
    event: "metadata",
    body: { usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 }, metrics: { latencyMs: 4 } },
  },
];

describe("converseReader", () => {
  test("says what came before a frame that is broken, and that nothing more can be read", () => {
    const good = frames(begun);
    const damaged = frames(ended);
    damaged[40] = (damaged[40] ?? 0) ^ 1;
    const text = read(Buffer.concat([good, damaged]));
    expect(text).toContain("The light");
    expect(text).toContain("backend_answer_unreadable");
    expect(text).not.toContain("[DONE]");
    expect(read(good, damaged.subarray(0, 50), damaged.subarray(50))).toBe(text);
  });

  test("joins the pieces of what the provider hid, each of which is padded", () => {
    const hidden = (redactedContent: string): ReadableFrame => ({
      ...{
        event: "contentBlockDelta",
        body: { contentBlockIndex: 0, delta: { reasoningContent: { redactedContent } } },
      },
    });
    const stop = { event: "contentBlockStop", body: { contentBlockIndex: 0 } };
    expect(read(frames([hidden("aA=="), hidden("aQ=="), stop, ...ended]))).toContain('"data":"aGk="');
  });

  test("passes over events that it does not know, and over what servers' own tools answer", () => {
    const text = read(
      frames([
        ...begun,
        { event: "somethingNew", body: { contentBlockIndex: 0 } },
        { event: "contentBlockStart", body: { contentBlockIndex: 1, start: { toolResult: { toolUseId: "x" } } } },
        { event: "contentBlockDelta", body: { contentBlockIndex: 1, delta: { toolResult: [{ text: "secret" }] } } },
        { event: "contentBlockDelta", body: { contentBlockIndex: 1, delta: { toolUse: { input: "secret" } } } },
        { event: "contentBlockStop", body: { contentBlockIndex: 1 } },
        ...ended,
      ]),
    );
    expect(text).not.toContain("secret");
    expect(text).toMatch(/"total_tokens":3[\s\S]*data: \[DONE\]\n\n$/);
  });

  test("takes an answer without its usage for one that broke off, as Bedrock tells that last", () => {
    const text = read(frames([...begun, ...ended.slice(0, 1)]));
    expect(text).toContain("backend_answer_cut");
    expect(text).not.toContain("[DONE]");
  });
});
