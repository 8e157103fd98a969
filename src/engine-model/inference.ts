/** One inference call on its way through the engine: submits its prompts, writes the answer, aborts when the client leaves. */
import type { ServerResponse } from "node:http";
import {
  type AnswerHead,
  type Choice,
  type ChunkExtras,
  chatAnswer,
  chatChunk,
  chatRoleChunk,
  completionAnswer,
  completionChunk,
  type TokenUsage,
  usageChunk,
} from "./answers.ts";
import { hashPrompt, mixBits } from "./block-keys.ts";
import type { Engine } from "./engine.ts";
import { pseudoWord, pseudoWordToken, tokenizeText } from "./fake-tokenizer.ts";
import type { InferenceCall } from "./read-call.ts";
import type { Sequence } from "./sequence.ts";
import { sseDone, sseEvent } from "./sse.ts";

/** How a pod answers: the engine that computes and what the words depend on. */
export interface AnsweringPod {
  readonly engine: Engine;
  readonly model: string;
  readonly seed: number;
  /** Shortest and longest answer of the model when the client's cap does not end it. */
  readonly answerTokens: readonly [shortest: number, longest: number];
}

/** One answer in the making. */
interface Draft {
  readonly index: number;
  readonly promptIds: readonly number[];
  readonly wordSeed: number;
  readonly words: string[];
  readonly tokenIds: number[];
  sequence: Sequence | null;
}

/** `requestNumber` tells requests apart in their ids. The headers of a stream leave at once, as a real server's do. */
export function answerCall(
  pod: AnsweringPod,
  call: InferenceCall,
  requestNumber: number,
  answer: ServerResponse,
): void {
  new CallInProgress(pod, call, requestNumber, answer).start();
}

/** Ends when its last draft does; until then the answer's close means that the client left. */
class CallInProgress {
  readonly #pod: AnsweringPod;
  readonly #call: InferenceCall;
  readonly #answer: ServerResponse;
  readonly #head: AnswerHead;
  readonly #drafts: Draft[];
  /** Drafts still generating. */
  #unfinished: number;

  constructor(pod: AnsweringPod, call: InferenceCall, requestNumber: number, answer: ServerResponse) {
    this.#pod = pod;
    this.#call = call;
    this.#answer = answer;
    const hex = (part: number) => mixBits(mixBits(pod.seed, part), requestNumber).toString(16).padStart(8, "0");
    const id = `${call.kind === "chat" ? "chatcmpl" : "cmpl"}-${hex(1)}${hex(2)}`;
    this.#head = { id, created: Math.floor(Date.now() / 1000), model: pod.model };
    this.#drafts = [];
    this.#unfinished = call.prompts.length * call.n;
  }

  start(): void {
    const { engine } = this.#pod;
    if (this.#call.stream) {
      this.#answer.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
      this.#answer.flushHeaders();
    }
    engine.metrics.answersPerRequest.observe(this.#call.n);
    const salt = saltOf(this.#call.cacheSalt);
    for (const promptIds of this.#call.prompts) {
      const prompt = hashPrompt(promptIds, engine.options.blockTokens, salt);
      // Equal prompts get equal answers, on every pod of the same seed.
      const promptSeed = mixBits(this.#pod.seed, prompt.endFirst);
      for (let copy = 0; copy < this.#call.n; copy++) this.#submit(prompt, promptIds, mixBits(promptSeed, copy));
    }
    this.#answer.once("close", () => this.#abortRest());
  }

  /** The words' ids are the generated tokens, so the next turn's prompt finds their blocks. */
  #submit(prompt: ReturnType<typeof hashPrompt>, promptIds: readonly number[], wordSeed: number): void {
    const draft: Draft = {
      index: this.#drafts.length,
      promptIds,
      wordSeed,
      words: [],
      tokenIds: [],
      sequence: null,
    };
    this.#drafts.push(draft);
    const [shortest, longest] = this.#pod.answerTokens;
    const answerTokens = shortest + (mixBits(wordSeed, -1) % (longest - shortest + 1));
    draft.sequence = this.#pod.engine.submit({
      prompt,
      maxTokens: this.#call.maxTokens,
      ...(this.#call.ignoreEos ? {} : { answerTokens }),
      outputToken: (index) => pseudoWordToken(wordSeed, index),
      onToken: (sequence, index) => this.#addToken(draft, sequence, index),
    });
  }

  /** Also runs after a normal end, when there is nothing left to abort. */
  #abortRest(): void {
    for (const { sequence } of this.#drafts) if (sequence !== null) this.#pod.engine.abort(sequence);
  }

  /** Called at step ends: all that happens to a call from its first token to its last. */
  #addToken(draft: Draft, sequence: Sequence, index: number): void {
    const ended = index + 1 === sequence.outputTokens;
    draft.words.push(pseudoWord(draft.wordSeed, index));
    if (this.#call.returnTokenIds) draft.tokenIds.push(pseudoWordToken(draft.wordSeed, index));
    if (ended) this.#unfinished--;
    const finished = ended && this.#unfinished === 0;
    if (this.#call.stream) this.#writeToken(draft, sequence, index, finished);
    if (!finished) return;
    if (this.#call.stream) this.#endStream();
    else this.#writeWhole();
  }

  #writeToken(draft: Draft, sequence: Sequence, index: number, last: boolean): void {
    const { kind, includeUsage, continuousUsage, returnTokenIds } = this.#call;
    const chat = kind === "chat";
    const first = index === 0;
    const usageAt = (completionTokens: number): TokenUsage | null =>
      continuousUsage ? this.#usageOf(sequence, completionTokens) : null;
    const choice: Choice = {
      index: draft.index,
      text: draft.words[index] ?? "",
      finishReason: index + 1 === sequence.outputTokens ? sequence.finishReason : null,
      tokenIds: returnTokenIds ? draft.tokenIds.slice(index) : null,
      promptTokenIds: returnTokenIds && first ? draft.promptIds : null,
    };
    if (chat && first) {
      this.#answer.write(sseEvent(chatRoleChunk(this.#head, choice, { usage: usageAt(0), last: false })));
    }
    // With a usage chunk to come, that one carries the fingerprint.
    const extras: ChunkExtras = { usage: usageAt(index + 1), last: last && !includeUsage };
    const chunk = chat ? chatChunk(this.#head, choice, extras) : completionChunk(this.#head, choice, extras);
    this.#answer.write(sseEvent(chunk));
  }

  #endStream(): void {
    const chat = this.#call.kind === "chat";
    if (this.#call.includeUsage) this.#answer.write(sseEvent(usageChunk(this.#head, this.#usage(), chat)));
    this.#answer.end(sseDone);
  }

  /** With a content-length, as a real server sends it. */
  #writeWhole(): void {
    const withIds = this.#call.returnTokenIds;
    const choices = this.#drafts.map(
      (draft): Choice => ({
        index: draft.index,
        text: draft.words.join(""),
        finishReason: draft.sequence?.finishReason ?? null,
        tokenIds: withIds ? draft.tokenIds : null,
        promptTokenIds: withIds ? draft.promptIds : null,
      }),
    );
    const whole = this.#call.kind === "chat" ? chatAnswer : completionAnswer;
    const body = Buffer.from(JSON.stringify(whole(this.#head, choices, this.#usage())));
    this.#answer.writeHead(200, { "content-type": "application/json", "content-length": body.length });
    this.#answer.end(body);
  }

  #usageOf(sequence: Sequence, completionTokens: number): TokenUsage {
    const { tokens, blockTokens } = sequence.prompt;
    const cachedTokens = sequence.cachedTokens;
    const createdTokens = Math.floor(tokens / blockTokens) * blockTokens - cachedTokens;
    return { promptTokens: tokens, completionTokens, cachedTokens, createdTokens };
  }

  /** Tokens of all answers; each prompt counts once, and of several prompts the last one tells its cached tokens. */
  #usage(): TokenUsage {
    const sequences = this.#drafts.flatMap(({ sequence }) => (sequence === null ? [] : [sequence]));
    const last = sequences.at(-1);
    if (last === undefined) return { promptTokens: 0, completionTokens: 0, cachedTokens: 0, createdTokens: 0 };
    const completionTokens = sequences.reduce((sum, sequence) => sum + sequence.generated, 0);
    const promptTokens = this.#call.prompts.reduce((sum, prompt) => sum + prompt.length, 0);
    return { ...this.#usageOf(last, completionTokens), promptTokens };
  }
}

/** Equal salts give equal numbers, no salt gives 0. */
function saltOf(text: string): number {
  return tokenizeText(text).reduce((salt, token) => mixBits(salt, token), 0);
}
