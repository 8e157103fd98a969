/**
 * Every field of a chat completion that a translator has to say the fate of, by one name each: the shared suite has a
 * sample for each, and the documents' table compares providers row by row. A name with a condition behind a space, such as
 * "n > 1", is of a value that fares otherwise.
 */
import type { FieldRow } from "./translator.ts";

export const chatFields = [
  "model",
  "messages[] system, developer",
  "messages[] user",
  "messages[] assistant",
  "messages[] tool",
  "messages[] function",
  "messages[].name",
  "messages[].content[].text",
  "messages[].content[].image_url data",
  "messages[].content[].image_url address",
  "messages[].content[].image_url.detail",
  "messages[].content[].input_audio",
  "messages[].content[].file.file_data",
  "messages[].content[].file.file_id",
  "messages[].content[].prompt_cache_breakpoint",
  "messages[].content[].cache_control",
  "messages[].refusal",
  "messages[].tool_calls[].function",
  "messages[].tool_calls[].custom",
  "messages[].tool_calls[].extra_content.google.thought_signature",
  "messages[].function_call",
  "messages[].audio",
  "messages[].reasoning_content",
  "messages[].thinking_blocks",
  "tools[].function",
  "tools[].function.strict",
  "tools[].custom",
  "tools[].cache_control",
  "tool_choice auto",
  "tool_choice none",
  "tool_choice required",
  "tool_choice function",
  "tool_choice allowed_tools",
  "parallel_tool_calls false",
  "functions",
  "function_call",
  "response_format json_object",
  "response_format json_schema",
  "max_completion_tokens",
  "max_tokens",
  "temperature",
  "temperature > 1",
  "top_p",
  "top_k",
  "frequency_penalty",
  "presence_penalty",
  "seed",
  "stop",
  "n > 1",
  "logit_bias",
  "logprobs",
  "top_logprobs",
  "reasoning_effort",
  "reasoning_effort none",
  "verbosity",
  "prediction",
  "modalities text",
  "modalities audio",
  "audio",
  "web_search_options",
  "moderation",
  "metadata",
  "store",
  "service_tier",
  "user",
  "safety_identifier",
  "prompt_cache_key",
  "prompt_cache_options",
  "prompt_cache_retention",
  "stream",
  "stream_options.include_usage",
  "stream_options.include_obfuscation",
  "any other",
] as const;

export type ChatField = (typeof chatFields)[number];
export type Fate = Omit<FieldRow, "field">;

export function carried(as: string): Fate {
  return { fate: "carried", as };
}

export function dropped(why: string): Fate {
  return { fate: "dropped", as: why };
}

/** `why` is what the client reads. */
export function refused(why: string): Fate {
  return { fate: "refused", as: why };
}

/** The table of a translator, complete by its type. */
export function chatRows(fates: Readonly<Record<ChatField, Fate>>): readonly FieldRow[] {
  return chatFields.map((field) => ({ field, ...fates[field] }));
}
