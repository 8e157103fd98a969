import { describe, expect, test } from "vitest";
import { claudeVersion, knowsEffort } from "../../../src/translators/claude-models.ts";

describe("claudeVersion", () => {
  test.each([
    ["claude-opus-4-7", 407],
    ["claude-sonnet-4-5-20250929", 405],
    ["claude-sonnet-4-20250514", 400],
    ["claude-opus-4@20250514", 400],
    ["claude-opus-5-5", 505],
    ["claude-opus-4-10", 410],
    ["claude-3-haiku-20240307", 300],
    ["eu.anthropic.claude-3-5-sonnet-20241022-v2:0", 305],
    ["anthropic.claude-v2:1", 200],
    ["anthropic.claude-instant-v1", 100],
    ["claude-20250514", Number.NaN],
    ["claude", Number.NaN],
    ["arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", Number.NaN],
  ])("is, of %s, %d", (model, version) => {
    expect(claudeVersion(model)).toBe(version);
  });
});

describe("knowsEffort", () => {
  test("takes a name without a version for one of today", () => {
    expect(["claude-opus-4-6", "claude", "claude-sonnet-4-5"].map(knowsEffort)).toEqual([true, true, false]);
  });
});
