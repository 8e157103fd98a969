/**
 * Embeddings of Google's models: the older ones by predict, with many texts in a request, the others by embedContent, with
 * one. https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
 */
import { carried, dropped, refused } from "../chat-fields.ts";
import { isList, isObject } from "../checked-json.ts";
import {
  type Embeddings,
  type EmbeddingsRequest,
  embeddingsRows,
  readEmbeddingsRequest,
  vectorOf,
} from "../embeddings.ts";
import {
  type Asked,
  type FieldRow,
  type JsonObject,
  type JsonValue,
  type ProviderRequest,
  Untranslatable,
} from "../translator.ts";
import { modelPath, type VertexOptions } from "./options.ts";

export const embeddingsRequestFields: readonly FieldRow[] = embeddingsRows({
  model: carried("the path `…/models/{id}:predict` or `:embedContent`, by the backend's names"),
  "input text": carried("predict: `instances[].content`; embedContent: `content`"),
  "input texts": carried("predict: `instances[].content`; embedContent takes one text in a request, more are refused"),
  "input tokens": refused("another provider's model has other tokens"),
  dimensions: carried("`outputDimensionality`"),
  "encoding_format float": carried("the answer's `embedding`: Vertex sends no other"),
  "encoding_format base64": carried("the answer's `embedding`, written as base64 here"),
  user: dropped("requests have no user there"),
  "any other": dropped("no field of OpenAI's"),
});

export const embeddingsAnswerFields: readonly FieldRow[] = [
  { field: "predictions[].embeddings.values", fate: "carried", as: "`data[].embedding`" },
  { field: "predictions[].embeddings.statistics.token_count", fate: "carried", as: "`usage.prompt_tokens`, the sum" },
  { field: "embedding.values", fate: "carried", as: "`data[].embedding`" },
  { field: "usageMetadata.promptTokenCount", fate: "carried", as: "`usage.prompt_tokens`" },
  { field: "truncated", fate: "dropped", as: "nothing is cut short: Vertex is told to refuse a text that is too long" },
  { field: "metadata.billableCharacterCount", fate: "dropped", as: "OpenAI counts tokens" },
];

export function embeddingsRequest(body: JsonObject, asked: Asked, options: VertexOptions): ProviderRequest {
  const request = readEmbeddingsRequest(body, embeddingsRequestFields);
  // As Google's own libraries choose.
  const isPredicted = !asked.model.includes("gemini") || asked.model === "gemini-embedding-001";
  return {
    path: modelPath(asked.model, isPredicted ? "predict" : "embedContent", options),
    body: isPredicted ? predictBody(request) : embedBody(request),
  };
}

/** OpenAI refuses a text that is too long, where Vertex by itself would leave its end out. */
const settings = ({ dimensions }: EmbeddingsRequest): JsonObject => ({
  autoTruncate: false,
  ...(dimensions !== undefined && { outputDimensionality: dimensions }),
});

function predictBody(request: EmbeddingsRequest): JsonObject {
  return { instances: request.texts.map((content) => ({ content })), parameters: settings(request) };
}

function embedBody(request: EmbeddingsRequest): JsonObject {
  const [text = "", ...more] = request.texts;
  if (more.length > 0) throw new Untranslatable("input", "the backend's model embeds one text in a request");
  return { content: { parts: [{ text }] }, embedContentConfig: settings(request) };
}

/** Which of the two it is can be seen from the answer. */
export function readEmbeddings(answer: JsonObject): Embeddings | undefined {
  const { predictions } = answer;
  if (isList(predictions)) return joined(predictions.map(readPrediction));
  return joined([readOne(answer["embedding"], objectOf(answer["usageMetadata"])["promptTokenCount"])]);
}

function readPrediction(prediction: JsonValue): Embeddings | undefined {
  const embeddings = objectOf(objectOf(prediction)["embeddings"]);
  return readOne(embeddings, objectOf(embeddings["statistics"])["token_count"]);
}

function readOne(embedding: JsonValue | undefined, count: JsonValue | undefined): Embeddings | undefined {
  const vector = vectorOf(objectOf(embedding)["values"]);
  return vector && { vectors: [vector], promptTokens: typeof count === "number" ? count : Number.NaN };
}

function joined(all: readonly (Embeddings | undefined)[]): Embeddings | undefined {
  const known = all.filter((one) => one !== undefined);
  if (known.length < all.length) return undefined;
  return {
    vectors: known.flatMap(({ vectors }) => vectors),
    promptTokens: known.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
  };
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? value : {};
}
