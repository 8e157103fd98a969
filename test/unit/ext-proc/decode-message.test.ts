import { describe, expect, test } from "vitest";
import { decodeMessage } from "../../../src/ext-proc/decode-message.ts";
import { headerValue } from "../../../src/ext-proc/header-map.ts";
import { headerMap } from "../../../src/ext-proc/messages.ts";
import { field, varintField } from "../../../src/ext-proc/wire.ts";
import { encodeRequest } from "../../support/decode-oracle.ts";

const header = (key: string, value: string) => field(1, field(1, key), field(3, value));
const requestHeaders = (...headers: Buffer[]) => field(2, field(1, ...headers));
const requestBody = (body: string, end = 0) => field(4, field(1, body), varintField(2, end));

describe("decodeMessage", () => {
  test("leaves a body where it is: a view on the received bytes", () => {
    const bytes = encodeRequest({ request_body: { body: Buffer.from("a body"), end_of_stream: true } });
    const body = decodeMessage(bytes).body();
    expect(body.toString()).toBe("a body");
    expect(body.buffer).toBe(bytes.buffer);
  });

  test("takes the last member when the oneof occurs twice, and nothing of the first", () => {
    const first = field(2, field(1, header(":path", "/a"), header("content-length", "9")), varintField(3, 1));
    expect(decodeMessage(Buffer.concat([first, requestBody("b")]))).toMatchObject({
      kind: "request_body",
      endOfStream: false,
      path: "",
      contentLength: -1,
    });
  });

  test("takes the last body when the body occurs twice within its message", () => {
    const decoded = decodeMessage(field(4, field(1, "first"), varintField(2, 1), field(1, "second")));
    expect(decoded.body().toString()).toBe("second");
    expect(decoded.endOfStream).toBe(true);
  });

  test("knows a message without any part as empty", () => {
    expect(decodeMessage(Buffer.alloc(0)).kind).toBe("empty");
    expect(decodeMessage(encodeRequest({ observability_mode: true }))).toMatchObject({
      kind: "empty",
      observability: true,
    });
  });

  test("tells a protocol_config that says NONE from one that is missing", () => {
    expect(decodeMessage(encodeRequest({ request_headers: {}, protocol_config: {} }))).toMatchObject({
      requestBodyMode: 0,
      responseBodyMode: 0,
    });
    expect(decodeMessage(encodeRequest({ request_headers: {} }))).toMatchObject({
      requestBodyMode: -1,
      responseBodyMode: -1,
    });
  });

  test.each([
    ["12", 12],
    ["0", 0],
    ["999999999999999", 999_999_999_999_999],
    ["9999999999999999", -1],
    ["", -1],
    ["-1", -1],
    ["1e3", -1],
    [" 7", -1],
  ])("reads content-length %j as %d", (value, expected) => {
    expect(decodeMessage(requestHeaders(header("content-length", value))).contentLength).toBe(expected);
  });

  test("notes path and length of request headers only", () => {
    const headers = headerMap({ ":path": "/v1/completions", "content-length": "5" });
    expect(decodeMessage(encodeRequest({ request_headers: { headers } }))).toMatchObject({
      path: "/v1/completions",
      contentLength: 5,
    });
    expect(decodeMessage(encodeRequest({ response_headers: { headers } }))).toMatchObject({
      path: "",
      contentLength: -1,
    });
  });

  test("keeps a wrong wire type of a known field out, as an unknown field", () => {
    const decoded = decodeMessage(Buffer.concat([requestBody("b", 1), varintField(4, 7), field(10, "x")]));
    expect(decoded).toMatchObject({ kind: "request_body", endOfStream: true, observability: false });
  });

  test.each([
    ["a group", Buffer.from([0x0b, 0x0c])],
    ["the end of a group", Buffer.from([0x0c])],
    ["wire type 6", Buffer.from([0x0e, 0])],
    ["wire type 7", Buffer.from([0x0f, 0])],
    ["field number 0", Buffer.from([0x02, 0])],
    ["a varint of eleven bytes", Buffer.concat([Buffer.from([0x50]), Buffer.alloc(10, 0x80), Buffer.from([1])])],
    ["a tag above 32 bits", Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f, 0])],
    ["a length of 2^63", Buffer.concat([Buffer.from([0x22]), Buffer.alloc(9, 0x80), Buffer.from([1])])],
    ["a length past the message", Buffer.from([0x22, 5, 0x0a, 1])],
    ["a body past its part", Buffer.concat([Buffer.from([0x22, 2, 0x0a, 4]), Buffer.alloc(8)])],
    ["a header past its map", Buffer.from([0x12, 6, 0x0a, 2, 0x0a, 2, 0x0a, 0, 0x18, 1])],
    ["a key past its header", Buffer.from([0x12, 8, 0x0a, 6, 0x0a, 2, 0x0a, 2, 0x61, 0x61])],
    ["a protocol_config past the message", Buffer.from([0x5a, 9, 0x08, 1])],
    ["a fixed64 of four bytes", Buffer.from([0x79, 1, 2, 3, 4])],
    ["a fixed32 of two bytes", Buffer.from([0x7d, 1, 2])],
  ])("refuses %s", (_name, bytes) => {
    expect(decodeMessage(bytes).kind).toBe("malformed");
    expect(decodeMessage(Buffer.concat([requestBody("good", 1), bytes])).kind).toBe("malformed");
  });
});

describe("headerValue", () => {
  test("reads value and raw_value, and takes the first of a name", () => {
    const inValue = field(1, field(1, "x-plain"), field(2, "plain"));
    const message = decodeMessage(requestHeaders(inValue, header("x-raw", "raw"), header("x-raw", "second")));
    expect(headerValue(message, Buffer.from("x-plain"))).toBe("plain");
    expect(headerValue(message, Buffer.from("x-raw"))).toBe("raw");
    expect(headerValue(message, Buffer.from("x-ra"))).toBe("");
  });

  test("is not confused by another message decoded in between", () => {
    const message = decodeMessage(requestHeaders(header("x-a", "1")));
    decodeMessage(requestHeaders(header("x-b", "2")));
    expect(headerValue(message, Buffer.from("x-a"))).toBe("1");
    expect(headerValue(message, Buffer.from("x-b"))).toBe("");
  });
});
