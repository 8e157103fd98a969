import { expect, test } from "vitest";
import { FINGERPRINT_TOKENS, PromptFingerprint, readFingerprint } from "../../../src/explain/prompt-fingerprint.ts";
import { parseBody } from "../../../src/request/parse-body.ts";

function fingerprintOf(prompt: string, fingerprint: PromptFingerprint, model = "m"): number[] {
  const request = parseBody("completions", Buffer.from(JSON.stringify({ model, prompt })), false);
  if ("code" in request) throw new Error(request.code);
  return [...readFingerprint(fingerprint.of(request))];
}

const head = "one head of a prompt, shared by all. ".repeat(40);

test("PromptFingerprint gives equal heads equal numbers, and others from where they part", () => {
  const fingerprint = new PromptFingerprint();
  const one = fingerprintOf(`${head}${"and then this. ".repeat(60)}`, fingerprint);
  const other = fingerprintOf(`${head}${"and then that. ".repeat(60)}`, fingerprint);
  const shared = Math.floor(head.length / (FINGERPRINT_TOKENS * 4));
  expect(shared).toBeGreaterThan(3);
  expect(one.slice(0, shared)).toEqual(other.slice(0, shared));
  expect(one.slice(shared).filter((number, at) => number === other[shared + at])).toEqual([]);
  expect(fingerprintOf(head, fingerprint, "another model")[0]).not.toBe(one[0]);
  expect(fingerprintOf("too short", fingerprint)).toEqual([]);
});

test("PromptFingerprint tells nothing to who does not know the process's secret: another secret, other numbers", () => {
  const [one, other] = [new PromptFingerprint(), new PromptFingerprint()];
  const numbers = fingerprintOf(head, one);
  expect(fingerprintOf(head, other).filter((number, at) => number === numbers[at])).toEqual([]);
  expect(fingerprintOf(head, one)).toEqual(numbers);
});
