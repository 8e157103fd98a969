import { describe, expect, test } from "vitest";
import { parseBody } from "../../../src/request/parse-body.ts";
import { MAX_RANGES } from "../../../src/request/prompt-ranges.ts";
import { rangesOf, requestOf } from "../../support/prompt-text.ts";
import { Random } from "../../support/random.ts";

/** The ranges of an item with these members, and of a message behind it. */
function rangesWith(members: readonly string[]): unknown {
  const input = `[{${['"role":"user"', ...members].join()}},{"role":"next"}]`;
  return rangesOf(requestOf("responses", `{"model":"m","input":${input}}`));
}

const many = Array.from({ length: 300 }, (_, i) => `"k${i}":"v${i}"`);

describe("members that nobody knows by name", () => {
  test("count in the order of their names, however many there are and in what order", () => {
    const sorted = [...many].sort().flatMap((member) => member.slice(1, -1).split('":"'));
    const random = new Random(7);
    for (let round = 0; round < 20; round++) {
      expect(rangesWith(random.shuffle([...many]))).toEqual([["user", ...sorted], ["next"]]);
    }
  });

  test("count by their last mention, null as none", () => {
    const twice = [...many, '"k7":"last"', '"k9":null', '"k11":null', '"k11":"again"'];
    const once = many.map((member) => (member.startsWith('"k11"') ? '"k11":"again"' : member));
    once[7] = '"k7":"last"';
    once.splice(9, 1);
    expect(rangesWith(twice)).toEqual(rangesWith(once));
  });

  test("that are prefixes of each other count by their length", () => {
    expect(rangesWith(['"abc":"3"', '"a":"1"', '"ab":"2"', '"":"0"'])).toEqual([
      ["user", '""', "0", "a", "1", "ab", "2", "abc", "3"],
      ["next"],
    ]);
  });

  test("take no place where they are null", () => {
    const nulls = Array.from({ length: MAX_RANGES / 2 }, (_, i) => `"n${i}":null`);
    expect(rangesWith([...nulls, '"secret":"s"'])).toEqual([["user", "secret", "s"], ["next"]]);
  });

  test("end the prompt before them where there are more than are kept, even if the others are emptied", () => {
    const full = Array.from({ length: MAX_RANGES / 2 }, (_, i) => `"n${i}":"a"`);
    const emptied = full.map((member) => member.replace('"a"', "null"));
    for (const members of [
      [...full, '"secret":"s"'],
      [...full, '"secret":"s"', ...emptied],
    ]) {
      expect(rangesWith(members)).toEqual([["user"]]);
      const block = `[{"content":[{"text":"t",${members.join()}}]},{"content":"next"}]`;
      expect(rangesOf(requestOf("chat", `{"model":"m","messages":${block}}`))).toEqual([["{", "t"]]);
    }
  });

  test.each<[string, number, number]>([
    ["long names that begin alike", 63, 500_000],
    ["many names from the last to the first", 16_000, 60],
    ["two names that are most of the body", 2, 15_000_000],
  ])("take bounded time with %s", (_, count, length) => {
    const head = "k".repeat(length);
    const members = Array.from({ length: count }, (_, i) => `"${head}${99_999 - i}":1`).join();
    const body = Buffer.from(`{"model":"m","input":[{${members}}]}`);
    parseBody("responses", body, false);
    const startedAt = process.cpuUsage();
    parseBody("responses", body, false);
    const { user, system } = process.cpuUsage(startedAt);
    // It takes up to 30 ms; without a bound on the bytes compared the first takes two seconds.
    expect((user + system) / 1000).toBeLessThan(600);
  });
});
