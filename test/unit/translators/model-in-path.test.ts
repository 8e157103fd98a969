import { expect, test } from "vitest";
import { modelInPath } from "../../../src/translators/model-in-path.ts";
import { Untranslatable } from "../../../src/translators/translator.ts";

test.each([
  ["gpt-4o", "gpt-4o"],
  ["anthropic.claude-v1:0", "anthropic.claude-v1%3A0"],
  ["arn:aws:x/y", "arn%3Aaws%3Ax%2Fy"],
  ["a?b#c(d)*'!", "a%3Fb%23c%28d%29%2A%27%21"],
  ["...", "..."],
])("modelInPath escapes %s", (model, expected) => {
  expect(modelInPath(model)).toBe(expected);
});

test.each(["", ".", ".."])("modelInPath refuses %j, which is no name but a way", (model) => {
  expect(() => modelInPath(model)).toThrow(Untranslatable);
});
