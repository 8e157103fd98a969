import { expect, test } from "vitest";
import type { Answer, Message } from "../../../src/demo/ask.ts";
import type { Conversation } from "../../../src/demo/conversations.ts";
import { runTraffic } from "../../../src/demo/traffic.ts";
import { goodAnswer } from "../../support/demo-answers.ts";

const turn = (question: string) => ({ question, thinkMs: 0 });
const talk = (...questions: string[]): Conversation => ({ tenant: "t", system: "s", turns: questions.map(turn) });

/** Runs the conversations and returns the messages of every request, in the order they were sent. */
async function record(
  given: readonly Conversation[],
  users: number,
  reply: (messages: readonly Message[]) => Partial<Answer>,
  signal = new AbortController().signal,
): Promise<string[][]> {
  const sent: string[][] = [];
  await runTraffic({
    ...{ conversations: given.values(), users, speed: 1e6, signal, onAnswer: () => undefined },
    ask: async (messages) => {
      sent.push(messages.map(({ role, content }) => `${role} ${content}`));
      return { ...goodAnswer("pod-1", 1, 1, 0), ...reply(messages) };
    },
  });
  return sent;
}

test("runTraffic sends each turn with the real answers before it", async () => {
  const sent = await record([talk("a", "b")], 1, (messages) => ({ text: `answer to ${messages.at(-1)?.content}` }));
  expect(sent).toEqual([
    ["system s", "user a"],
    ["system s", "user a", "assistant answer to a", "user b"],
  ]);
});

test("runTraffic goes on without a question that failed", async () => {
  const sent = await record([talk("a", "b")], 1, ({ length }) => (length === 2 ? { fault: "HTTP 503" } : {}));
  expect(sent).toHaveLength(2);
  expect(sent[1]).toEqual(["system s", "user b"]);
});

test("runTraffic shares the conversations among the users until none is left", async () => {
  const given = Array.from({ length: 5 }, (_, index) => talk(`question ${index}`));
  const sent = await record(given, 3, () => ({}));
  expect(sent.map((messages) => messages[1]).toSorted()).toEqual(given.map((_, index) => `user question ${index}`));
});

test("runTraffic asks nothing more once its signal came", async () => {
  const leave = new AbortController();
  const sent = await record(
    [talk("a", "b"), talk("c")],
    1,
    () => {
      leave.abort();
      return {};
    },
    leave.signal,
  );
  expect(sent).toHaveLength(1);
});
