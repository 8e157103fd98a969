/** Backends of a few lines for tests: one that passes bodies as they are, one with a form of its own, keys in headers. */
import type { Backend } from "../../src/backends/backend.ts";
import { BackendBook } from "../../src/backends/backend-book.ts";
import { type Credential, CredentialMissing, type OutgoingRequest } from "../../src/credentials/credential.ts";
import { type Usage, unknownUsage } from "../../src/response/usage.ts";
import {
  type AnswerHead,
  type AnswerTranslation,
  type Asked,
  defineTranslator,
  type JsonObject,
  Untranslatable,
} from "../../src/translators/translator.ts";

/** The body stays; the path of a chat names the model, as Azure has it. */
export const passing = defineTranslator({
  name: "passing",
  help: "for tests",
  options: { version: { default: "1", help: "of the path" } },
  headerNames: [],
  translated: {},
  passed: {
    chat: { path: ({ model, path }, { version }) => (model === "" ? path : `/as/${model}/chat?v=${version}`) },
    completions: { path: ({ path }) => path },
    transcriptions: { path: ({ path }) => path },
  },
});

/** `{say: {model, text}}`, and back `{said: text, tokens: n}`, or such a line for each event. */
export const saying = defineTranslator({
  name: "saying",
  help: "for tests",
  options: {},
  headerNames: ["x-say-version"],
  translated: {
    chat: {
      request: (body: JsonObject, asked: Asked) => {
        if (body["no_word"] !== undefined) throw new Untranslatable("no_word", "There is no word for it.");
        if (body["stray"] !== undefined) return { path: "/say", body: {}, headers: { "x-stray": "1" } };
        const told = { model: asked.model, of: body["messages"] };
        return { path: asked.streams ? "/say/stream" : "/say", body: { say: told }, headers: { "x-say-version": "7" } };
      },
      answer: (asked, head) => (head.contentType === "text/html" ? undefined : new SaidAnswer(asked, head)),
      requestFields: [],
      answerFields: [],
    },
  },
  passed: {},
});

class SaidAnswer implements AnswerTranslation {
  readonly contentType: string;
  readonly #asked: Asked;
  readonly #head: AnswerHead;
  #text = "";
  usage: Usage | undefined;

  constructor(asked: Asked, head: AnswerHead) {
    if (head.contentType === "broken/at-once") throw new Error("broken by the test");
    this.#asked = asked;
    this.#head = head;
    this.contentType = asked.streams && head.status < 400 ? "text/event-stream" : "application/json";
  }

  push(bytes: Uint8Array): Buffer {
    const text = Buffer.from(bytes).toString();
    if (text.includes("broken")) throw new Error("broken by the test");
    this.#text += text;
    return Buffer.from(this.contentType === "application/json" ? "" : `data: ${text}\n\n`);
  }

  end(): Buffer {
    this.usage = { ...unknownUsage, promptTokens: 3, completionTokens: 4 };
    if (this.contentType !== "application/json") return Buffer.from("data: [DONE]\n\n");
    const { status } = this.#head;
    return Buffer.from(JSON.stringify({ model: this.#asked.askedModel, status, said: this.#text }));
  }
}

/** `headerNames` beyond the one it sets are those that it might. */
export class HeaderKey implements Credential {
  readonly headerNames: readonly string[];
  readonly signsBody: boolean;
  readonly asked: OutgoingRequest[] = [];
  value: string | undefined;
  closed = 0;
  readonly #name: string;

  constructor(name: string, value: string | undefined, { signsBody = false, more = [] as readonly string[] } = {}) {
    this.headerNames = [name, ...more];
    this.signsBody = signsBody;
    this.value = value;
    this.#name = name;
  }

  headersFor(request: OutgoingRequest): Record<string, string> {
    this.asked.push(request);
    if (this.value === undefined) throw new CredentialMissing("no key");
    return { [this.#name]: this.value };
  }

  close(): void {
    this.closed++;
  }
}

export function backendOf(name: string, more: Partial<Backend> = {}): Backend {
  return {
    name,
    translator: passing,
    options: { version: "1" },
    models: new Map(),
    model: "",
    host: "",
    pathPrefix: "",
    setHeaders: [],
    removeHeaders: [],
    credential: new HeaderKey("authorization", `Bearer key-of-${name}`),
    keepsAuthorization: false,
    asksForUsage: false,
    ...more,
  };
}

export function bookOf(...backends: readonly Backend[]): BackendBook {
  return new BackendBook(backends, ["x-ai-eg-model", "x-gateway-destination-endpoint"]);
}
