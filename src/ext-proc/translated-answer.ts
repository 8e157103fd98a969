/** An answer that a translator brings into OpenAI's form; where the translator itself fails, the client is told so. */
import type { Usage } from "../response/usage.ts";
import { errorBody, errorEvent, unreadable } from "../translators/error-answer.ts";
import type { AnswerTranslation } from "../translators/translator.ts";

const nothing: readonly Buffer[] = [];
const JSON_TYPE = "application/json";

export class TranslatedAnswer {
  readonly contentType: string;
  /** Is there nothing to translate by? Then an error is said instead. */
  readonly isHopeless: boolean;
  readonly #fault: (error: unknown) => void;
  /** Undefined once it has failed. */
  #translation: AnswerTranslation | undefined;
  /** What is still to be said. */
  #rest: readonly Buffer[] = nothing;
  #usage: Usage | undefined;

  /** `open` is undefined for an answer that cannot be read. */
  constructor(open: (() => AnswerTranslation | undefined) | undefined, fault: (error: unknown) => void) {
    this.#fault = fault;
    this.#translation = open === undefined ? undefined : this.#tried(open);
    this.contentType = this.#translation?.contentType ?? JSON_TYPE;
    this.isHopeless = this.#translation === undefined;
    if (!this.isHopeless) return;
    this.#rest = [Buffer.from(JSON.stringify(errorBody(unreadable)))];
  }

  get usage(): Usage | undefined {
    return this.#translation?.usage ?? this.#usage;
  }

  write(bytes: Buffer): readonly Buffer[] {
    return this.#said(() => this.#translation?.push(bytes));
  }

  end(): readonly Buffer[] {
    const last = this.#said(() => this.#translation?.end());
    const rest = this.#rest;
    this.#rest = nothing;
    return [...last, ...rest];
  }

  #said(say: () => Buffer | undefined): readonly Buffer[] {
    const wasOpen = this.#translation !== undefined;
    const bytes = this.#tried(say);
    if (bytes !== undefined) return bytes.length === 0 ? nothing : [bytes];
    if (!wasOpen) return nothing;
    this.#usage = this.#translation?.usage;
    this.#translation = undefined;
    // The status is out already. In a stream no [DONE] follows, so that nobody takes it for whole.
    const isStream = this.contentType !== JSON_TYPE;
    this.#rest = [Buffer.from(isStream ? errorEvent(unreadable) : JSON.stringify(errorBody(unreadable)))];
    return nothing;
  }

  #tried<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#fault(error);
      return undefined;
    }
  }
}
