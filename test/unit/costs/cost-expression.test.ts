import { describe, expect, test } from "vitest";
import { costExpression } from "../../../src/costs/cost-expression.ts";
import { countOf, countRule, isTold, type Spent, tokenKinds } from "../../../src/costs/cost-rule.ts";
import { unknownUsage } from "../../../src/response/usage.ts";

const usage = {
  promptTokens: 100,
  cachedTokens: 40,
  cacheWrittenTokens: 8,
  completionTokens: 20,
  reasoningTokens: 5,
};
const spent: Spent = { usage, model: "gpt", backend: "first" };

function costOf(text: string, of = spent): number {
  const rule = costExpression("k", text);
  if (typeof rule === "string") throw new Error(rule);
  return rule.cost(of);
}

describe("countRule", () => {
  test("tells each of the counts", () => {
    const counts = Object.keys(tokenKinds).map((kind) => countRule("k", kind as keyof typeof tokenKinds).cost(spent));
    expect(counts).toEqual([100, 40, 8, 20, 5, 120]);
  });

  test("takes a count that the answer is silent about for none", () => {
    expect(countOf({ ...unknownUsage, promptTokens: 3 }, "total")).toBe(3);
    expect(isTold(unknownUsage)).toBe(false);
    expect(isTold({ ...unknownUsage, completionTokens: 0 })).toBe(true);
  });
});

describe("costExpression", () => {
  test.each([
    ["input_tokens + 3u * output_tokens", 160],
    ["(input_tokens - cached_input_tokens) * 4u + cached_input_tokens", 280],
    ["double(total_tokens) * 0.25", 30],
    ["model == 'gpt' ? reasoning_tokens : 0u", 5],
    ["model == 'matches' || [model].exists(each, each.endsWith('t')) ? 3 : 4", 3],
    ["backend.startsWith('sec') ? 1 : 2", 2],
    ["cache_creation_input_tokens", 8],
  ])("%s", (text, cost) => {
    expect(costOf(text)).toBe(cost);
  });

  test.each([
    ["input_tokens +", /unexpected token/i],
    ["input_tokens + 1", /uint \+ int/],
    ["tokens", /unknown variable: tokens/i],
    ["model", /its value is a string, not a number/],
    ["input_tokens > 1u", /its value is a bool/],
    ["model.matches('^([a-z0-9]+-?)+$') ? 1 : 2", /^matches is not taken/],
    ["['a'].exists(each, {'k': model}['k'].matches(each)) ? 1 : 2", /^matches is not taken/],
    ["matches(model, 'a') ? 1 : 2", /^matches is not taken/],
    ["1u".padEnd(4_000, "+1u"), /exceed|limit|nodes/i],
  ])("refuses %s before the start", (text, why) => {
    expect(costExpression("k", text)).toMatch(why);
  });

  test.each([
    ["cached_input_tokens - input_tokens", /overflow/i],
    ["input_tokens / (reasoning_tokens - 5u)", /zero/],
    ["-1.5", /no number from 0 on/],
  ])("%s has no value", (text, why) => {
    expect(() => costOf(text)).toThrow(why);
  });
});
