import { describe, expect, test } from "vitest";
import { readContent, readText } from "../../../src/translators/chat-parts.ts";
import { type JsonValue, Untranslatable } from "../../../src/translators/translator.ts";

const read = (...parts: readonly JsonValue[]) => readContent(parts, "c");
const image = (url: JsonValue) => ({ type: "image_url", image_url: { url } });
const file = (members: { readonly [name: string]: JsonValue }) => ({ type: "file", file: members });

function paramOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof Untranslatable) return error.param;
    throw error;
  }
  return "nothing was refused";
}

describe("readContent", () => {
  test("reads a string as one part, and leaves out what is empty, or nothing but space", () => {
    expect(readContent("a", "c")).toEqual([{ kind: "text", text: "a", cachePoint: undefined, at: "c" }]);
    expect(readContent("", "c")).toEqual([]);
    expect(readContent(" \n\n", "c")).toEqual([]);
    expect(read({ type: "text", text: "" })).toEqual([]);
    expect(read({ type: "text", text: "\t" })).toEqual([]);
  });

  test.each<[string, unknown]>([
    ["data:image/png;base64,AAAA", { kind: "data", mediaType: "image/png", base64: "AAAA" }],
    ["data:IMAGE/PNG;charset=utf-8;base64,AAAA", { kind: "data", mediaType: "image/png", base64: "AAAA" }],
    ["data:image/svg+xml;base64,", { kind: "data", mediaType: "image/svg+xml", base64: "" }],
    ["https://example.com/a.png?b=c", { kind: "url", url: "https://example.com/a.png?b=c" }],
    ["gs://bucket/a.png", { kind: "url", url: "gs://bucket/a.png" }],
    ["s3://bucket/a.png", { kind: "url", url: "s3://bucket/a.png" }],
  ])("reads the picture at %s", (url, source) => {
    expect(read(image(url))).toMatchObject([{ kind: "image", source, at: "c[0]" }]);
  });

  test("reads audio and files", () => {
    const audio = { type: "input_audio", input_audio: { format: "mp3", data: "AAAA" } };
    const pdf = file({ filename: "a.pdf", file_data: "data:application/pdf;base64,AAAA" });
    expect(read(audio, pdf)).toMatchObject([
      { kind: "audio", format: "mp3", base64: "AAAA", at: "c[0]" },
      { kind: "file", name: "a.pdf", source: { mediaType: "application/pdf" }, at: "c[1]" },
    ]);
  });

  test.each<[string, JsonValue, string | undefined]>([
    ["OpenAI's mark", { prompt_cache_breakpoint: { mode: "explicit" } }, ""],
    ["Anthropic's mark", { cache_control: { type: "ephemeral" } }, ""],
    ["Anthropic's mark with a time", { cache_control: { type: "ephemeral", ttl: "1h" } }, "1h"],
    ["no mark", { cache_control: null }, undefined],
  ])("reads %s for the cache", (_title, mark, ttl) => {
    const [part] = read({ type: "text", text: "a", ...(mark as object) });
    expect(part && "cachePoint" in part ? part.cachePoint?.ttl : "none").toBe(ttl);
  });

  test.each<[string, () => unknown, string]>([
    ["a part of an unknown kind", () => read({ type: "video" }), "c[0].type"],
    ["a picture without an address", () => read(image(null)), "c[0].image_url.url"],
    ["a picture that is a file here", () => read(image("file:///etc/passwd")), "c[0].image_url.url"],
    ["a picture whose data is not in base64", () => read(image("data:image/png,abc")), "c[0].image_url.url"],
    ["a file that OpenAI keeps", () => read(file({ file_id: "file-1" })), "c[0].file.file_id"],
    ["text that is a number", () => read({ type: "text", text: 5 }), "c[0].text"],
    ["content that is a number", () => readContent(5, "c"), "c"],
  ])("names the place of %s", (_title, act, param) => {
    expect(paramOf(act)).toBe(param);
  });

  test("reads a large picture without going through it", () => {
    const data = "A".repeat(20 * 1024 * 1024);
    const [part] = read(image(`data:image/png;base64,${data}`));
    expect(part?.kind === "image" && part.source.kind === "data" && part.source.base64.length).toBe(data.length);
  });
});

describe("readText", () => {
  test("refuses what is no text", () => {
    expect(paramOf(() => readText([{ type: "text", text: "a" }, image("https://a/b")], "c"))).toBe("c[1]");
  });
});
