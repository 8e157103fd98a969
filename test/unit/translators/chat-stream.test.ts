import { describe, expect, test } from "vitest";
import { unknownUsage } from "../../../src/response/usage.ts";
import { ChatStream } from "../../../src/translators/chat-stream.ts";

const identity = { id: "ours", created: 5, model: "m" };
const usage = { ...unknownUsage, promptTokens: 3, completionTokens: 2 };

/** The bodies of the events that have been written; [DONE] as text. */
function taken(chat: ChatStream) {
  const events = chat.take().toString().split("\n\n").slice(0, -1);
  return events.map((event) => (event === "data: [DONE]" ? "done" : JSON.parse(event.replace(/^data: /, ""))));
}

const deltasOf = (chat: ChatStream) =>
  taken(chat).flatMap((body) => (body.choices ?? []).map((choice: { delta: object }) => choice.delta));

describe("ChatStream", () => {
  test("opens a choice with its role, once, and names the answer as the provider does", () => {
    const chat = new ChatStream(identity, false);
    chat.named("theirs");
    chat.text("a");
    chat.text("b", 1);
    chat.text("c");
    const head = { id: "theirs", object: "chat.completion.chunk", created: 5, model: "m" };
    const chunk = (index: number, delta: object) => ({
      ...head,
      choices: [{ index, delta, logprobs: null, finish_reason: null }],
    });
    const role = { role: "assistant", content: "", refusal: null };
    expect(taken(chat)).toEqual([
      chunk(0, role),
      chunk(0, { content: "a" }),
      chunk(1, role),
      chunk(1, { content: "b" }),
      chunk(0, { content: "c" }),
    ]);
    expect(taken(chat)).toEqual([]);
  });

  test("numbers calls in each choice, and adds to the one that is meant", () => {
    const chat = new ChatStream(identity, false);
    expect(chat.toolCall({ id: "1", name: "f" })).toBe(0);
    expect(chat.toolCall({ id: "2", name: "g", signature: "s" })).toBe(1);
    expect(chat.toolCall({ id: "3", name: "h" }, 1)).toBe(0);
    taken(chat);
    chat.toolArguments(1, '{"a":1}');
    chat.toolArguments(0, '{"b":2}', 1);
    expect(deltasOf(chat)).toEqual([
      { tool_calls: [{ index: 1, function: { arguments: '{"a":1}' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"b":2}' } }] },
    ]);
    chat.finish("tool_calls");
    // A call that was never given arguments has the empty object.
    expect(deltasOf(chat)).toEqual([{ tool_calls: [{ index: 0, function: { arguments: "{}" } }] }, {}]);
  });

  test("tells all signed thoughts at once, before the finish", () => {
    const chat = new ChatStream(identity, false);
    const blocks = [
      { type: "thinking", thinking: "hm", signature: "s" } as const,
      { type: "redacted_thinking", data: "d" } as const,
    ];
    chat.reasoning("hm");
    for (const block of blocks) chat.thinkingBlock(block);
    chat.text("so");
    chat.finish("stop");
    expect(deltasOf(chat).slice(1)).toEqual([
      { reasoning_content: "hm" },
      { content: "so" },
      { thinking_blocks: blocks },
      {},
    ]);
  });

  test("says nothing of what is empty", () => {
    const chat = new ChatStream(identity, false);
    chat.text("");
    chat.reasoning("");
    chat.refusal("");
    chat.toolArguments(0, "");
    expect(chat.take().length).toBe(0);
  });

  test("tells usage behind the finish to who wants it, and null before", () => {
    const chat = new ChatStream(identity, true);
    chat.usage(usage);
    chat.finish("stop");
    chat.complete();
    const [role, finish, last, done, ...more] = taken(chat);
    expect([role.usage, finish.usage, finish.choices[0].finish_reason]).toEqual([null, null, "stop"]);
    expect(last).toMatchObject({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } });
    expect([done, more]).toEqual(["done", []]);
  });

  test.each([
    ["nobody wants it", false, usage],
    ["nothing is known", true, unknownUsage],
  ])("ends without usage where %s", (_title, wants, told) => {
    const chat = new ChatStream(identity, wants);
    chat.usage(told);
    chat.finish("stop");
    chat.complete();
    expect(taken(chat).at(-1)).toBe("done");
    expect(chat.toldUsage).toBe(told);
  });

  test("says nothing behind its end, however it ended", () => {
    const failed = { message: "Broken.", type: "server_error", code: "x" };
    for (const end of [(chat: ChatStream) => chat.complete(), (chat: ChatStream) => chat.fail(failed)]) {
      const chat = new ChatStream(identity, true);
      chat.text("a");
      end(chat);
      expect(chat.isOver).toBe(true);
      chat.take();
      chat.text("b");
      chat.finish("stop");
      chat.fail(failed);
      chat.complete();
      expect(chat.take().toString()).toBe("");
    }
  });

  test("ends in the error where it fails, without [DONE]", () => {
    const chat = new ChatStream(identity, false);
    chat.fail({ message: "Broken.", type: "server_error", code: null });
    expect(taken(chat)).toEqual([{ error: { message: "Broken.", type: "server_error", param: null, code: null } }]);
  });
});
