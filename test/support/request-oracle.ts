/** What is to be read of a body, told naively from JSON.parse and the table of APIs: what parseBody is held against. */
import { type ApiSpec, apis, type PromptForm } from "../../src/request/apis.ts";
import type { JsonApi } from "../../src/request/inference-request.ts";
import { chatShape, itemShape, type MessageShape } from "../../src/request/message-list.ts";
import type { PromptParts } from "./prompt-text.ts";

type Members = Readonly<Record<string, unknown>>;

interface Reading {
  readonly model: string;
  readonly stream: boolean;
  readonly maxTokens: number;
  readonly session: string;
  readonly adapter: string;
  readonly parts: PromptParts;
}

const textTypes: readonly unknown[] = ["text", "input_text", "output_text"];
const blockFields =
  "id name tool_use_id input content is_error thinking signature data source title image_url detail video_url " +
  "audio_url input_audio file file_id refusal text type";

export function readNaively(api: JsonApi, body: Members): Reading {
  const spec = apis[api];
  const caps = spec.caps.map((path) => at(body, path)).filter((value) => typeof value === "number");
  return {
    model: firstText(body, ["model"]),
    stream: body["stream"] === true,
    maxTokens: caps.find((cap) => cap >= 0 && !Object.is(cap, -0) && Number.isFinite(cap)) ?? Number.NaN,
    session: firstText(body, spec.session),
    adapter: firstText(body, spec.adapter),
    parts: [...apartOf(spec, body), ...promptOf(spec, body)],
  };
}

function promptOf(spec: ApiSpec, body: Members): PromptParts {
  return spec.prompt.flatMap((part) => readers[part.as](at(body, part.at))).filter((part) => part.length > 0);
}

const readers: Readonly<Record<PromptForm, (value: unknown) => string[][]>> = {
  whole: (value) => [textsOf(value)],
  prompts: (value) => [batch(value, false)],
  texts: (value) => [batch(value, true)],
  system: (value) => [contentOf(value, true)],
  messages: (value) => messagesOf(value, chatShape),
  items: (value) => messagesOf(value, itemShape),
};

function apartOf(spec: ApiSpec, body: Members): PromptParts {
  const show = (word: string) => (path: string) => textsOf(firstText(body, [path])).map((text) => `${word} ${text}`);
  return [...spec.salts.flatMap(show("salt")), ...spec.adapter.flatMap(show("adapter"))];
}

function at(body: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((value, name) => (isObject(value) ? own(value, name) : undefined), body);
}

function own(value: Members, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function firstText(body: Members, paths: readonly string[]): string {
  const texts = paths.map((path) => at(body, path));
  return (texts.find((text) => typeof text === "string" && text !== "" && text.length <= 500) as string) ?? "";
}

/** A value as a list of one text, or of none where it says nothing. */
function textsOf(value: unknown): string[] {
  if (value === undefined || value === null || value === "") return [];
  return [typeof value === "string" ? value : JSON.stringify(value)];
}

function batch(value: unknown, takesObjects: boolean): string[] {
  if (typeof value === "string") return textsOf(value);
  if (isObject(value)) return takesObjects ? textsOf(value) : [];
  if (!Array.isArray(value)) return [];
  const [first] = value as unknown[];
  const isBatch = typeof first === "string" || (typeof first === "object" && first !== null);
  if (!isBatch) return textsOf(JSON.stringify(value).slice(1, -1));
  return Array.isArray(first) ? textsOf(JSON.stringify(first).slice(1, -1)) : textsOf(first);
}

function messagesOf(value: unknown, shape: MessageShape): string[][] {
  if (typeof value === "string" && shape.takesString) return [textsOf(value)];
  if (!Array.isArray(value)) return [];
  return value.map((message) => {
    if (!isObject(message)) return textsOf(message);
    const known = [...shape.before, ...shape.behind, "content"];
    return [
      ...shape.before.flatMap((name) => textsOf(own(message, name))),
      ...contentOf(own(message, "content"), false),
      ...shape.behind.flatMap((name) => textsOf(own(message, name))),
      ...(shape.countsOthers ? othersOf(message, known) : []),
    ];
  });
}

function contentOf(value: unknown, leavesOutBilling: boolean): string[] {
  if (!Array.isArray(value)) return textsOf(value);
  return value.flatMap((block) => {
    if (!isObject(block)) return textsOf(block);
    const names = blockFields.split(" ");
    const fields = names.filter((name) => textsOf(own(block, name)).length > 0);
    const others = othersOf(block, [...names, "cache_control"]);
    const text = own(block, "text");
    const isText = typeof text === "string" && fields.filter((name) => name !== "type").join() === "text";
    const type = own(block, "type");
    if (isText && others.length === 0 && (textsOf(type).length === 0 || textTypes.includes(type))) {
      return leavesOutBilling && text.startsWith("x-anthropic-billing-header") ? [] : [text];
    }
    const texts = [...fields.flatMap((name) => textsOf(own(block, name))), ...others];
    return texts.length === 0 ? [] : ["{", ...texts];
  });
}

function othersOf(value: Members, known: readonly string[]): string[] {
  const names = Object.keys(value).filter((name) => !known.includes(name) && textsOf(value[name]).length > 0);
  names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  // A nameless member has its value only: an empty range is none.
  return names.flatMap((name) => [...textsOf(name), ...textsOf(value[name])]);
}
