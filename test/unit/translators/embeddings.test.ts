import { describe, expect, test } from "vitest";
import { embeddingsTranslation, readEmbeddingsRequest, vectorOf } from "../../../src/translators/embeddings.ts";
import { Untranslatable } from "../../../src/translators/translator.ts";

const head = { status: 200, contentType: "application/json", atSeconds: 1, id: "ours", header: () => "" };

function answered(wantsBase64: boolean, promptTokens = 3) {
  const asked = { path: "/", model: "m", askedModel: "mine", streams: false, wantsUsage: false, wantsBase64 };
  const translation = embeddingsTranslation(asked, head, ({ vector }) => {
    const read = vectorOf(vector);
    return read && { vectors: [read], promptTokens };
  });
  if (translation === undefined) throw new Error("it is taken for no answer of the provider's");
  translation.push(Buffer.from('{"vector":[0.5,-2,'));
  translation.push(Buffer.from("1e3]}"));
  return { body: JSON.parse(translation.end().toString()), usage: translation.usage };
}

describe("readEmbeddingsRequest", () => {
  test("takes one text and a list of texts, with the dimensions", () => {
    expect(readEmbeddingsRequest({ input: "a", dimensions: 8 }, [])).toEqual({ texts: ["a"], dimensions: 8 });
    expect(readEmbeddingsRequest({ input: ["a", "b"] }, [])).toEqual({ texts: ["a", "b"], dimensions: undefined });
  });

  test.each([
    ["nothing", undefined, "input"],
    ["an empty list", [], "input"],
    ["tokens", [1, 2], "input[0]"],
    ["lists of tokens", ["a", [1, 2]], "input[1]"],
  ])("refuses %s", (_, input, param) => {
    expect(() => readEmbeddingsRequest({ input }, [])).toThrow(Untranslatable);
    expect(() => readEmbeddingsRequest({ input }, [])).toThrow(expect.objectContaining({ param }));
  });
});

describe("embeddingsTranslation", () => {
  test("writes numbers, or floats of 32 bits in base64 where the client's library wants these", () => {
    const numbers = answered(false).body;
    expect(numbers).toEqual({
      object: "list",
      data: [{ object: "embedding", index: 0, embedding: [0.5, -2, 1000] }],
      model: "mine",
      usage: { prompt_tokens: 3, total_tokens: 3 },
    });
    const { data } = answered(true).body;
    const bytes = Buffer.from(data[0].embedding, "base64");
    expect([...new Float32Array(new Uint8Array(bytes).buffer)]).toEqual([0.5, -2, 1000]);
  });

  test("tells no usage that the provider does not tell", () => {
    expect(answered(false).usage).toMatchObject({ promptTokens: 3, completionTokens: 0 });
    expect(answered(false, Number.NaN).usage).toBeUndefined();
  });
});
