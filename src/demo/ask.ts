/** One streamed chat request through Envoy, and what the client sees of it: first token, usage, text, the pod that answered. */
import { type Agent, type IncomingMessage, request } from "node:http";

export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export interface Target {
  readonly port: number;
  readonly model: string;
  /** Keeps connections open, as a gateway's clients do. */
  readonly agent: Agent;
}

export interface Answer {
  /** Undefined where the whole answer came; else what went wrong, in a few words. */
  readonly fault: string | undefined;
  /** Name of the pod, from its header; undefined where no pod answered. */
  readonly pod: string | undefined;
  /** Milliseconds from the request to the first piece of text; NaN without any. */
  readonly ttftMs: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly text: string;
}

/** Longer than any answer takes, shorter than a user's patience with a demo that hangs. */
const silenceLimitMs = 60_000;

/** Never rejects: a failed request is an answer with a fault. */
export function ask(target: Target, messages: readonly Message[], signal: AbortSignal): Promise<Answer> {
  const body = JSON.stringify({
    model: target.model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  const reading = new AnswerInProgress();
  return new Promise((resolve) => {
    const end = (fault?: string) => resolve(reading.answer(fault));
    const call = request(
      {
        ...{ host: "127.0.0.1", port: target.port, path: "/v1/chat/completions", method: "POST" },
        ...{ agent: target.agent, signal, timeout: silenceLimitMs },
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
      },
      (response) => {
        reading.read(response);
        response.once("end", () => end());
        response.once("error", (error) => end(error.message));
      },
    );
    call.once("timeout", () => call.destroy(new Error(`silent for ${silenceLimitMs / 1000} s`)));
    call.once("error", (error) => end(error.message));
    call.end(body);
  });
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string } }[];
  readonly usage?: {
    readonly prompt_tokens?: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number };
  };
}

class AnswerInProgress {
  readonly #startedMs = performance.now();
  #status = 0;
  #pod: string | undefined;
  #ttftMs = Number.NaN;
  #usage: Chunk["usage"];
  #text = "";
  #done = false;
  /** The piece of a line that the last chunk ended with. */
  #rest = "";

  read(response: IncomingMessage): void {
    this.#status = response.statusCode ?? 0;
    const { "x-fake-pod": pod } = response.headers;
    this.#pod = typeof pod === "string" ? pod : undefined;
    response.setEncoding("utf8");
    response.on("data", (text: string) => this.#takeText(text));
  }

  answer(fault: string | undefined): Answer {
    return {
      fault: fault ?? this.#fault(),
      pod: this.#pod,
      ttftMs: this.#ttftMs,
      promptTokens: this.#usage?.prompt_tokens ?? 0,
      cachedTokens: this.#usage?.prompt_tokens_details?.cached_tokens ?? 0,
      text: this.#text,
    };
  }

  #fault(): string | undefined {
    if (this.#status !== 200) return `HTTP ${this.#status}${this.#rest === "" ? "" : `: ${this.#rest.slice(0, 120)}`}`;
    return this.#done ? undefined : "the answer broke off";
  }

  #takeText(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("data: ")) this.#takeEvent(line.slice("data: ".length));
  }

  #takeEvent(json: string): void {
    if (json === "[DONE]") {
      this.#done = true;
      return;
    }
    const { choices, usage } = JSON.parse(json) as Chunk;
    this.#usage = usage ?? this.#usage;
    const piece = choices?.[0]?.delta?.content ?? "";
    if (piece !== "" && this.#text === "") this.#ttftMs = performance.now() - this.#startedMs;
    this.#text += piece;
  }
}
