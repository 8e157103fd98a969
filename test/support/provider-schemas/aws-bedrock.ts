/**
 * Amazon Bedrock's Converse and InvokeModel.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
 */
import {
  also,
  anything,
  base64,
  flag,
  integer,
  isRecord,
  list,
  number,
  object,
  oneOf,
  only,
  type Schema,
  someText,
  text,
} from "../strict-schema.ts";
import type { Provider } from "./provider-schema.ts";

const cachePoint = object({ type: oneOf("default"), "ttl?": oneOf("5m", "1h") });
const source = only({ bytes: base64, s3Location: object({ uri: text(/^s3:\/\//), "bucketOwner?": someText }) });
const image = object({ format: oneOf("png", "jpeg", "gif", "webp"), source });
const document = object({
  "format?": oneOf("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"),
  name: text(/^(?!.*\s\s)[a-zA-Z0-9\s()[\]-]{1,200}$/),
  source,
});
const audio = object({ format: oneOf("mp3", "wav", "ogg", "flac"), source });
const toolUseId = text(/^[a-zA-Z0-9_-]{1,64}$/);
const toolName = text(/^[a-zA-Z0-9_-]{1,64}$/);

const anObject: Schema = (value, at) => (isRecord(value) ? [] : [`${at}: expected an object`]);

const userMessage = object({
  role: oneOf("user"),
  content: list(
    only({
      text: someText,
      image,
      document,
      audio,
      cachePoint,
      toolResult: object({
        toolUseId,
        content: list(only({ text: someText, image, document, json: anObject })),
        "status?": oneOf("success", "error"),
      }),
    }),
    1,
  ),
});

const assistantMessage = object({
  role: oneOf("assistant"),
  content: list(
    only({
      text: someText,
      cachePoint,
      toolUse: object({ toolUseId, name: toolName, input: anObject }),
      reasoningContent: only({
        reasoningText: object({ text: text(), "signature?": someText }),
        redactedContent: base64,
      }),
    }),
    1,
  ),
});

const message: Schema = (value, at) =>
  (isRecord(value) && value["role"] === "assistant" ? assistantMessage : userMessage)(value, at);

const tool = only({
  cachePoint,
  toolSpec: object({
    name: toolName,
    "description?": someText,
    inputSchema: object({ json: also(anObject, "its type must be object", ({ type }) => type === "object") }),
    "strict?": flag,
  }),
});

const converse = object({
  messages: list(message, 1),
  "system?": list(only({ text: someText, cachePoint }), 1),
  "inferenceConfig?": object({
    "maxTokens?": integer(1),
    "temperature?": number(0, 1),
    "topP?": number(0, 1),
    "stopSequences?": list(someText, 0, 2500),
  }),
  "toolConfig?": object({
    tools: list(tool, 1),
    "toolChoice?": only({ auto: object({}), any: object({}), tool: object({ name: toolName }) }),
  }),
  "outputConfig?": object({
    "textFormat?": object({
      type: oneOf("json_schema"),
      structure: only({
        jsonSchema: object({ schema: jsonText(), "name?": someText, "description?": someText }),
      }),
    }),
    "effort?": oneOf("low", "medium", "high", "xhigh", "max"),
  }),
  "serviceTier?": object({ type: oneOf("default", "flex", "priority", "reserved") }),
  "additionalModelRequestFields?": object({ "top_k?": integer(0) }),
});

/** The schema of an answer is JSON within JSON. */
function jsonText(): Schema {
  return (value, at) => {
    try {
      return anObject(JSON.parse(String(value)), at);
    } catch {
      return [`${at}: no JSON`];
    }
  };
}

type Body = Record<string, unknown>;

function blocksOf(body: Body): readonly (readonly Record<string, unknown>[])[] {
  const messages = Array.isArray(body["messages"]) ? body["messages"] : [];
  return messages.map((each) => (isRecord(each) && Array.isArray(each["content"]) ? each["content"] : []));
}

function idsOf(blocks: readonly Record<string, unknown>[] | undefined, kind: string): unknown[] {
  return (blocks ?? []).flatMap((block) => (isRecord(block[kind]) ? [block[kind]["toolUseId"]] : [])).sort();
}

const rules: readonly (readonly [string, (body: Body) => boolean])[] = [
  [
    "calls and results do not fit",
    (body) =>
      blocksOf(body).every((blocks, index, all) => {
        const called = idsOf(blocks, "toolUse");
        return (
          index === all.length - 1 || JSON.stringify(called) === JSON.stringify(idsOf(all[index + 1], "toolResult"))
        );
      }),
  ],
  [
    "roles do not alternate",
    ({ messages }) =>
      Array.isArray(messages) && messages.every(({ role }, index) => role === (index % 2 === 0 ? "user" : "assistant")),
  ],
  [
    "toolConfig is missing where there are calls",
    (body) =>
      body["toolConfig"] !== undefined ||
      blocksOf(body)
        .flat()
        .every((block) => !("toolUse" in block)),
  ],
  [
    "two documents of one name",
    (body) => {
      const names = [...JSON.stringify(body).matchAll(/"document":\{[^}]*"name":"([^"]*)"/g)].map(([, name]) => name);
      return new Set(names).size === names.length;
    },
  ],
  ["more than four marks for the cache", (body) => JSON.stringify(body).split('"cachePoint"').length <= 5],
];

/** Titan's of the second generation, and Cohere's of the fourth. */
const embeddings: Schema = (value, at) => {
  const isTitan = isRecord(value) && "inputText" in value;
  const titan = object({
    inputText: someText,
    "dimensions?": oneOf(256, 512, 1024),
    "normalize?": flag,
    "embeddingTypes?": list(oneOf("float", "binary")),
  });
  const cohere = object({
    texts: list(someText, 1, 96),
    input_type: oneOf("search_document", "search_query", "classification", "clustering"),
    "truncate?": oneOf("NONE", "LEFT", "RIGHT"),
    "embedding_types?": list(oneOf("float")),
    "output_dimension?": oneOf(256, 512, 1024, 1536),
    "max_tokens?": anything,
  });
  return (isTitan ? titan : cohere)(value, at);
};

/** A model's id with all but the plainest characters escaped: AWS' signature is of what stands there. */
const model = "(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+";

export const awsBedrock: Provider = {
  models: { chat: "eu.anthropic.claude-opus-4-6-v1:0", embeddings: "cohere.embed-v4:0" },
  requests: {
    chat: {
      path: new RegExp(`^/model/${model}/converse$`),
      streamedPath: new RegExp(`^/model/${model}/converse-stream$`),
      headers: {},
      body: rules.reduce((schema, [says, holds]) => also(schema, says, holds), converse),
    },
    embeddings: {
      path: new RegExp(`^/model/${model}/invoke$`),
      streamedPath: /^never$/,
      headers: {},
      body: embeddings,
    },
  },
};
