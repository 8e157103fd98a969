/**
 * The contract of a translator: what a request in OpenAI's form becomes at one kind of provider, and how its answer
 * comes back. One file each, which names what of each field is carried, dropped or refused; the documents' table is
 * generated from it.
 */
import type { Api } from "../request/inference-request.ts";
import type { Usage } from "../response/usage.ts";
import type { OptionSpecs, Options } from "../scorer.ts";

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: JsonValue | undefined;
}

/** What the client asks for, as far as it is the same for every body. */
export interface Asked {
  /** As the client's path says it, query included. */
  readonly path: string;
  /** The model's name at the provider. */
  readonly model: string;
  /** As the client wrote it: what the answer's `model` says. */
  readonly askedModel: string;
  readonly streams: boolean;
  /** Does the client want a stream to tell its usage (`stream_options.include_usage`)? */
  readonly wantsUsage: boolean;
  /** Does the client want embeddings as base64 (`encoding_format`)? Its libraries do, where nobody says otherwise. */
  readonly wantsBase64: boolean;
}

/** The request for the provider; without a body the client's own goes on, with nothing changed but the model's name. */
export interface ProviderRequest {
  readonly path: string;
  readonly body?: JsonObject;
  /** Beside those of every request: content-type is set to JSON by itself where there is a body. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The beginning of a provider's answer. */
export interface AnswerHead {
  readonly status: number;
  readonly contentType: string;
  /** When it began, in Unix seconds: OpenAI's `created`. */
  readonly atSeconds: number;
  /** What the answer is called where the provider gives it no name of its own. */
  readonly id: string;
  /** Of the answer's headers the one of this lower-case name; "" where there is none. */
  header(name: string): string;
}

/** One answer on its way back: bytes come in as the network cut them, what goes out is in OpenAI's form. */
export interface AnswerTranslation {
  /** What the client's answer is: `application/json` or `text/event-stream`. */
  readonly contentType: string;
  /** The next bytes of the provider's; returns what can be sent on by now, which may be nothing. */
  push(bytes: Uint8Array): Buffer;
  /** The provider's answer is over; one that broke off ends in an error, never in a plain end. */
  end(): Buffer;
  /** What is known by now; undefined where the provider has told nothing. */
  readonly usage: Usage | undefined;
}

/** What becomes of one field of the client's request or of the provider's answer. */
export interface FieldRow {
  readonly field: string;
  readonly fate: "carried" | "dropped" | "refused";
  /** Where it goes, or why it is dropped or refused. */
  readonly as: string;
}

/** How one API of the client's is done at a provider. */
export interface ApiTranslation<O extends OptionSpecs = OptionSpecs> {
  /** Throws Untranslatable where the body asks for what the provider has no word for. */
  request(body: JsonObject, asked: Asked, options: Options<O>): ProviderRequest;
  /**
   * Absent where the answer is OpenAI's already. Also called for answers that are errors (status from 400 on). Undefined
   * for an answer that says by its beginning that it is none of the provider's, as a proxy's page does.
   */
  readonly answer?: (asked: Asked, head: AnswerHead) => AnswerTranslation | undefined;
  readonly requestFields: readonly FieldRow[];
  readonly answerFields: readonly FieldRow[];
}

/** An API whose body the provider understands as it stands: only path and model's name change, and nothing is parsed. */
export interface ApiPassage<O extends OptionSpecs = OptionSpecs> {
  path(asked: Asked, options: Options<O>): string;
  /**
   * Headers of the client's that go on, though other attempts may have to remove them: of this API nobody sets any, so
   * that what is there is the client's own.
   */
  readonly keeps?: readonly string[];
}

export interface Translator<O extends OptionSpecs = OptionSpecs> {
  /** Kebab-case: the file's name and the config key. */
  readonly name: string;
  /** One line for --help and the docs. */
  readonly help: string;
  readonly options: O;
  /** The host of a usual backend, where one maker serves this API: then the client's own host is none of theirs. */
  readonly usualHost?: string;
  /** What is wrong with a combination of options, by option; none where all is well. */
  check?(options: Options<O>): readonly { readonly option: string; readonly expects: string }[];
  /** Names of all headers that its requests may have, in lower case: what another backend's attempt has to remove. */
  readonly headerNames: readonly string[];
  /** By API of the client; what is absent is refused. */
  readonly translated: Readonly<Partial<Record<Api, ApiTranslation<O>>>>;
  readonly passed: Readonly<Partial<Record<Api, ApiPassage<O>>>>;
}

/** Keeps the types of `options` for the functions. */
export function defineTranslator<const O extends OptionSpecs>(translator: Translator<O>): Translator<O> {
  return translator;
}

/** The request is valid, but the provider has no word for it: 422, with the path of the field. */
export class Untranslatable extends Error {
  /** As OpenAI's errors name a member: `messages[2].content[0]`. */
  readonly param: string;

  /** `says` never contains anything of the request but names of fields. */
  constructor(param: string, says: string) {
    super(says);
    this.name = "Untranslatable";
    this.param = param;
  }
}
