/** What a backend that speaks OpenAI's API answers to a chat, with as many tokens as a test wants. */
import { setTimeout as delay } from "node:timers/promises";
import type { Serve } from "./wired-backend.ts";

interface Chat {
  readonly model: string;
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
}

/** A completion that took so many, whole or as events, as the request wants it; usage of events only where it is asked for. */
export function completes(tokens = 30): Serve {
  return ({ body }, response) => {
    const { model, stream = false, stream_options: options } = JSON.parse(body.toString()) as Chat;
    const usage = { prompt_tokens: tokens - 2, completion_tokens: 2, total_tokens: tokens };
    const head = { id: "chatcmpl-1", created: 1, model };
    const message = { role: "assistant", content: "Hello.", refusal: null };
    const choice = { index: 0, finish_reason: "stop", logprobs: null };
    if (!stream) {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ ...head, object: "chat.completion", choices: [{ ...choice, message }], usage }));
      return;
    }
    const chunk = { ...head, object: "chat.completion.chunk" };
    const chunks = [
      { ...chunk, choices: [{ ...choice, finish_reason: null, delta: message }] },
      { ...chunk, choices: [{ ...choice, delta: {} }] },
      ...(options?.include_usage === true ? [{ ...chunk, choices: [], usage }] : []),
    ];
    const send = async () => {
      response.setHeader("content-type", "text/event-stream");
      for (const each of chunks) {
        response.write(`data: ${JSON.stringify(each)}\n\n`);
        // Each a piece of its own on the wire.
        await delay(2);
      }
      response.end("data: [DONE]\n\n");
    };
    send().catch(() => response.destroy());
  };
}
