import { expect, test } from "vitest";
import { describeFault } from "../../src/errors.ts";

test("describeFault shows no value of a setting that holds a secret, and says all else", () => {
  const fault = (path: string, got: string, hint?: string) =>
    describeFault({ path, expected: "a text", got, ...(hint !== undefined && { hint }) });
  const hidden = "expected a text, got another value, which is not shown";
  expect(fault("x.yaml:3:4 pools[0].auth.token", '"SECRET"')).toBe(`x.yaml:3:4 pools[0].auth.token: ${hidden}`);
  expect(fault("--api-key", "4711", '"4711"')).toBe(`--api-key: ${hidden}`);
  expect(fault("x.yaml:3:4 scrape.token", 'the key "token"', "tokenFile")).toBe(
    'x.yaml:3:4 scrape.token: expected a text, got the key "token" (did you mean tokenFile?)',
  );
  expect(fault("scrape.tokenFile", '"x"')).toBe('scrape.tokenFile: expected a text, got "x"');
});
