/**
 * Where answers tell token counts, as a tree of the keys that lead there. One tree serves every API: the places of one
 * are empty in the others.
 *
 *   chat, completions     usage { prompt_tokens, completion_tokens, prompt_tokens_details { cached_tokens,
 *                         cache_creation_tokens }, completion_tokens_details { reasoning_tokens } }
 *   responses             usage { input_tokens, output_tokens, *_tokens_details }, in a stream inside `response`
 *   messages              usage { input_tokens, output_tokens, cache_*_input_tokens }, a stream opens with `message`
 *   SGLang's generate     meta_info { prompt_tokens, completion_tokens, cached_tokens }, a list of them for a batch
 *   vLLM's generate       choices [ { token_ids [...] } ], with `usage` where the client asked for it
 *   rerank, score, pooled usage { prompt_tokens, total_tokens }, or the total alone
 *
 * It also tells events that bring a token from those that do not: a `delta` (responses, messages), a choice (all others
 * of OpenAI's kind) or a grown count (SGLang). A stream of responses begins long before its first token.
 */

/** What a number at a place means; the names of a count's readings. */
export const reading = {
  none: -1,
  prompt: 0,
  /** Anthropic's leaves out what came from the cache or went into it, OpenAI's does not. */
  input: 1,
  completion: 2,
  cached: 3,
  cacheRead: 4,
  cacheWritten: 5,
  /** Prompt and completion together: all that some rerankers tell. */
  total: 6,
  /** From here to `answer`: of one answer of a batch, forgotten where it ends. */
  ownPrompt: 7,
  ownCompletion: 8,
  ownCached: 9,
  /** Which answer of a batch this is. */
  answer: 10,
  /** Which choice of one answer: only with a token of it. */
  choice: 11,
  /** A generated token itself: to be counted. */
  token: 12,
  /** Of the completion: tokens that the client is not shown. */
  reasoning: 13,
} as const;

export const READINGS = 14;

export interface Place {
  /** The members that lead to a count; none where the place is no object, or an uninteresting one. */
  readonly members: readonly Member[];
  /** What each item is, where the place is an array. */
  readonly items: Place | undefined;
  /** What a number here means. */
  readonly reading: number;
  /** Does its end end an answer? */
  readonly isAnswer: boolean;
  /** Does its mere presence show that a token was generated? */
  readonly isOutput: boolean;
}

interface Member {
  readonly key: Uint8Array;
  readonly place: Place;
}

const nothing: Place = {
  members: [],
  items: undefined,
  reading: reading.none,
  isAnswer: false,
  isOutput: false,
};
const count = (of: number): Place => ({ ...nothing, reading: of });
const list = (items: Place): Place => ({ ...nothing, items });
const object = (places: Readonly<Record<string, Place>>): Place => ({
  ...nothing,
  members: Object.entries(places).map(([key, place]) => ({ key: Buffer.from(key), place })),
});

const details = object({
  cached_tokens: count(reading.cached),
  cache_creation_tokens: count(reading.cacheWritten),
});
const completionDetails = object({ reasoning_tokens: count(reading.reasoning) });
const usage = object({
  prompt_tokens: count(reading.prompt),
  input_tokens: count(reading.input),
  completion_tokens: count(reading.completion),
  output_tokens: count(reading.completion),
  total_tokens: count(reading.total),
  prompt_tokens_details: details,
  input_tokens_details: details,
  completion_tokens_details: completionDetails,
  output_tokens_details: completionDetails,
  cache_read_input_tokens: count(reading.cacheRead),
  cache_creation_input_tokens: count(reading.cacheWritten),
});
const metaInfo = object({
  prompt_tokens: count(reading.ownPrompt),
  completion_tokens: count(reading.ownCompletion),
  cached_tokens: count(reading.ownCached),
});
const choice = object({ index: count(reading.choice), token_ids: list(count(reading.token)) });
const carrier = object({ usage });
const answer: Place = {
  ...object({
    usage,
    response: carrier,
    message: carrier,
    meta_info: metaInfo,
    index: count(reading.answer),
    choices: list(choice),
    delta: { ...nothing, isOutput: true },
  }),
  isAnswer: true,
};

/** A whole document: one answer, or a list of them. */
export const root: Place = { ...answer, items: answer };

/** Room for the keys above; a longer one is none of them. */
export const LONGEST_KEY = 32;
