/**
 * Google's Vertex AI, version v1: Gemini's generateContent, and the two ways to embeddings.
 * https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.publishers.models/generateContent
 */
import {
  also,
  base64,
  flag,
  integer,
  isRecord,
  list,
  number,
  object,
  oneOf,
  record,
  type Schema,
  someText,
  text,
} from "../strict-schema.ts";
import type { Provider } from "./provider-schema.ts";

const anObject: Schema = (value, at) => (isRecord(value) ? [] : [`${at}: expected an object`]);

const mediaType = text(/^(image\/(png|jpeg|webp|gif|heic|heif)|audio\/(wav|mp3|mpeg)|application\/pdf|text\/plain)$/);
const inlineData = object({ mimeType: mediaType, data: base64 });
const fileData = object({ mimeType: mediaType, fileUri: text(/^(gs|https?):\/\//) });
const functionName = text(/^[a-zA-Z_][\w.:-]{0,127}$/);

/** A part has one of these, and beside it what belongs to it. */
function part(kinds: Readonly<Record<string, Schema>>, beside: Readonly<Record<string, Schema>> = {}): Schema {
  const optional = Object.entries({ ...kinds, ...beside }).map(([name, schema]) => [`${name}?`, schema] as const);
  return also(
    object(Object.fromEntries(optional)),
    `needs exactly one of ${Object.keys(kinds).join(", ")}`,
    (value) => {
      return Object.keys(value).filter((name) => Object.hasOwn(kinds, name)).length === 1;
    },
  );
}

const functionResponse = object({
  name: functionName,
  response: anObject,
  "parts?": list(part({ inlineData, fileData })),
});

const userContent = object({
  role: oneOf("user"),
  parts: list(part({ text: someText, inlineData, fileData, functionResponse }), 1),
});
const modelContent = object({
  role: oneOf("model"),
  parts: list(
    part(
      { text: someText, functionCall: object({ name: functionName, args: anObject }) },
      { thoughtSignature: text(/^[A-Za-z0-9+/_-]+={0,2}$/) },
    ),
    1,
  ),
});
const content: Schema = (value, at) =>
  (isRecord(value) && value["role"] === "model" ? modelContent : userContent)(value, at);

/** JSON Schema, as far as Gemini reads it: the words that it does not know are named in its documents. */
const jsonSchema: Schema = (value, at) => {
  const keywords = object({
    "$schema?": someText,
    "$id?": someText,
    "$anchor?": someText,
    "$ref?": someText,
    "$defs?": record((inner, place) => jsonSchema(inner, place)),
    "type?": (inner, place) => (typeof inner === "string" || Array.isArray(inner) ? [] : [`${place}: no type`]),
    "format?": someText,
    "title?": someText,
    "description?": text(),
    "enum?": list(() => []),
    "items?": (inner, place) => jsonSchema(inner, place),
    "prefixItems?": list((inner, place) => jsonSchema(inner, place)),
    "minItems?": integer(0),
    "maxItems?": integer(0),
    "minimum?": number(),
    "maximum?": number(),
    "anyOf?": list((inner, place) => jsonSchema(inner, place)),
    "oneOf?": list((inner, place) => jsonSchema(inner, place)),
    "properties?": record((inner, place) => jsonSchema(inner, place)),
    "additionalProperties?": (inner, place) => (typeof inner === "boolean" ? [] : jsonSchema(inner, place)),
    "required?": list(someText),
    "propertyOrdering?": list(someText),
  });
  return keywords(value, at);
};

const functionDeclaration = object({
  name: functionName,
  "description?": someText,
  "parametersJsonSchema?": also(jsonSchema, "must describe an object", ({ type }) => type === "object"),
});

const int32 = integer(-(2 ** 31), 2 ** 31 - 1);

const generateContent = object({
  contents: list(content, 1),
  "systemInstruction?": object({ "role?": someText, parts: list(part({ text: someText }), 1) }),
  "tools?": list(object({ functionDeclarations: list(functionDeclaration, 1, 512) }), 1),
  "toolConfig?": object({
    functionCallingConfig: also(
      object({
        mode: oneOf("AUTO", "ANY", "NONE", "VALIDATED"),
        "allowedFunctionNames?": list(functionName, 1),
      }),
      "allowedFunctionNames only with ANY or VALIDATED",
      ({ mode, allowedFunctionNames }) => allowedFunctionNames === undefined || /ANY|VALIDATED/.test(String(mode)),
    ),
  }),
  "generationConfig?": also(
    object({
      "candidateCount?": integer(1, 8),
      "maxOutputTokens?": integer(1),
      "temperature?": number(0, 2),
      "topP?": number(0, 1),
      "topK?": number(0),
      "frequencyPenalty?": number(-2, 2),
      "presencePenalty?": number(-2, 2),
      "seed?": int32,
      "stopSequences?": list(someText, 1, 5),
      "responseMimeType?": oneOf("text/plain", "application/json"),
      "responseJsonSchema?": jsonSchema,
      "thinkingConfig?": also(
        object({
          "thinkingBudget?": integer(-1, 32_768),
          "thinkingLevel?": oneOf("MINIMAL", "LOW", "MEDIUM", "HIGH"),
          "includeThoughts?": flag,
        }),
        "both a budget and a level",
        ({ thinkingBudget, thinkingLevel }) => thinkingBudget === undefined || thinkingLevel === undefined,
      ),
    }),
    "responseJsonSchema without responseMimeType",
    ({ responseJsonSchema, responseMimeType }) =>
      responseJsonSchema === undefined || responseMimeType === "application/json",
  ),
});

type Body = Record<string, unknown>;

/** Names of the calls or of the results in each content. */
function namesOf(body: Body, kind: string): string[][] {
  const contents = Array.isArray(body["contents"]) ? body["contents"] : [];
  return contents.map(({ parts }) =>
    (Array.isArray(parts) ? parts : []).flatMap((each) => (isRecord(each[kind]) ? [String(each[kind]["name"])] : [])),
  );
}

const rules: readonly (readonly [string, (body: Body) => boolean])[] = [
  [
    "calls are answered in the next content, all of them and in their order",
    (body) => {
      const results = namesOf(body, "functionResponse");
      return namesOf(body, "functionCall").every(
        (calls, index, all) => index === all.length - 1 || JSON.stringify(calls) === JSON.stringify(results[index + 1]),
      );
    },
  ],
  ["toolConfig without tools", (body) => body["toolConfig"] === undefined || body["tools"] !== undefined],
];

const settings = object({ "autoTruncate?": flag, "outputDimensionality?": integer(1) });
const task = oneOf("RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION", "CLUSTERING");

const predict = object({
  instances: list(object({ content: someText, "task_type?": task, "title?": someText }), 1, 250),
  "parameters?": settings,
});
const embedContent = object({
  content: object({ "role?": someText, parts: list(part({ text: someText }), 1) }),
  "embedContentConfig?": settings,
});
const embeddings: Schema = (value, at) => (isRecord(value) && "instances" in value ? predict : embedContent)(value, at);

const model = "/v1/projects/[a-z0-9-]+/locations/[a-z0-9-]+/publishers/google/models/[\\w.@%-]+";

export const gcpVertex: Provider = {
  models: { chat: "gemini-3.1-pro-preview", embeddings: "text-embedding-005" },
  options: { project: "harbour-7" },
  requests: {
    chat: {
      path: new RegExp(`^${model}:generateContent$`),
      streamedPath: new RegExp(`^${model}:streamGenerateContent\\?alt=sse$`),
      headers: {},
      body: rules.reduce((schema, [says, holds]) => also(schema, says, holds), generateContent),
    },
    embeddings: {
      path: new RegExp(`^${model}:(predict|embedContent)$`),
      streamedPath: /^never$/,
      headers: {},
      body: embeddings,
    },
  },
};
