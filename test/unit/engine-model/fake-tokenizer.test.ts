import { describe, expect, test } from "vitest";
import { pseudoWord, pseudoWordToken, tokenizeChat, tokenizeText } from "../../../src/engine-model/fake-tokenizer.ts";
import { Random } from "../../support/random.ts";

const prose =
  "The picker reads the prompt of every request and sends it to the pod whose cache holds most of it already. " +
  "Where two pods hold the same, the one with less work wins.";

describe("tokenizeText", () => {
  test("gives about four bytes per token of prose", () => {
    const bytesPerToken = prose.length / tokenizeText(prose).length;
    expect(bytesPerToken).toBeGreaterThan(3);
    expect(bytesPerToken).toBeLessThan(5);
  });

  test("gives equal prefixes equal tokens, whatever follows", () => {
    const random = new Random(3);
    const alphabet = [..."ab \n\tüßé漢字🙂."];
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: 1 + random.int(60) }, () => random.of(alphabet)).join("");
      const longer = text + Array.from({ length: random.int(20) }, () => random.of(alphabet)).join("");
      // Only the last token of the shorter text may still grow.
      const settled = tokenizeText(text).slice(0, -1);
      expect(tokenizeText(longer).slice(0, settled.length)).toEqual(settled);
    }
  });

  test("tells texts apart", () => {
    expect(tokenizeText("import os")).not.toEqual(tokenizeText("import on"));
    expect(tokenizeText("")).toEqual([]);
  });
});

describe("tokenizeChat", () => {
  const turn = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Who goes there?" },
  ];

  test("ends with the cue that the answer's message begins with", () => {
    const first = tokenizeChat(turn);
    const next = tokenizeChat([...turn, { role: "assistant", content: "Me." }, { role: "user", content: "Pass." }]);
    expect(next.slice(0, first.length)).toEqual(first);
  });

  test("tells equal text in other roles apart", () => {
    const [user, tool] = ["user", "tool"].map((role) => tokenizeChat([{ role, content: "same" }]));
    expect(user).not.toEqual(tool);
  });

  test("reads text parts as the text they hold, and other parts too", () => {
    const text = (content: unknown) => tokenizeChat([{ role: "user", content }]);
    expect(text([{ type: "text", text: "hello" }])).toEqual(text("hello"));
    const picture = (url: string) => text([{ type: "image_url", image_url: { url } }]);
    expect(picture("a")).not.toEqual(picture("b"));
    expect(text(null)).toEqual(text(""));
  });

  test("puts tools before the messages, so that they are part of every prefix", () => {
    const tools = [{ type: "function", function: { name: "look" } }];
    const withTools = tokenizeChat(turn, tools);
    expect(withTools[0]).toBe(tokenizeChat(turn)[0]);
    expect(withTools.slice(1, 6)).toEqual(tokenizeText(JSON.stringify(tools)).slice(0, 5));
  });
});

describe("pseudoWord", () => {
  test("comes back from the tokenizer as the ids it was generated with", () => {
    const indexes = Array.from({ length: 50 }, (_, index) => index);
    const answer = indexes.map((index) => pseudoWord(9, index)).join("");
    expect(tokenizeText(answer)).toEqual(indexes.map((index) => pseudoWordToken(9, index)));
  });

  test("depends on seed and index alone", () => {
    expect(pseudoWord(1, 4)).toBe(pseudoWord(1, 4));
    const words = new Set(Array.from({ length: 100 }, (_, index) => pseudoWord(1, index)));
    expect(words.size).toBeGreaterThan(90);
    expect(pseudoWord(2, 4)).not.toBe(pseudoWord(1, 4));
  });
});
