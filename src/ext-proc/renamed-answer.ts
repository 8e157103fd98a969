/** The body of an answer to a renamed request: goes on with the client's name for the model, in every mode that shows it. */
import { type AnswerForm, formOf } from "../response/answer-form.ts";
import { AnswerNames, type NameBack } from "../rewrite/answer-names.ts";
import type { Answer } from "./answer.ts";
import type { BodyMode } from "./body-mode.ts";
import type { StreamMessage } from "./decode-message.ts";
import { setHeader } from "./encode-reply.ts";
import { headerValue } from "./header-map.ts";
import { passBody, passChanged } from "./pass-body.ts";
import type { StreamPort } from "./stream-host.ts";
import { field } from "./wire.ts";

const CONTENT_TYPE = Buffer.from("content-type");
const CONTENT_ENCODING = Buffer.from("content-encoding");
const CONTENT_LENGTH = Buffer.from("content-length");

export class RenamedAnswer {
  readonly #port: StreamPort;
  readonly #names: AnswerNames;
  readonly #hasLength: boolean;

  constructor(port: StreamPort, names: AnswerNames, hasLength: boolean) {
    this.#port = port;
    this.#names = names;
    this.#hasLength = hasLength;
  }

  get replaced(): boolean {
    return this.#names.replaced;
  }

  pass(mode: BodyMode, body: Buffer, end: boolean): void {
    // A buffered body comes in one piece, whole or cut: nothing of it can follow later.
    const isBuffered = mode === "buffered" || mode === "buffered_partial";
    const pieces = this.#names.write(body);
    const all = end || isBuffered ? [...pieces, ...this.#names.end()] : pieces;
    const [only] = all;
    if (all.length === 1 && only === body) passBody(this.#port, "responseBody", mode, body, end);
    else if (all.length === 0 && body.length === 0) passBody(this.#port, "responseBody", mode, body, end);
    else this.#passChanged(mode, Buffer.concat(all), end);
  }

  /** The answer ends in trailers: what is held goes out first. Only duplex has a reply to put it in. */
  finish(mode: BodyMode): void {
    const held = this.#names.end();
    if (mode === "duplex") for (const piece of held) passBody(this.#port, "responseBody", mode, piece, false);
  }

  /** Of a buffered body Envoy compares the length with what the headers say; in all other modes it takes that out. */
  #passChanged(mode: BodyMode, body: Buffer, end: boolean): void {
    const length = mode === "buffered" && this.#hasLength;
    const mutation = length ? field(2, setHeader("content-length", String(body.length))) : undefined;
    passChanged(this.#port, "responseBody", mode, body, end, mutation);
  }
}

/** Why the client's name is not put back, where it should be and cannot. */
export type NotBack = Exclude<NameBack, "restored" | "absent">;

/** Is the model in this request's answer to get back its name? */
export function isRenamed({ rewrite, model }: Answer): boolean {
  return model !== "" && (rewrite?.outcome === "written" || rewrite?.outcome === "routed");
}

/** By the answer's headers; undefined where nothing was renamed. */
export function renamedAnswer(
  port: StreamPort,
  answer: Answer,
  message: StreamMessage,
  mode: BodyMode | undefined,
): RenamedAnswer | NotBack | undefined {
  const { rewrite, model } = answer;
  if (rewrite === undefined || !isRenamed(answer)) return undefined;
  if (mode === "none") return "hidden";
  const form = formOf(headerValue(message, CONTENT_TYPE), headerValue(message, CONTENT_ENCODING));
  if (!isReadable(form)) return form === "encoded" ? form : "other_form";
  const names = new AnswerNames(rewrite.target, model, form);
  return new RenamedAnswer(port, names, headerValue(message, CONTENT_LENGTH) !== "");
}

function isReadable(form: ReturnType<typeof formOf>): form is AnswerForm {
  return form === "json" || form === "events";
}
