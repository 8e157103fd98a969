import { describe, expect, test } from "vitest";
import { UsageHider } from "../../../src/response/usage-hider.ts";

const said = 'data: {"choices":[{"delta":{"content":"Hi"}}],"usage":null}\n\n';
const usage = 'data: {"id":"x","choices":[],"usage":{"prompt_tokens":5}}\n\n';
const done = "data: [DONE]\n\n";

/** What goes on of a stream that comes in pieces of so many bytes. */
function through(text: string, size = text.length): string {
  const hider = new UsageHider();
  const bytes = Buffer.from(text);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(...hider.write(bytes.subarray(at, at + size)));
  return Buffer.concat([...pieces, ...hider.end()]).toString();
}

describe("UsageHider", () => {
  test.each([1, 2, 7, 40, 1000])("takes out the event that only tells the usage, cut at every %i bytes", (size) => {
    expect(through(said + usage + done, size)).toBe(said + done);
  });

  test.each([
    ["CRLF", "\r\n"],
    ["CR", "\r"],
  ])("knows lines that end in %s", (_, end) => {
    const text = (said + usage + done).replaceAll("\n", end);
    for (const size of [1, 3, 1000])
      expect(through(text, size).replaceAll(/[\r\n]+/g, "\n")).toBe((said + done).replaceAll(/\n+/g, "\n"));
  });

  test.each([
    ["an event with a choice", said.replace("null", '{"prompt_tokens":5}')],
    ["one without usage", 'data: {"choices":[]}\n\n'],
    ["one whose usage is empty", 'data: {"choices":[],"usage":null}\n\n'],
    ["one that says such a thing", 'data: {"choices":[{"text":"\\"choices\\":[] \\"usage\\""}]}\n\n'],
    ["what is no JSON", 'data: "choices":[] "usage"\n\n'],
    ["comments and other fields", ': "usage" "choices":[]\nevent: x\n\n'],
    ["an end without an empty line", 'data: {"choices":[],"usage":{}}'],
    ["a very long event", `data: {"choices":[],"usage":{},"x":"${"x".repeat(70_000)}"}\n\n`],
  ])("leaves %s as it is", (_, text) => {
    for (const size of [5, 1000, 100_000]) expect(through(text + done, size)).toBe(text + done);
  });

  test("finds it in data of several lines", () => {
    expect(through('data: {"choices":[],\ndata: "usage":{"a":1}}\n\n')).toBe("");
  });
});
