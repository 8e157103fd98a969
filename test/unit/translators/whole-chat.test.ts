import { describe, expect, test } from "vitest";
import { unknownUsage } from "../../../src/response/usage.ts";
import { WholeChat } from "../../../src/translators/whole-chat.ts";

const identity = { id: "ours", created: 5, model: "m" };

describe("WholeChat", () => {
  test("puts the pieces of each choice together", () => {
    const chat = new WholeChat(identity);
    chat.text("a");
    chat.text("x", 1);
    chat.text("b");
    chat.finish("length");
    chat.usage({ ...unknownUsage, promptTokens: 3, cachedTokens: 1, completionTokens: 2, reasoningTokens: 0 });
    const said = (content: string) => ({ role: "assistant", content, refusal: null });
    expect(chat.body()).toEqual({
      id: "ours",
      object: "chat.completion",
      created: 5,
      model: "m",
      choices: [
        { index: 0, message: said("ab"), logprobs: null, finish_reason: "length" },
        { index: 1, message: said("x"), logprobs: null, finish_reason: "stop" },
      ],
      usage: {
        prompt_tokens: 3,
        completion_tokens: 2,
        total_tokens: 5,
        prompt_tokens_details: { cached_tokens: 1 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
    });
  });

  test("has calls with their arguments, the empty object where there are none, and no content beside them", () => {
    const chat = new WholeChat(identity);
    const first = chat.toolCall({ id: "1", name: "f" });
    const second = chat.toolCall({ id: "2", name: "g", signature: "s" });
    chat.toolArguments(second, '{"a":');
    chat.toolArguments(second, "1}");
    chat.toolArguments(7, "of no call");
    expect([first, second]).toEqual([0, 1]);
    const [choice] = chat.body()["choices"] as { message: unknown }[];
    expect(choice?.message).toEqual({
      role: "assistant",
      content: null,
      refusal: null,
      tool_calls: [
        { id: "1", type: "function", function: { name: "f", arguments: "{}" } },
        {
          ...{ id: "2", type: "function", function: { name: "g", arguments: '{"a":1}' } },
          extra_content: { google: { thought_signature: "s" } },
        },
      ],
    });
  });

  test("tells no usage where none is known", () => {
    const chat = new WholeChat(identity);
    chat.usage(unknownUsage);
    expect(chat.body()).not.toHaveProperty("usage");
  });

  test("is the error where the provider failed", () => {
    const chat = new WholeChat(identity);
    chat.text("a");
    chat.fail({ message: "Broken.", type: "server_error", code: "x" });
    expect(chat.body()).toEqual({ error: { message: "Broken.", type: "server_error", param: null, code: "x" } });
  });
});
