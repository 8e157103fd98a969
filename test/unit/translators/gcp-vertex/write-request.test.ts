import { describe, expect, test } from "vitest";
import { generationOf } from "../../../../src/translators/gcp-vertex/options.ts";
import { generateRequest } from "../../../../src/translators/gcp-vertex/write-request.ts";
import gcpVertex from "../../../../src/translators/gcp-vertex.ts";
import { type JsonObject, Untranslatable } from "../../../../src/translators/translator.ts";

const options = { project: "harbour-7", location: "europe-west1" };
const hello = { role: "user", content: "Hello" };

function asked(model = "gemini-3.1-pro-preview", streams = false) {
  return { path: "/", model, askedModel: "m", streams, wantsUsage: false, wantsBase64: false };
}

function written(body: JsonObject, model?: string) {
  const request = generateRequest({ messages: [hello], ...body }, asked(model), options);
  return JSON.parse(JSON.stringify(request.body));
}

function thrownBy(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error instanceof Untranslatable ? error.param : error;
  }
}

const call = (id: string, city: string, more: JsonObject = {}) => ({
  ...{ id, type: "function", function: { name: "weather", arguments: JSON.stringify({ city }) } },
  ...more,
});
const result = (id: string, content: string) => ({ role: "tool", tool_call_id: id, content });
const picture = (url: string) => ({ role: "user", content: [{ type: "image_url", image_url: { url } }] });

describe("generationOf", () => {
  test.each([
    ["gemini-2.5-flash-lite", 2.5],
    ["gemini-2.0-flash-001", 2],
    ["gemini-3-pro-preview", 3],
    ["gemini-3.1-pro", 3.1],
    ["gemini-10-flash", 10],
    ["gemini-flash-latest", Number.NaN],
    ["text-embedding-005", Number.NaN],
  ])("reads %s as %d", (model, generation) => {
    expect(generationOf(model)).toBe(generation);
  });
});

describe("generateRequest", () => {
  test("asks at the place of the project and the location", () => {
    expect(generateRequest({ messages: [hello] }, asked("gemini-2.5-flash", true), options).path).toBe(
      "/v1/projects/harbour-7/locations/europe-west1/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
    );
    expect(gcpVertex.check?.({ ...options, project: "" })).toEqual([
      { option: "project", expects: "a project's id or number" },
    ]);
    expect(gcpVertex.check?.(options)).toEqual([]);
  });

  test("answers calls of one name in the order in which they were made, by their ids", () => {
    const { contents } = written({
      messages: [
        hello,
        { role: "assistant", content: null, tool_calls: [call("a", "Rome"), call("b", "Oslo"), call("c", "Kiel")] },
        result("c", "fog"),
        result("a", "sun"),
        result("b", "snow"),
        { role: "user", content: "Which is best?" },
      ],
    });
    const outputs = contents[2].parts.map(
      (part: { functionResponse: { response: JsonObject } }) => part.functionResponse,
    );
    expect(outputs.map(({ response }: { response: { output: string } }) => response.output)).toEqual([
      "sun",
      "snow",
      "fog",
    ]);
    expect(contents[3]).toEqual({ role: "user", parts: [{ text: "Which is best?" }] });
    expect(contents[1].parts[0].functionCall).toEqual({ name: "weather", args: { city: "Rome" } });
  });

  test("gives a signature back, and stands in for one that is lost where the model demands it", () => {
    const signature = { extra_content: { google: { thought_signature: "c2ln" } } };
    const signatures = (model: string, first: JsonObject) => {
      const calls = [call("a", "Rome", first), call("b", "Oslo")];
      const messages = [
        hello,
        { role: "assistant", content: null, tool_calls: calls },
        result("a", "x"),
        result("b", "y"),
      ];
      return written({ messages }, model).contents[1].parts.map((part: JsonObject) => part["thoughtSignature"]);
    };
    expect(signatures("gemini-3.1-pro", signature)).toEqual(["c2ln", undefined]);
    expect(signatures("gemini-3.1-pro", {})).toEqual(["skip_thought_signature_validator", undefined]);
    expect(signatures("gemini-flash-latest", {})).toEqual(["skip_thought_signature_validator", undefined]);
    expect(signatures("gemini-2.5-pro", signature)).toEqual(["c2ln", undefined]);
    expect(signatures("gemini-2.5-pro", {})).toEqual([undefined, undefined]);
  });

  test("sends pictures that a tool answers with beside what it says", () => {
    const content = [
      { type: "text", text: "Here" },
      { type: "image_url", image_url: { url: "data:image/jpg;base64,AAAA" } },
    ];
    const { contents } = written({
      messages: [
        hello,
        { role: "assistant", content: null, tool_calls: [call("a", "Rome")] },
        { role: "tool", tool_call_id: "a", content },
      ],
    });
    expect(contents[2].parts).toEqual([
      {
        functionResponse: {
          name: "weather",
          response: { output: "Here" },
          parts: [{ inlineData: { mimeType: "image/jpeg", data: "AAAA" } }],
        },
      },
    ]);
  });

  test.each([
    ["https://example.com/a/light.png", "image/png"],
    ["https://example.com/light.JPG?size=1.webp", "image/jpeg"],
    ["gs://bucket/a.b/light.webp", "image/webp"],
  ])("says what is at %s by its ending", (url, mimeType) => {
    expect(written({ messages: [picture(url)] }).contents[0].parts).toEqual([{ fileData: { mimeType, fileUri: url } }]);
  });

  test.each(["https://example.com/light", "https://example.com/a.constructor", "s3://bucket/light.png"])(
    "refuses %s",
    (url) => {
      expect(thrownBy(() => written({ messages: [picture(url)] }))).toBe("messages[0].content[0]");
    },
  );

  test.each([
    ["gemini-2.5-flash", "none", { thinkingBudget: 0 }],
    ["gemini-2.5-pro", "high", { thinkingBudget: 24_576 }],
    ["gemini-3.1-pro-preview", "none", { thinkingLevel: "LOW" }],
    ["gemini-3.1-pro-preview", "max", { thinkingLevel: "HIGH" }],
    ["gemini-flash-latest", "medium", { thinkingLevel: "MEDIUM" }],
    ["gemini-2.0-flash-001", "high", undefined],
  ])("tells %s to think with effort %s as it understands it", (model, effort, thinkingConfig) => {
    expect(written({ reasoning_effort: effort }, model).generationConfig?.thinkingConfig).toEqual(thinkingConfig);
  });

  test("keeps the lowest 32 bits of a seed, which are all that Vertex takes", () => {
    expect(written({ seed: 7 }).generationConfig.seed).toBe(7);
    expect(written({ seed: 2 ** 40 + 3 }).generationConfig.seed).toBe(3);
  });

  test("says of parameters that they are an object, as Gemini demands it", () => {
    const bare = { type: "function", function: { name: "now", parameters: { properties: {} } } };
    expect(written({ tools: [bare] }).tools[0].functionDeclarations).toEqual([
      { name: "now", parametersJsonSchema: { type: "object", properties: {} } },
    ]);
  });

  test("gives a choice without tools no word", () => {
    expect(Object.keys(written({ tool_choice: "auto" }))).toEqual(["contents"]);
  });

  test("refuses several answers to a request that streams", () => {
    const body = { messages: [hello], n: 2 };
    expect(generateRequest(body, asked(), options).body?.["generationConfig"]).toEqual({ candidateCount: 2 });
    expect(thrownBy(() => generateRequest(body, asked(undefined, true), options))).toBe("n");
  });
});

describe("embeddings", () => {
  const embed = (body: JsonObject, model: string) =>
    gcpVertex.translated.embeddings?.request(body, asked(model), options);

  test("of the older models are predicted, many at once", () => {
    for (const model of ["text-embedding-005", "gemini-embedding-001"]) {
      expect(embed({ input: ["a", "b"], dimensions: 3 }, model)).toEqual({
        path: `/v1/projects/harbour-7/locations/europe-west1/publishers/google/models/${model}:predict`,
        body: {
          instances: [{ content: "a" }, { content: "b" }],
          parameters: { autoTruncate: false, outputDimensionality: 3 },
        },
      });
    }
  });

  test("of the others are asked for one by one", () => {
    const request = embed({ input: ["a"], dimensions: 3 }, "gemini-embedding-2");
    expect(request?.path).toMatch(/models\/gemini-embedding-2:embedContent$/);
    expect(request?.body).toEqual({
      content: { parts: [{ text: "a" }] },
      embedContentConfig: { autoTruncate: false, outputDimensionality: 3 },
    });
    expect(thrownBy(() => embed({ input: ["a", "b"] }, "gemini-embedding-2"))).toBe("input");
  });
});
