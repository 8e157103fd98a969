/** What an attempt is made of, and what becomes of it before it gets its headers. */
import type { ErrorCode } from "../errors.ts";
import type { ApiTranslation, Asked } from "../translators/translator.ts";
import type { Backend } from "./backend.ts";

/** The client's request, as far as an attempt can know it. */
export interface AttemptRequest {
  readonly method: string;
  /** As the client wrote it, query included. */
  readonly path: string;
  /** As the client wrote it; "" where it is not known. */
  readonly host: string;
  /** As they came to this attempt, by lower-case name, without those of HTTP/2. */
  readonly headers: Readonly<Record<string, string>>;
  /** The client's own; "" where it is not known. */
  readonly authorization: string;
  /** What the body that goes on is still in; "" for plain. */
  readonly contentEncoding: string;
  /** Whole and plain; undefined where the filter shows none. */
  readonly body: Buffer | undefined;
  /** Has the body a length that is told? */
  readonly statesLength: boolean;
  /** The model where no body says it; "" when unknown. */
  readonly model: string;
}

export interface AttemptRefusal {
  readonly code: ErrorCode;
  readonly param?: string;
  /** In words of ours, instead of the code's own. */
  readonly says?: string;
}

/** Path and body as the provider wants them. */
export interface Outgoing {
  readonly asked: Asked;
  readonly path: string;
  readonly body: readonly Buffer[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly answer?: ApiTranslation["answer"];
  readonly hidesUsage?: boolean;
}

/** The model's name there. */
export function nameAt({ models, model }: Backend, asked: string): string {
  return models.get(asked) ?? (model || asked);
}
