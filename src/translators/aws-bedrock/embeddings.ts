/**
 * Embeddings of the models that Bedrock invokes, each maker's in a body of its own: Amazon's Titan and Cohere's Embed.
 * https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
 * https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html
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
  type AnswerHead,
  type Asked,
  type FieldRow,
  type JsonObject,
  type ProviderRequest,
  Untranslatable,
} from "../translator.ts";
import type { BedrockOptions } from "./options.ts";
import { modelPath } from "./write-request.ts";

export const embeddingsRequestFields: readonly FieldRow[] = embeddingsRows({
  model: carried("the path `/model/{id}/invoke`, by the backend's names"),
  "input text": carried("Titan: `inputText`; Cohere: `texts`"),
  "input texts": carried("Cohere: `texts`; Titan embeds one text in a request, more are refused"),
  "input tokens": refused("another provider's model has other tokens"),
  dimensions: carried("Titan: `dimensions`; Cohere: `output_dimension`; refused for models that have one size"),
  "encoding_format float": carried("the answer's `embedding`: Bedrock sends no other"),
  "encoding_format base64": carried("the answer's `embedding`, written as base64 here"),
  user: dropped("requests have no user there"),
  "any other": dropped("no field of OpenAI's"),
});

export const embeddingsAnswerFields: readonly FieldRow[] = [
  { field: "embedding (Titan), embeddings (Cohere)", fate: "carried", as: "`data[].embedding`" },
  { field: "inputTextTokenCount (Titan)", fate: "carried", as: "`usage.prompt_tokens`" },
  {
    field: "x-amzn-bedrock-input-token-count",
    fate: "carried",
    as: "`usage.prompt_tokens`, where the body tells none",
  },
  { field: "embeddingsByType", fate: "dropped", as: "the same numbers again" },
  { field: "id, response_type, texts (Cohere)", fate: "dropped", as: "OpenAI has no word for them" },
];

export function invokeRequest(body: JsonObject, asked: Asked, options: BedrockOptions): ProviderRequest {
  const request = readEmbeddingsRequest(body, embeddingsRequestFields);
  const isTitan = makerOf(asked.model, options) === "titan";
  return {
    path: modelPath(asked.model, "invoke"),
    body: isTitan ? titanBody(request, asked.model) : cohereBody(request, asked.model, options),
  };
}

function makerOf(model: string, { embeddings }: BedrockOptions): string {
  if (embeddings !== "") return embeddings;
  if (model.includes("amazon.titan-embed-")) return "titan";
  if (model.includes("cohere.embed-")) return "cohere";
  throw new Untranslatable("model", "the backend's model is not known to make embeddings");
}

function titanBody({ texts: [text = "", ...more], dimensions }: EmbeddingsRequest, model: string): JsonObject {
  if (more.length > 0) throw new Untranslatable("input", "the backend's model embeds one text in a request");
  // The first generation takes nothing but the text.
  if (dimensions !== undefined && /titan-embed-(text-v1|g1)/.test(model)) throw oneSize();
  return { inputText: text, ...(dimensions !== undefined && { dimensions }) };
}

function cohereBody(
  { texts, dimensions }: EmbeddingsRequest,
  model: string,
  { inputType }: BedrockOptions,
): JsonObject {
  if (dimensions !== undefined && model.includes("-v3")) throw oneSize();
  return { texts, input_type: inputType, ...(dimensions !== undefined && { output_dimension: dimensions }) };
}

function oneSize(): Untranslatable {
  return new Untranslatable("dimensions", "the backend's model has embeddings of one size");
}

/** Which of the two it is can be seen from the answer. */
export function readInvoked(answer: JsonObject, head: AnswerHead): Embeddings | undefined {
  const count = answer["inputTextTokenCount"];
  const header = head.header("x-amzn-bedrock-input-token-count");
  const promptTokens = typeof count === "number" ? count : header === "" ? Number.NaN : Number(header);
  const { embedding, embeddings } = answer;
  const list = isObject(embeddings) ? embeddings["float"] : embeddings;
  const told = embedding === undefined ? list : [embedding];
  if (!isList(told)) return undefined;
  const vectors = told.map(vectorOf);
  return vectors.every((vector) => vector !== undefined) ? { vectors, promptTokens } : undefined;
}
