/** An answer in one JSON document: it is kept until it is whole, translated once, and sent with the end. */
import type { Usage } from "../response/usage.ts";
import type { AnswerTranslation, JsonObject } from "./translator.ts";

export interface TranslatedDocument {
  readonly body: JsonObject;
  readonly usage?: Usage | undefined;
}

/** No provider writes such an answer: the memory that one may take ends here. */
export const LONGEST_ANSWER = 64 * 1024 * 1024;

const nothing = Buffer.alloc(0);

export class CollectedAnswer implements AnswerTranslation {
  readonly contentType = "application/json";
  readonly #translate: (text: string | undefined) => TranslatedDocument;
  #pieces: Uint8Array[] = [];
  #length = 0;
  #usage: Usage | undefined;

  /** `translate` is given the whole text, or undefined where it is too long to be one. */
  constructor(translate: (text: string | undefined) => TranslatedDocument) {
    this.#translate = translate;
  }

  get usage(): Usage | undefined {
    return this.#usage;
  }

  push(bytes: Uint8Array): Buffer {
    this.#length += bytes.length;
    // The bytes are the network's own, which are used again.
    if (this.#length <= LONGEST_ANSWER) this.#pieces.push(Uint8Array.from(bytes));
    else this.#pieces = [];
    return nothing;
  }

  end(): Buffer {
    const text = this.#length > LONGEST_ANSWER ? undefined : Buffer.concat(this.#pieces).toString();
    this.#pieces = [];
    const { body, usage } = this.#translate(text);
    this.#usage = usage;
    return Buffer.from(JSON.stringify(body));
  }
}
