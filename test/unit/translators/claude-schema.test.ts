import { describe, expect, test } from "vitest";
import { claudeSchema } from "../../../src/translators/claude-schema.ts";

const closed = { additionalProperties: false };

describe("claudeSchema", () => {
  test("closes objects, however deep they stand, and tells what is not checked", () => {
    const inner = {
      type: "object",
      properties: { n: { type: "integer", description: "a count", minimum: 1, maximum: 9 } },
    };
    const schema = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: ["object", "null"],
      properties: { list: { type: "array", items: inner, minItems: 2 }, any: { oneOf: [inner, { type: "null" }] } },
      required: ["list"],
      additionalProperties: true,
    };
    const told = { type: "integer", description: "a count\n\n{minimum: 1, maximum: 9}" };
    const written = { type: "object", properties: { n: told }, ...closed };
    expect(claudeSchema(schema)).toEqual({
      type: ["object", "null"],
      properties: {
        list: { type: "array", items: written, description: "{minItems: 2}" },
        any: { anyOf: [written, { type: "null" }] },
      },
      required: ["list"],
      ...closed,
    });
  });

  test("leaves alone what is checked, and properties whatever they are called", () => {
    const schema = {
      type: "object",
      properties: {
        minimum: { type: "string", enum: ["a"] },
        at: { type: "string", format: "date-time" },
        some: { type: "array", items: { const: 1 }, minItems: 1 },
      },
      ...closed,
    };
    expect(claudeSchema(schema)).toEqual(schema);
  });

  test("keeps references alone, and writes what they refer to", () => {
    const schema = { $ref: "#/$defs/A", description: "d", $defs: { A: { type: "string", pattern: "^a" } } };
    expect(claudeSchema(schema)).toEqual({
      $ref: "#/$defs/A",
      $defs: { A: { type: "string", description: '{pattern: "^a"}' } },
    });
  });

  test("tells a format that Anthropic does not know, and one choice beside another", () => {
    expect(claudeSchema({ type: "string", format: "iri" })).toEqual({ type: "string", description: '{format: "iri"}' });
    expect(claudeSchema({ anyOf: [{ type: "null" }], oneOf: [] })).toEqual({
      anyOf: [{ type: "null" }],
      description: "{oneOf: []}",
    });
  });
});
