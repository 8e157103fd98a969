/** Turns text into token ids the way a real tokenizer would look from outside: about 4 bytes each, equal prefix -> equal tokens. */
import { mixBits } from "./block-keys.ts";

/** A chat message as the chat template reads it; anything that is no text is tokenized as its JSON. */
export interface ChatMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly tool_calls?: unknown;
}

const beginOfText = 1;
const endOfMessage = 2;
/** A message's role is part of its prefix. */
const roleTokens: ReadonlyMap<string, number> = new Map([
  ["system", 3],
  ["developer", 3],
  ["user", 4],
  ["assistant", 5],
  ["tool", 6],
]);
const otherRole = 7;

/** Ids below are the template's. */
const firstTextToken = 16;
const vocabulary = 128_000;
/** Five at most gives about four on average, as words end earlier. */
const maxTokenBytes = 5;

function isSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9;
}

/** A token ends before white space that follows other text, or after five bytes; what comes later never moves it. */
export function tokenizeText(text: string, tokens: number[] = []): number[] {
  const bytes = Buffer.from(text);
  let start = 0;
  for (let end = 1; end <= bytes.length; end++) {
    const wordEnds = isSpace(bytes[end]) && !isSpace(bytes[end - 1]);
    if (end < bytes.length && !wordEnds && end - start < maxTokenBytes) continue;
    tokens.push(tokenOfBytes(bytes, start, end));
    start = end;
  }
  return tokens;
}

function tokenOfBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let at = start; at < end; at++) hash = mixBits(hash, bytes[at] ?? 0);
  return firstTextToken + (hash % (vocabulary - firstTextToken));
}

/** [begin] tools, then per message [role] content [end], and the assistant's role as the cue to answer. */
export function tokenizeChat(messages: readonly ChatMessage[], tools: unknown = undefined): number[] {
  const tokens = [beginOfText];
  if (tools !== undefined && tools !== null) tokenizeText(JSON.stringify(tools), tokens);
  for (const message of messages) {
    tokens.push(roleTokens.get(message.role) ?? otherRole);
    tokenizeContent(message.content, tokens);
    if (message.tool_calls !== undefined) tokenizeContent(message.tool_calls, tokens);
    tokens.push(endOfMessage);
  }
  tokens.push(roleTokens.get("assistant") ?? otherRole);
  return tokens;
}

/** A picture costs the tokens of its URL or its base64 text: no model of vision, but another picture is another prefix. */
function tokenizeContent(content: unknown, tokens: number[]): void {
  if (typeof content === "string") {
    tokenizeText(content, tokens);
    return;
  }
  if (content === undefined || content === null) return;
  for (const part of Array.isArray(content) ? content : [content]) {
    const text: unknown = typeof part === "object" && part !== null && "text" in part ? part.text : undefined;
    tokenizeText(typeof text === "string" ? text : JSON.stringify(part), tokens);
  }
}

const consonants = "bdfghklmnprstvz";
const vowels = "aeiou";

/** Word `index` of an answer: " " and four letters, one token for the tokenizer above; the first has no space. */
export function pseudoWord(seed: number, index: number): string {
  let bits = mixBits(seed, index);
  let word = index === 0 ? "" : " ";
  for (let syllable = 0; syllable < 2; syllable++) {
    word += consonants.charAt(bits % consonants.length);
    bits = Math.floor(bits / consonants.length);
    word += vowels.charAt(bits % vowels.length);
    bits = Math.floor(bits / vowels.length);
  }
  return word;
}

/** The id under which the tokenizer finds that word again when it comes back in a later prompt. */
export function pseudoWordToken(seed: number, index: number): number {
  const bytes = Buffer.from(pseudoWord(seed, index));
  return tokenOfBytes(bytes, 0, bytes.length);
}
