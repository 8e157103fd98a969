import { describe, expect, test } from "vitest";
import { converseRequest, modelPath } from "../../../../src/translators/aws-bedrock/write-request.ts";
import awsBedrock from "../../../../src/translators/aws-bedrock.ts";
import { type JsonObject, Untranslatable } from "../../../../src/translators/translator.ts";

const options = { effort: true, embeddings: "", inputType: "search_document", claude: false, sampling: "by-name" };
const claude = "eu.anthropic.claude-opus-4-6-v1:0";
const hello = { role: "user", content: "Hello" };

function asked(model = claude) {
  return { path: "/", model, askedModel: "m", streams: false, wantsUsage: false, wantsBase64: false };
}

function written(body: JsonObject, model?: string, more: Partial<typeof options> = {}) {
  const request = converseRequest({ messages: [hello], ...body }, asked(model), { ...options, ...more });
  return JSON.parse(JSON.stringify(request.body));
}

function thrownBy(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error instanceof Untranslatable ? error.param : error;
  }
}

const tool = { type: "function", function: { name: "now" } };
const call = (id: string, name = "now") => ({ id, type: "function", function: { name, arguments: "{}" } });
const called = (id: string) => [
  hello,
  { role: "assistant", content: null, tool_calls: [call(id)] },
  { role: "tool", tool_call_id: id, content: "noon" },
];
const file = (filename: string, type = "application/pdf") => ({
  type: "file",
  file: { filename, file_data: `data:${type};base64,AAAA` },
});

describe("modelPath", () => {
  test("escapes all that an ARN has, as the signature wants it", () => {
    expect(modelPath("arn:aws:bedrock:eu-west-1:1:application-inference-profile/a(b)", "converse")).toBe(
      "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Aapplication-inference-profile%2Fa%28b%29/converse",
    );
  });
});

describe("converseRequest", () => {
  test("gives a call whose id Bedrock does not take another, the same as its result", () => {
    const ids = (id: string) => {
      const [, said, answered] = written({ messages: called(id), tools: [tool] }).messages;
      return [said.content[0].toolUse.toolUseId, answered.content[0].toolResult.toolUseId];
    };
    expect(ids("call_1-A")).toEqual(["call_1-A", "call_1-A"]);
    const [own, answer] = ids("functions.now:0");
    expect(own).toMatch(/^[\w-]{1,64}$/);
    expect(answer).toBe(own);
    expect(ids("functions.now:1")[0]).not.toBe(own);
    expect(ids("x".repeat(65))[0]).toMatch(/^[\w-]{1,64}$/);
  });

  test("names documents as Bedrock takes it, and each otherwise", () => {
    const names = ["tide  table_1.pdf", "tide table-1.pdf", "", "日没", "[a] (b)"].map((name) => file(name));
    const { content } = written({ messages: [{ role: "user", content: names }] }).messages[0];
    expect(content.map(({ document }: { document: { name: string } }) => document.name)).toEqual([
      "tide table-1-pdf",
      "tide table-1-pdf (2)",
      "document",
      "--",
      "[a] (b)",
    ]);
  });

  test.each([
    ["text/csv", "csv"],
    ["text/markdown", "md"],
    ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"],
  ])("takes a document of %s as %s", (type, format) => {
    const { content } = written({ messages: [{ role: "user", content: [file("a", type)] }] }).messages[0];
    expect(content[0].document.format).toBe(format);
  });

  test("takes images from S3, whose format their name says, and from no other address", () => {
    const image = (url: string) => ({
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }],
    });
    expect(written(image("s3://bucket/a.b/Light.JPG")).messages[0].content).toEqual([
      { image: { format: "jpeg", source: { s3Location: { uri: "s3://bucket/a.b/Light.JPG" } } } },
    ]);
    for (const url of [
      "s3://bucket/light",
      "s3://bucket/light.constructor",
      "https://example.com/a.png",
      "gs://a/b.png",
    ]) {
      expect(thrownBy(() => written(image(url)))).toBe("messages[0].content[0]");
    }
    expect(thrownBy(() => written(image("data:image/tiff;base64,AAAA")))).toBe("messages[0].content[0]");
  });

  test("takes no sound as the result of a tool", () => {
    const messages = called("call_1");
    messages[2] = {
      ...{ role: "tool", tool_call_id: "call_1" },
      content: [{ type: "input_audio", input_audio: { format: "wav", data: "AAAA" } }] as never,
    };
    expect(thrownBy(() => written({ messages, tools: [tool] }))).toBe("messages[2].content[0]");
  });

  test("declares what the messages call where the client declares nothing, as Bedrock demands it", () => {
    const { toolConfig } = written({ messages: [...called("call_1"), ...called("call_2")] });
    expect(toolConfig).toEqual({ tools: [{ toolSpec: { name: "now", inputSchema: { json: { type: "object" } } } }] });
  });

  test("says of parameters that they are an object, as Bedrock demands it", () => {
    const bare = { type: "function", function: { name: "now", parameters: { properties: {} } } };
    expect(written({ tools: [bare] }).toolConfig.tools[0].toolSpec.inputSchema).toEqual({
      json: { type: "object", properties: {} },
    });
  });

  test("leaves the tools out where none is to be called, unless the messages hold calls", () => {
    expect(written({ tools: [tool], tool_choice: "none" })).not.toHaveProperty("toolConfig");
    expect(thrownBy(() => written({ messages: called("a"), tools: [tool], tool_choice: "none" }))).toBe("tool_choice");
  });

  test("has only those of the tools that may be called, and says where one must be", () => {
    const body = (mode: string) => ({
      tools: [tool, { type: "function", function: { name: "tide" } }],
      tool_choice: {
        type: "allowed_tools",
        allowed_tools: { mode, tools: [{ type: "function", function: { name: "tide" } }] },
      },
    });
    expect(written(body("required")).toolConfig).toMatchObject({
      tools: [{ toolSpec: { name: "tide" } }],
      toolChoice: { any: {} },
    });
    expect(written(body("auto")).toolConfig.toolChoice).toEqual({ auto: {} });
  });

  test("writes what only Anthropic's models know for these alone", () => {
    const body = { top_k: 5, reasoning_effort: "minimal" };
    const only = { additionalModelRequestFields: { top_k: 5 }, outputConfig: { effort: "low" } };
    expect(written(body)).toMatchObject(only);
    const profile = "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc";
    expect(written(body, profile, { claude: true })).toMatchObject(only);
    expect(Object.keys(written(body, profile))).toEqual(["messages"]);
    const old = written(body, "anthropic.claude-3-haiku-20240307-v1:0");
    expect(Object.keys(old)).toEqual(["messages", "additionalModelRequestFields"]);
    for (const model of ["amazon.nova-pro-v1:0", "meta.llama3-anthropic"]) {
      expect(Object.keys(written(body, model))).toEqual(["messages"]);
    }
    expect(written({ reasoning_effort: "high" }, claude, { effort: false })).not.toHaveProperty("outputConfig");
  });

  test("tells no effort that only a model which thinks has", () => {
    for (const effort of ["high", "xhigh", "max"]) {
      expect(written({ reasoning_effort: effort }).outputConfig).toEqual({ effort: "high" });
    }
  });

  test("samples Anthropic's models as they take it, and others as they are asked", () => {
    const body = { temperature: 0.2, top_p: 0.9 };
    const sampled = (model: string, sampling = "by-name") => written(body, model, { sampling }).inferenceConfig;
    expect(sampled(claude)).toEqual({ temperature: 0.2 });
    expect(written({ top_p: 0.9 }).inferenceConfig).toEqual({ topP: 0.9 });
    expect(sampled("eu.anthropic.claude-opus-4-7-v1:0")).toBeUndefined();
    for (const model of ["anthropic.claude-3-5-sonnet-20241022-v2:0", "amazon.nova-pro-v1:0"]) {
      expect(sampled(model)).toEqual({ temperature: 0.2, topP: 0.9 });
    }
    expect(sampled(claude, "both")).toEqual({ temperature: 0.2, topP: 0.9 });
    expect(sampled(claude, "none")).toBeUndefined();
  });

  test("holds Anthropic's models to schemas as they take them, and others as they are asked", () => {
    const schema = { type: "object", properties: { n: { type: "integer", minimum: 1 } } };
    const response_format = { type: "json_schema", json_schema: { name: "n", schema } };
    const sent = (model: string) =>
      JSON.parse(written({ response_format }, model).outputConfig.textFormat.structure.jsonSchema.schema);
    expect(sent("amazon.nova-pro-v1:0")).toEqual(schema);
    expect(sent(claude)).toEqual({
      type: "object",
      properties: { n: { type: "integer", description: "{minimum: 1}" } },
      additionalProperties: false,
    });
  });

  test("leaves out the tiers that are OpenAI's own", () => {
    expect(written({ service_tier: "flex" }).serviceTier).toEqual({ type: "flex" });
    expect(written({ service_tier: "auto" })).not.toHaveProperty("serviceTier");
  });
});

describe("embeddings", () => {
  const embed = (body: JsonObject, model: string, more: Partial<typeof options> = {}) =>
    awsBedrock.translated.embeddings?.request(body, asked(model), { ...options, ...more });

  test("are asked for in the words of the model's maker", () => {
    expect(embed({ input: ["Hi"], dimensions: 256 }, "amazon.titan-embed-text-v2:0")).toEqual({
      path: "/model/amazon.titan-embed-text-v2%3A0/invoke",
      body: { inputText: "Hi", dimensions: 256 },
    });
    expect(embed({ input: "Hi" }, "us.cohere.embed-v4:0", { inputType: "search_query" })?.body).toEqual({
      texts: ["Hi"],
      input_type: "search_query",
    });
    expect(embed({ input: "Hi" }, "arn:aws:bedrock:profile", { embeddings: "titan" })?.body).toEqual({
      inputText: "Hi",
    });
  });

  test.each([
    ["input", { input: ["a", "b"] }, "amazon.titan-embed-text-v2:0"],
    ["input", { input: [] }, "cohere.embed-v4:0"],
    ["input[0]", { input: [[1, 2]] }, "cohere.embed-v4:0"],
    ["dimensions", { input: "a", dimensions: 256 }, "amazon.titan-embed-text-v1"],
    ["dimensions", { input: "a", dimensions: 256 }, "cohere.embed-english-v3"],
    ["model", { input: "a" }, "anthropic.claude-opus-4-6-v1:0"],
  ])("are refused for %s where the model has no word for it: %j at %s", (param, body, model) => {
    expect(thrownBy(() => embed(body, model))).toBe(param);
  });
});
