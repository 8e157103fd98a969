import { describe, expect, test } from "vitest";
import { formOf, unreadReasons } from "../../../src/response/answer-form.ts";

describe("formOf", () => {
  test.each([
    ["application/json", "", "json"],
    ["application/json; charset=utf-8", "identity", "json"],
    ["Application/Problem+JSON", "", "json"],
    ["text/event-stream; charset=utf-8", "", "events"],
    ["Text/Event-Stream", "", "events"],
    ["text/event-streams", "", "other_form"],
    ["application/jsonl", "", "other_form"],
    ["audio/mpeg", "", "other_form"],
    ["", "", "other_form"],
    ["application/json", "gzip", "encoded"],
    ["text/event-stream", "br", "encoded"],
  ])("of content type %j and encoding %j is %s", (type, encoding, expected) => {
    expect(formOf(type, encoding)).toBe(expected);
    expect(Object.keys(unreadReasons).concat("json", "events")).toContain(expected);
  });
});
