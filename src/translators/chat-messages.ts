/**
 * Reads the messages of a chat completion: the system's apart, the rest as turns that alternate strictly, with the results
 * of tools grouped in the user's turn that follows the calls, as other providers want them.
 */
import { ownText, readContent, readText } from "./chat-parts.ts";
import { type CachePoint, cachePointOf } from "./chat-tools.ts";
import {
  isObject,
  isPresent,
  itemsOf,
  listAt,
  member,
  objectAt,
  parsedObject,
  textAt,
  wholeObjectAt,
} from "./checked-json.ts";
import { type JsonObject, type JsonValue, Untranslatable } from "./translator.ts";

/** Each part has the path of where the client wrote it, for a translator that has to refuse it. */
interface Placed {
  readonly at: string;
}
interface Cacheable extends Placed {
  readonly cachePoint: CachePoint | undefined;
}

export interface TextPart extends Cacheable {
  readonly kind: "text";
  readonly text: string;
}
export interface ImagePart extends Cacheable {
  readonly kind: "image";
  readonly source: BinarySource;
}
export interface AudioPart extends Placed {
  readonly kind: "audio";
  /** As OpenAI names it: wav, mp3. */
  readonly format: string;
  readonly base64: string;
}
/** A document such as a PDF. */
export interface FilePart extends Cacheable {
  readonly kind: "file";
  readonly name: string;
  readonly source: BinarySource;
}
export type BinarySource =
  | { readonly kind: "data"; readonly mediaType: string; readonly base64: string }
  | { readonly kind: "url"; readonly url: string };

export interface ToolCallPart extends Placed {
  readonly kind: "tool-call";
  readonly id: string;
  readonly name: string;
  readonly args: JsonObject;
  /** What Google's models want back with a call (`extra_content.google.thought_signature`); "" for none. */
  readonly signature: string;
}
export interface ToolResultPart extends Cacheable {
  readonly kind: "tool-result";
  /** Of the call that it answers, which stands before it. */
  readonly id: string;
  readonly name: string;
  readonly content: readonly UserPart[];
}
/**
 * What the model thought before, with the signature that its provider wants back: `thinking_blocks` of an assistant's
 * message, as our answers have them. `encrypted` stands for the text where the provider hid it; else "". One of both is there:
 * without a signature it is another provider's, or lost its proof, and who wants thoughts back would refuse it.
 */
export interface ThinkingPart extends Placed {
  readonly kind: "thinking";
  readonly text: string;
  readonly signature: string;
  readonly encrypted: string;
}

export type UserPart = TextPart | ImagePart | AudioPart | FilePart;
export type ChatTurn =
  | { readonly role: "user"; readonly parts: readonly (UserPart | ToolResultPart)[] }
  | { readonly role: "assistant"; readonly parts: readonly (TextPart | ThinkingPart | ToolCallPart)[] };
type TurnPart = ChatTurn["parts"][number];

export interface Messages {
  readonly system: readonly TextPart[];
  readonly turns: readonly ChatTurn[];
}

export function readMessages(value: JsonValue | undefined): Messages {
  const system: TextPart[] = [];
  const turns: { role: ChatTurn["role"]; parts: TurnPart[] }[] = [];
  /** Names of the tools called so far, by the id of the call. */
  const called = new Map<string, string>();
  const add = (role: ChatTurn["role"], parts: readonly TurnPart[]) => {
    const last = turns.at(-1);
    if (last?.role === role) last.parts.push(...parts);
    else if (parts.length > 0) turns.push({ role, parts: [...parts] });
  };
  for (const [index, item] of listAt(value, "messages").entries()) {
    const at = `messages[${index}]`;
    const message = objectAt(item, at);
    const { role } = message;
    if (role === "system" || role === "developer") system.push(...readText(message["content"], `${at}.content`));
    else if (role === "user") add("user", readContent(message["content"], `${at}.content`));
    else if (role === "assistant") add("assistant", assistantParts(message, at, called));
    else if (role === "tool") add("user", [toolResult(message, at, called)]);
    else throw new Untranslatable(`${at}.role`, "must be system, developer, user, assistant or tool");
  }
  if (turns.length === 0) throw new Untranslatable("messages", "none says anything but the system's");
  for (const turn of turns) turn.parts.sort((a, b) => orderOf(a) - orderOf(b));
  // The parts of a turn are of its role: `add` is called with no others.
  return { system, turns: turns as ChatTurn[] };
}

/** Providers want the results first in their turn; all else stays in its order. */
function orderOf({ kind }: TurnPart): number {
  return kind === "tool-result" ? 0 : 1;
}

/** Thinking comes first and calls last, as the model wrote them. */
function assistantParts(message: JsonObject, at: string, called: Map<string, string>) {
  if (isPresent(message["function_call"])) {
    throw new Untranslatable(`${at}.function_call`, "functions are deprecated and cannot be translated: use tools");
  }
  if (isPresent(message["audio"])) throw new Untranslatable(`${at}.audio`, "earlier audio is kept by OpenAI alone");
  const text = isPresent(message["content"]) ? readText(message["content"], `${at}.content`) : [];
  const refusal = member(message, "refusal", at, textAt) ?? "";
  const thoughts = member(message, "thinking_blocks", at, (value, place) => itemsOf(value, place, thinkingPart)) ?? [];
  return [
    ...thoughts.filter(({ signature, encrypted }) => signature !== "" || encrypted !== ""),
    ...text,
    ...ownText(refusal, `${at}.refusal`),
    ...(member(message, "tool_calls", at, (value, place) =>
      itemsOf(value, place, (call, here) => toolCall(call, here, called)),
    ) ?? []),
  ];
}

function toolCall(value: JsonValue | undefined, at: string, called: Map<string, string>): ToolCallPart {
  const call = objectAt(value, at);
  if (call["type"] === "custom") throw new Untranslatable(`${at}.type`, "only function tools can be translated");
  const place = `${at}.function`;
  const told = objectAt(call["function"], place);
  const id = textAt(call["id"], `${at}.id`);
  const name = textAt(told["name"], `${place}.name`);
  const written = member(told, "arguments", place, textAt)?.trim() ?? "";
  const args = written === "" ? {} : parsedObject(written);
  if (args === undefined) throw new Untranslatable(`${place}.arguments`, "must be an object, written as JSON");
  wholeObjectAt(args, `${place}.arguments`);
  called.set(id, name);
  return { kind: "tool-call", id, name, args, signature: signatureOf(call), at };
}

function signatureOf(call: JsonObject): string {
  const extra = call["extra_content"];
  const google = isObject(extra) ? extra["google"] : undefined;
  const signature = isObject(google) ? google["thought_signature"] : undefined;
  return typeof signature === "string" ? signature : "";
}

function toolResult(message: JsonObject, at: string, called: ReadonlyMap<string, string>): ToolResultPart {
  const id = textAt(message["tool_call_id"], `${at}.tool_call_id`);
  const name = called.get(id);
  if (name === undefined) throw new Untranslatable(`${at}.tool_call_id`, "answers no tool call that stands before it");
  const content = isPresent(message["content"]) ? readContent(message["content"], `${at}.content`) : [];
  const marked = content.find((part) => part.kind !== "audio" && part.cachePoint !== undefined);
  const cachePoint = cachePointOf(message) ?? (marked && "cachePoint" in marked ? marked.cachePoint : undefined);
  return { kind: "tool-result", id, name, content, cachePoint, at };
}

/** Blocks of Anthropic's shape, which others' answers are written in as well. */
function thinkingPart(value: JsonValue | undefined, at: string): ThinkingPart {
  const block = objectAt(value, at);
  if (block["type"] === "redacted_thinking") {
    return { kind: "thinking", text: "", signature: "", encrypted: textAt(block["data"], `${at}.data`), at };
  }
  if (block["type"] !== "thinking") throw new Untranslatable(`${at}.type`, "must be thinking or redacted_thinking");
  const text = textAt(block["thinking"], `${at}.thinking`);
  return { kind: "thinking", text, signature: member(block, "signature", at, textAt) ?? "", encrypted: "", at };
}
