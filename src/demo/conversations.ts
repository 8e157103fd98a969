/** The conversations that both fleets are asked to have: a few tenants with one system prompt each, several turns, equal for equal seeds. */
import { seededRandom } from "../routing/seeded-random.ts";

interface Turn {
  readonly question: string;
  /** How long the user reads before asking this, at the pods' own speed. */
  readonly thinkMs: number;
}

export interface Conversation {
  readonly tenant: string;
  readonly system: string;
  readonly turns: readonly Turn[];
}

type Random = () => number;
type Range = readonly [least: number, most: number];

/** About four bytes a token, as pods count them. */
const bytesPerToken = 4;

/**
 * A chat about a document: a long first question, short ones after it. A pod that has the conversation in its cache
 * computes a few hundred tokens where another one computes thousands.
 */
const shape = {
  tenants: 4,
  systemTokens: [1_200, 2_400],
  documentTokens: [2_000, 6_000],
  followUpTokens: [60, 420],
  turns: [3, 6],
  thinkMs: [100, 600],
} as const satisfies Record<string, number | Range>;

const topics = ["billing", "logistics", "recipes", "contracts", "astronomy", "gardening", "insurance", "repairs"];

/** One conversation after the other, without end; the popular tenants come more often. */
export function* conversations(seed: number): Generator<Conversation, never> {
  const random = seededRandom(seed);
  const words = vocabulary(random);
  const tenants = topics.slice(0, shape.tenants).map((tenant) => ({
    tenant,
    system: `You answer questions about ${tenant}. ${prose(random, words, within(random, shape.systemTokens))}`,
  }));
  for (;;) {
    // Squared, so that the first tenant has half of the conversations.
    const { tenant, system } = tenants[Math.floor(random() ** 2 * tenants.length)] ?? { tenant: "", system: "" };
    const turns = Array.from({ length: within(random, shape.turns) }, (_, index) => ({
      question: prose(random, words, within(random, index === 0 ? shape.documentTokens : shape.followUpTokens)),
      thinkMs: index === 0 ? 0 : within(random, shape.thinkMs),
    }));
    yield { tenant, system, turns };
  }
}

/** The first conversations with so many turns in all; the last one is cut short to fit. */
export function conversationsOf(seed: number, turns: number): Conversation[] {
  const taken: Conversation[] = [];
  let missing = turns;
  for (const conversation of conversations(seed)) {
    if (missing <= 0) break;
    taken.push({ ...conversation, turns: conversation.turns.slice(0, missing) });
    missing -= conversation.turns.length;
  }
  return taken;
}

function within(random: Random, [least, most]: Range): number {
  return least + Math.floor(random() * (most - least + 1));
}

const onsets = [
  "b",
  "br",
  "c",
  "d",
  "f",
  "g",
  "gl",
  "h",
  "k",
  "l",
  "m",
  "n",
  "p",
  "qu",
  "r",
  "s",
  "st",
  "t",
  "tr",
  "v",
];
const vowels = ["a", "e", "i", "o", "u", "ai", "ea", "ou"];
const endings = ["", "n", "r", "s", "t", "l", "nd", "m"];

/** Made-up words: what the text means is nothing to a pod that only counts tokens. */
function vocabulary(random: Random): string[] {
  const one = (parts: readonly string[]) => parts[Math.floor(random() * parts.length)] ?? "";
  const word = () => one(onsets) + one(vowels) + (random() < 0.4 ? one(onsets) + one(vowels) : "") + one(endings);
  return Array.from({ length: 600 }, word);
}

function prose(random: Random, words: readonly string[], tokens: number): string {
  const length = tokens * bytesPerToken;
  const sentences: string[] = [];
  for (let written = 0; written < length; ) {
    const count = within(random, [5, 14]);
    const sentence = Array.from({ length: count }, () => words[Math.floor(random() * words.length)] ?? "").join(" ");
    sentences.push(`${sentence}.`);
    written += sentence.length + 2;
  }
  return sentences.join(" ").slice(0, length);
}
