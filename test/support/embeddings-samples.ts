/** A request for embeddings for each field that a translator tells the fate of, as chat-samples.ts has for chats. */
import type { EmbeddingsField } from "../../src/translators/embeddings.ts";
import type { JsonObject, JsonValue } from "../../src/translators/translator.ts";
import type { FieldSample } from "./chat-samples.ts";

const plain = { model: "embed", input: "Hello" };

function member(name: string, value: JsonValue, base: JsonObject = plain): FieldSample {
  return { with: { ...base, [name]: value }, without: base, param: name };
}

export const embeddingsSamples: Readonly<Record<EmbeddingsField, FieldSample>> = {
  model: member("model", "canaryModel"),
  "input text": member("input", "canaryText"),
  "input texts": member("input", ["canaryText", "canaryOther"]),
  "input tokens": { ...member("input", [1, 2, 3]), param: "input[0]" },
  dimensions: member("dimensions", 256),
  "encoding_format float": member("encoding_format", "float", { ...plain, encoding_format: "base64" }),
  "encoding_format base64": member("encoding_format", "base64"),
  user: member("user", "canaryEndUser"),
  "any other": member("truncate_prompt_tokens", 10),
};
