import { describe, expect, test } from "vitest";
import { DESTINATION_HEADER, encodePick } from "../../../src/ext-proc/destination-header.ts";
import { encodeStreamedBody, proceed, STREAMED_CHUNK_BYTES } from "../../../src/ext-proc/encode-reply.ts";
import { type ProcessingResponse, protoMethods } from "../../../src/ext-proc/messages.ts";
import { Random } from "../../support/random.ts";

function decodeReply(bytes: Buffer): ProcessingResponse {
  return protoMethods().process.responseDeserialize(bytes);
}

test.each([
  ["requestHeaders", "request_headers"],
  ["responseHeaders", "response_headers"],
  ["requestBody", "request_body"],
  ["responseBody", "response_body"],
  ["requestTrailers", "request_trailers"],
  ["responseTrailers", "response_trailers"],
] as const)("proceed.%s says nothing but its kind", (name, kind) => {
  expect(decodeReply(proceed[name])).toEqual({ [kind]: {}, response: kind });
});

describe.each(["10.0.0.1:8000", "[fd00::1]:65535"])("encodePick of %s", (address) => {
  test.each([
    ["onHeaders", "request_headers"],
    ["onBody", "request_body"],
  ] as const)("%s sets the destination equal in header and metadata, and nothing else", (name, kind) => {
    const reply = decodeReply(encodePick(address, name));
    const header = { key: DESTINATION_HEADER, raw_value: Buffer.from(address) };
    const inner = { [DESTINATION_HEADER]: { stringValue: address, kind: "stringValue" } };
    expect(reply).toEqual({
      response: kind,
      [kind]: {
        response: {
          header_mutation: { set_headers: [{ header, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" }] },
        },
      },
      dynamic_metadata: {
        fields: { "envoy.lb": { structValue: { fields: inner }, kind: "structValue" } },
      },
    });
  });
});

describe("encodeStreamedBody", () => {
  // Sizes at which one of the nested lengths gains a byte, and the largest chunk.
  const sizes = [0, 1, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129];
  const large = [16_370, 16_375, 16_380, 16_383, 16_384, 16_385, STREAMED_CHUNK_BYTES];

  test.each([
    ["requestBody", "request_body"],
    ["responseBody", "response_body"],
  ] as const)("of a %s carries every byte and the end mark, at every size", (direction, kind) => {
    const random = new Random(3);
    for (const size of [...sizes, ...large]) {
      for (const end of [false, true]) {
        const body = random.bytes(size);
        const reply = decodeReply(encodeStreamedBody(direction, body, end));
        const streamed = {
          ...(size > 0 && { body }),
          ...(end && { end_of_stream: true }),
        };
        const body_mutation = { streamed_response: streamed, mutation: "streamed_response" };
        expect(reply).toEqual({ response: kind, [kind]: { response: { body_mutation } } });
      }
    }
  });
});
