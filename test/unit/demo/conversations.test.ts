import { expect, test } from "vitest";
import { type Conversation, conversations, conversationsOf } from "../../../src/demo/conversations.ts";

function take(seed: number, count: number): Conversation[] {
  const endless = conversations(seed);
  return Array.from({ length: count }, () => endless.next().value);
}

test("conversations are the same for the same seed and others for another", () => {
  expect(take(7, 5)).toEqual(take(7, 5));
  expect(take(8, 5)).not.toEqual(take(7, 5));
});

test("conversations share one system prompt per tenant, and a few tenants have them all", () => {
  const systems = new Map<string, Set<string>>();
  for (const { tenant, system } of take(1, 60)) systems.set(tenant, (systems.get(tenant) ?? new Set()).add(system));
  expect(systems.size).toBe(4);
  for (const prompts of systems.values()) expect(prompts.size).toBe(1);
});

test("conversations begin with a long question that no other conversation begins with", () => {
  const all = take(1, 30);
  expect(new Set(all.map(({ turns }) => turns[0]?.question)).size).toBe(30);
  for (const { turns } of all) {
    const [first, ...later] = turns.map(({ question }) => question.length);
    expect(first).toBeGreaterThan(Math.max(...later));
    expect(turns[0]?.thinkMs).toBe(0);
  }
});

test.each([1, 4, 40, 201])("conversationsOf has exactly %i turns", (turns) => {
  const all = conversationsOf(3, turns);
  expect(all.reduce((sum, conversation) => sum + conversation.turns.length, 0)).toBe(turns);
  expect(all.every((conversation) => conversation.turns.length > 0)).toBe(true);
});

test("conversationsOf of fewer turns is the beginning of one of more", () => {
  const long = conversationsOf(3, 100);
  const short = conversationsOf(3, 50);
  expect(short.slice(0, -1)).toEqual(long.slice(0, short.length - 1));
});
