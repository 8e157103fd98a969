/**
 * Embeddings in OpenAI's form: reads the client's body into a checked form that belongs to no provider, and writes the
 * answer of the vectors that a provider gave.
 */
import { type Usage, unknownUsage } from "../response/usage.ts";
import type { Fate } from "./chat-fields.ts";
import { refuseFields } from "./chat-request.ts";
import { itemsOf, member, numberAt, parsedObject } from "./checked-json.ts";
import { CollectedAnswer } from "./collected-answer.ts";
import { documentFault, errorBody, errorTranslation, isJsonType } from "./error-answer.ts";
import {
  type AnswerHead,
  type AnswerTranslation,
  type Asked,
  type FieldRow,
  type JsonObject,
  type JsonValue,
  Untranslatable,
} from "./translator.ts";

/** Every field that a translator has to say the fate of. */
export const embeddingsFields = [
  "model",
  "input text",
  "input texts",
  "input tokens",
  "dimensions",
  "encoding_format float",
  "encoding_format base64",
  "user",
  "any other",
] as const;
export type EmbeddingsField = (typeof embeddingsFields)[number];

/** The table of a translator, complete by its type. */
export function embeddingsRows(fates: Readonly<Record<EmbeddingsField, Fate>>): readonly FieldRow[] {
  return embeddingsFields.map((field) => ({ field, ...fates[field] }));
}

export interface EmbeddingsRequest {
  readonly texts: readonly string[];
  readonly dimensions: number | undefined;
}

export function readEmbeddingsRequest(body: JsonObject, rows: readonly FieldRow[]): EmbeddingsRequest {
  refuseFields(body, rows);
  const { input } = body;
  const texts = typeof input === "string" ? [input] : itemsOf(input, "input", readText);
  if (texts.length === 0) throw new Untranslatable("input", "must not be empty");
  return { texts, dimensions: member(body, "dimensions", "", numberAt) };
}

/** Numbers are tokens, of a tokenizer that is OpenAI's. */
function readText(value: JsonValue | undefined, at: string): string {
  if (typeof value === "string") return value;
  throw new Untranslatable(at, "must be text: another provider's model has other tokens");
}

/** What a provider answered: a vector for each text, in order. */
export interface Embeddings {
  readonly vectors: readonly (readonly number[])[];
  /** NaN where it is not told. */
  readonly promptTokens: number;
}

/** `read` makes vectors of the provider's answer; undefined where it is none. Returns undefined for what is no JSON. */
export function embeddingsTranslation(
  asked: Asked,
  head: AnswerHead,
  read: (answer: JsonObject) => Embeddings | undefined,
): AnswerTranslation | undefined {
  if (head.status >= 400) return errorTranslation(head);
  if (!isJsonType(head.contentType)) return undefined;
  return new CollectedAnswer((text) => {
    const answer = text === undefined ? undefined : parsedObject(text);
    const embeddings = answer && read(answer);
    if (embeddings === undefined) return { body: errorBody(documentFault(text)) };
    return { body: embeddingsBody(embeddings, asked), usage: usageOf(embeddings) };
  });
}

function usageOf({ promptTokens }: Embeddings): Usage | undefined {
  return Number.isNaN(promptTokens) ? undefined : { ...unknownUsage, promptTokens, completionTokens: 0 };
}

function embeddingsBody({ vectors, promptTokens }: Embeddings, { askedModel, wantsBase64 }: Asked): JsonObject {
  const tokens = Number.isNaN(promptTokens) ? 0 : promptTokens;
  return {
    object: "list",
    data: vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: wantsBase64 ? base64Of(vector) : vector,
    })),
    model: askedModel,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

/** Floats of 32 bits, the lowest byte first. */
function base64Of(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString("base64");
}

/** A list of numbers, as every provider writes a vector; undefined where it is none. */
export function vectorOf(value: JsonValue | undefined): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const list: readonly JsonValue[] = value;
  return list.every((item) => typeof item === "number") ? list : undefined;
}
