/** Random conversations, and their bodies spelt in different ways that mean the same. */
import type { Random } from "./random.ts";
import { space } from "./random-json.ts";

interface Piece {
  readonly type: string;
  readonly text?: string;
  readonly image_url?: string;
}

export interface Message {
  readonly role: string;
  readonly content: string | readonly Piece[] | null;
  readonly tool_call_id?: string;
  readonly tool_calls?: readonly unknown[];
}

export interface Chat {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly tools?: readonly unknown[];
}

const words = ["alpha ", "beta\n", 'say "x" ', "模型 ", "back\\slash ", "0123456789abcdef"];

function text(random: Random): string {
  return Array.from({ length: random.int(random.chance(0.2) ? 120 : 12) }, () => random.of(words)).join("");
}

function message(random: Random): Message {
  const kind = random.int(6);
  if (kind === 0) return { role: "assistant", content: null, tool_calls: [{ id: text(random), type: "function" }] };
  if (kind === 1) return { role: "tool", content: text(random), tool_call_id: `call-${random.int(99)}` };
  if (kind > 2) return { role: random.of(["user", "assistant"]), content: text(random) };
  const pieces: Piece[] = [{ type: "text", text: text(random) }];
  if (random.chance(0.5)) pieces.push({ type: "image_url", image_url: `data:${text(random)}` });
  return { role: "user", content: random.shuffle(pieces) };
}

export function randomChat(random: Random): Chat {
  const messages = Array.from({ length: 1 + random.int(6) }, () => message(random));
  const chat: Chat = { model: random.of(["m", "org/model"]), messages };
  const tool = () => ({ type: "function", function: { name: text(random), parameters: { required: [], n: 1 } } });
  return random.chance(0.4) ? { ...chat, tools: Array.from({ length: random.int(9) }, tool) } : chat;
}

export function nextTurn(random: Random, chat: Chat): Chat {
  return { ...chat, messages: [...chat.messages, message(random), message(random)] };
}

/**
 * The body with its keys in another order, escaped keys, space between the tokens, and members that say nothing. Of
 * what counts as it stands (tools, tool calls, images) only the space is another.
 */
export function respelt(random: Random, chat: Chat): string {
  const object = (members: readonly (readonly [string, string])[]) => {
    const spelt = random
      .shuffle([...members])
      .map(
        ([key, value]) =>
          `${space(random)}${keyText(random, key)}${space(random)}:${space(random)}${value}${space(random)}`,
      );
    return `{${spelt.join(",")}}`;
  };
  const members = (value: object) =>
    Object.entries(value).map(([key, member]) => [key, spaced(random, member)] as const);
  const content = (pieces: readonly Piece[]) => array(random, pieces, (piece) => object(members(piece)));
  const messages = array(random, chat.messages, (one) =>
    object(
      members(one).map(([key, value]) => [
        key,
        Array.isArray(one[key as "content"]) && key === "content" ? content(one.content as Piece[]) : value,
      ]),
    ),
  );
  const others = members({ ...chat, messages: 0, stream: random.chance(0.5) }).filter(([key]) => key !== "messages");
  return `${space(random)}${object([...others, ["messages", messages], ["seed", "[7,{}]"]])}${space(random)}`;
}

function array<T>(random: Random, items: readonly T[], spell: (item: T) => string): string {
  return `[${space(random)}${items.map((item) => `${space(random)}${spell(item)}${space(random)}`).join(",")}]`;
}

/** The value with space between its tokens, and nothing else changed. */
function spaced(random: Random, value: unknown): string {
  if (Array.isArray(value)) return array(random, value, (item) => spaced(random, item));
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) => {
    return `${space(random)}${JSON.stringify(key)}${space(random)}:${space(random)}${spaced(random, member)}`;
  });
  return `{${members.join(",")}${space(random)}}`;
}

function keyText(random: Random, key: string): string {
  if (random.chance(0.8)) return JSON.stringify(key);
  const at = random.int(key.length);
  const escaped = `\\u${key.charCodeAt(at).toString(16).padStart(4, "0")}`;
  return `"${key.slice(0, at)}${escaped}${key.slice(at + 1)}"`;
}
