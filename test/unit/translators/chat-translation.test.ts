import { describe, expect, test } from "vitest";
import { unknownUsage } from "../../../src/response/usage.ts";
import { type ChatReader, chatTranslation } from "../../../src/translators/chat-translation.ts";
import { LONGEST_ANSWER } from "../../../src/translators/collected-answer.ts";
import { EventReader, EventTooLong, type ServerEvent } from "../../../src/translators/event-reader.ts";

const asked = { path: "/", model: "there", askedModel: "here", streams: true, wantsUsage: false, wantsBase64: false };
const head = (status: number, contentType: string) => ({
  status,
  contentType,
  atSeconds: 5,
  id: "ours",
  header: () => "",
});

/** A provider that writes its text bare, "." where it is over. */
const reader: ChatReader<ServerEvent> = {
  isStream: (contentType) => contentType === "text/event-stream",
  splitter: () => new EventReader(),
  stream: (chat) => ({
    event({ data }) {
      if (data === ".") chat.complete();
      else if (data === "usage") chat.usage(unknownUsage);
      else chat.text(data);
    },
    atEnd: () => chat.text("(end)"),
  }),
  whole(answer, chat) {
    if (typeof answer["text"] !== "string") return false;
    chat.text(answer["text"]);
    return true;
  },
};
const open = (status: number, contentType: string, by = reader) => {
  const translation = chatTranslation(asked, head(status, contentType), by);
  if (translation === undefined) throw new Error("it is taken for no answer of the provider's");
  return translation;
};
const events = (...data: readonly string[]) => Buffer.from(data.map((each) => `data: ${each}\n\n`).join(""));

describe("chatTranslation", () => {
  test("goes by what the answer is, not by what was asked for", () => {
    expect(open(200, "text/event-stream").contentType).toBe("text/event-stream");
    expect(open(200, "application/json").contentType).toBe("application/json");
    expect(open(500, "text/event-stream").contentType).toBe("application/json");
  });

  test("sends events as they come, and nothing behind the last", () => {
    const translation = open(200, "text/event-stream");
    expect(translation.push(events("a")).toString()).toContain('"content":"a"');
    expect(translation.push(events(".", "b")).toString()).toBe("data: [DONE]\n\n");
    expect(translation.push(events("c")).length).toBe(0);
    translation.push(events("usage"));
    expect(translation.usage).toBeUndefined();
    expect(translation.end().length).toBe(0);
  });

  test("asks the reader at the end, and calls what is not complete broken off", () => {
    const translation = open(200, "text/event-stream");
    translation.push(events("a"));
    const end = translation.end().toString();
    expect(end).toMatch(/"content":"\(end\)".*\n\n.*"code":"backend_answer_cut"/);
    expect(end).not.toContain("[DONE]");
  });

  test("ends what cannot be read in an error, behind what could", () => {
    const splitter = {
      *push() {
        yield { event: "", data: "a" };
        throw new EventTooLong();
      },
    };
    const translation = open(200, "text/event-stream", { ...reader, splitter: () => splitter });
    expect(translation.push(Buffer.from("x")).toString()).toMatch(
      /"content":"a".*\n\n.*"code":"backend_answer_unreadable"/,
    );
    expect(translation.end().length).toBe(0);
  });

  test("lets faults of the reader through: they are ours", () => {
    const splitter = {
      push: () => {
        throw new Error("ours");
      },
    };
    const translation = open(200, "text/event-stream", { ...reader, splitter: () => splitter });
    expect(() => translation.push(Buffer.from("x"))).toThrow("ours");
  });

  test.each([
    ['{"text":"a"}', '"content":"a"'],
    ['{"text":', '"code":"backend_answer_cut"'],
    ["", '"code":"backend_answer_cut"'],
    ["<html>", '"code":"backend_answer_unreadable"'],
    ['{"other":1}', '"code":"backend_answer_unreadable"'],
  ])("makes of %s what has %s", (text, expected) => {
    const translation = open(200, "application/json");
    translation.push(Buffer.from(text));
    expect(translation.end().toString()).toContain(expected);
  });

  test("keeps no answer that is too long for memory", () => {
    const translation = open(200, "application/json");
    const piece = Buffer.alloc(1024 * 1024, " ");
    for (let i = 0; i <= LONGEST_ANSWER / piece.length; i++) translation.push(piece);
    expect(translation.end().toString()).toContain('"code":"backend_answer_unreadable"');
  });
});
