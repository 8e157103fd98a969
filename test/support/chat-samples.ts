/**
 * A chat completion for each field that a translator tells the fate of: one body with it and one without. What a canary
 * marks must be found again where the field is carried; `param` is what an error says where it is refused.
 */
import type { ChatField } from "../../src/translators/chat-fields.ts";
import type { JsonObject, JsonValue } from "../../src/translators/translator.ts";

export interface FieldSample {
  readonly with: JsonObject;
  readonly without: JsonObject;
  readonly param: string;
}

const hello = { role: "user", content: "Hello" };
const plain = { model: "gpt", messages: [hello] };

/** A member of the body. */
function member(name: string, value: JsonValue, base: JsonObject = plain): FieldSample {
  return { with: { ...base, [name]: value }, without: base, param: name };
}

/** Another last message; `param` is below it. */
function message(changed: JsonObject, usual: JsonObject, before: readonly JsonObject[] = [], param = ""): FieldSample {
  const at = `messages[${before.length}]`;
  return {
    with: { ...plain, messages: [...before, changed] },
    without: { ...plain, messages: [...before, usual] },
    param: param === "" ? at : `${at}.${param}`,
  };
}

/** A part more in the user's message. */
function part(more: JsonObject, param: string): FieldSample {
  const text = { type: "text", text: "Look" };
  const sample = message({ role: "user", content: [text, more] }, { role: "user", content: [text] });
  return { ...sample, param: `messages[0].content[1]${param}` };
}

const image = (url: string, more: JsonObject = {}) => ({ type: "image_url", image_url: { url, ...more } });
const picture = "data:image/png;base64,canaryImageDataInBase64w";

/** Something more in a part that is there in both. */
function inPart(usual: JsonObject, more: JsonObject, param: string): FieldSample {
  const sample = message({ role: "user", content: [{ ...usual, ...more }] }, { role: "user", content: [usual] });
  return { ...sample, param: `messages[0].content[0].${param}` };
}

const call = (more: JsonObject = {}) => ({
  id: "call_1",
  type: "function",
  function: { name: "weather", arguments: '{"city":"canaryCity"}' },
  ...more,
});
const asked = (calls: readonly JsonObject[], more: JsonObject = {}) => ({
  role: "assistant",
  content: "Wait",
  tool_calls: calls,
  ...more,
});
const result = { role: "tool", tool_call_id: "call_1", content: "canarySun" };
const weather = { name: "weather", description: "canaryWeather", parameters: { type: "object", properties: {} } };
const tool = { type: "function", function: weather };
const time = { type: "function", function: { name: "time", description: "Now", parameters: { type: "object" } } };
const withTools = { ...plain, tools: [tool, time] };
const chosen = { type: "function", function: { name: "weather" } };

/** A call that is answered, with something more about it. */
function called(more: JsonObject, param: string): FieldSample {
  return {
    with: { ...plain, messages: [hello, asked([call(more)]), result] },
    without: { ...plain, messages: [hello, asked([call()]), result] },
    param: `messages[1].tool_calls[0].${param}`,
  };
}

const schema = { type: "object", properties: { canaryKey: { type: "string" } }, additionalProperties: false };

export const chatSamples: Readonly<Record<ChatField, FieldSample>> = {
  model: { with: { ...plain, model: "canaryModel" }, without: plain, param: "model" },
  "messages[] system, developer": {
    with: {
      ...plain,
      messages: [{ role: "system", content: "canarySystem" }, { role: "developer", content: "canaryDeveloper" }, hello],
    },
    without: plain,
    param: "messages[0].role",
  },
  "messages[] user": message({ role: "user", content: "canaryUser" }, hello, [], "role"),
  "messages[] assistant": message(
    { role: "assistant", content: "canarySaid" },
    { role: "assistant", content: "Yes" },
    [hello],
    "role",
  ),
  "messages[] tool": message(result, { ...result, content: "Rain" }, [hello, asked([call()])], "role"),
  "messages[] function": {
    ...message({ role: "function", name: "weather", content: "Sun" }, hello, [hello]),
    param: "messages[1].role",
  },
  "messages[].name": message({ ...hello, name: "canaryName" }, hello, [], "name"),
  "messages[].content[].text": part({ type: "text", text: "canaryText" }, ""),
  "messages[].content[].image_url data": part(image(picture), ""),
  "messages[].content[].image_url address": part(image("https://example.com/canary.png"), ""),
  "messages[].content[].image_url.detail": {
    ...message(
      { role: "user", content: [image(picture, { detail: "low" })] },
      { role: "user", content: [image(picture)] },
    ),
    param: "messages[0].content[0].image_url.detail",
  },
  "messages[].content[].input_audio": part(
    { type: "input_audio", input_audio: { format: "wav", data: "canarySound" } },
    "",
  ),
  "messages[].content[].file.file_data": part(
    { type: "file", file: { filename: "report.pdf", file_data: "data:application/pdf;base64,canaryPdf" } },
    "",
  ),
  "messages[].content[].file.file_id": part({ type: "file", file: { file_id: "file-1" } }, ".file.file_id"),
  "messages[].content[].prompt_cache_breakpoint": inPart(
    { type: "text", text: "Long" },
    { prompt_cache_breakpoint: { mode: "explicit" } },
    "prompt_cache_breakpoint",
  ),
  "messages[].content[].cache_control": inPart(
    { type: "text", text: "Long" },
    { cache_control: { type: "ephemeral", ttl: "1h" } },
    "cache_control",
  ),
  "messages[].refusal": message(
    { role: "assistant", content: "No", refusal: "canaryRefusal" },
    { role: "assistant", content: "No" },
    [hello],
    "refusal",
  ),
  "messages[].tool_calls[].function": {
    with: { ...plain, messages: [hello, asked([call()]), result] },
    without: { ...plain, messages: [hello, { role: "assistant", content: "Wait" }, hello] },
    param: "messages[1].tool_calls[0]",
  },
  "messages[].tool_calls[].custom": message(
    asked([{ id: "call_1", type: "custom", custom: { name: "weather", input: "Rome" } }]),
    { role: "assistant", content: "Wait" },
    [hello],
    "tool_calls[0].type",
  ),
  "messages[].tool_calls[].extra_content.google.thought_signature": called(
    { extra_content: { google: { thought_signature: "canarySignature" } } },
    "extra_content",
  ),
  "messages[].function_call": message(
    { role: "assistant", content: "Wait", function_call: { name: "weather", arguments: "{}" } },
    { role: "assistant", content: "Wait" },
    [hello],
    "function_call",
  ),
  "messages[].audio": message(
    { role: "assistant", content: "Wait", audio: { id: "audio_1" } },
    { role: "assistant", content: "Wait" },
    [hello],
    "audio",
  ),
  "messages[].reasoning_content": message(
    { role: "assistant", content: "Wait", reasoning_content: "canaryThought" },
    { role: "assistant", content: "Wait" },
    [hello],
    "reasoning_content",
  ),
  "messages[].thinking_blocks": message(
    {
      role: "assistant",
      content: "Wait",
      thinking_blocks: [{ type: "thinking", thinking: "canaryThought", signature: "canarySignature" }],
    },
    { role: "assistant", content: "Wait" },
    [hello],
    "thinking_blocks",
  ),
  "tools[].function": member("tools", [tool]),
  "tools[].function.strict": {
    with: { ...plain, tools: [{ type: "function", function: { ...weather, strict: true } }] },
    without: { ...plain, tools: [tool] },
    param: "tools[0].function.strict",
  },
  "tools[].custom": {
    with: { ...plain, tools: [{ type: "custom", custom: { name: "weather" } }] },
    without: plain,
    param: "tools[0].type",
  },
  "tools[].cache_control": {
    with: { ...plain, tools: [{ ...tool, cache_control: { type: "ephemeral" } }] },
    without: { ...plain, tools: [tool] },
    param: "tools[0].cache_control",
  },
  "tool_choice auto": { ...member("tool_choice", "auto", withTools), without: { ...withTools, tool_choice: "none" } },
  "tool_choice none": member("tool_choice", "none", withTools),
  "tool_choice required": member("tool_choice", "required", withTools),
  "tool_choice function": member("tool_choice", chosen, withTools),
  "tool_choice allowed_tools": member(
    "tool_choice",
    { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [chosen] } },
    withTools,
  ),
  "parallel_tool_calls false": member("parallel_tool_calls", false, withTools),
  functions: member("functions", [weather]),
  function_call: member("function_call", "auto"),
  "response_format json_object": {
    ...member("response_format", { type: "json_object" }),
    param: "response_format.type",
  },
  "response_format json_schema": member("response_format", {
    type: "json_schema",
    json_schema: { name: "answer", schema, strict: true },
  }),
  max_completion_tokens: member("max_completion_tokens", 1234),
  max_tokens: member("max_tokens", 1234),
  temperature: member("temperature", 0.25),
  "temperature > 1": member("temperature", 1.75),
  top_p: member("top_p", 0.75),
  top_k: member("top_k", 40),
  frequency_penalty: member("frequency_penalty", 0.5),
  presence_penalty: member("presence_penalty", 0.5),
  seed: member("seed", 7),
  stop: member("stop", ["canaryStop"]),
  "n > 1": member("n", 2),
  logit_bias: member("logit_bias", { "50256": -100 }),
  logprobs: member("logprobs", true),
  top_logprobs: member("top_logprobs", 3),
  reasoning_effort: member("reasoning_effort", "high"),
  "reasoning_effort none": member("reasoning_effort", "none"),
  verbosity: member("verbosity", "low"),
  prediction: member("prediction", { type: "content", content: "canaryPrediction" }),
  "modalities text": member("modalities", ["text"]),
  "modalities audio": member("modalities", ["text", "audio"]),
  audio: member("audio", { format: "wav", voice: "alloy" }),
  web_search_options: member("web_search_options", { search_context_size: "low" }),
  moderation: member("moderation", { model: "omni" }),
  metadata: member("metadata", { team: "canaryTeam" }),
  store: member("store", true),
  service_tier: member("service_tier", "default"),
  user: member("user", "canaryEndUser"),
  safety_identifier: member("safety_identifier", "canaryPerson"),
  prompt_cache_key: member("prompt_cache_key", "canaryCacheKey"),
  prompt_cache_options: member("prompt_cache_options", { mode: "explicit" }),
  prompt_cache_retention: member("prompt_cache_retention", "24h"),
  stream: member("stream", true),
  "stream_options.include_usage": member("stream_options", { include_usage: true }, { ...plain, stream: true }),
  "stream_options.include_obfuscation": member(
    "stream_options",
    { include_obfuscation: false },
    { ...plain, stream: true },
  ),
  "any other": member("chat_template_kwargs", { thinking: "canaryOther" }),
};
