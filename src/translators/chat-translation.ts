/**
 * Puts the answer of a provider's chat on its way: an error, a whole answer or a stream, by what its beginning says. What
 * is the provider's own is in the ChatReader that its translator gives.
 */

import type { Usage } from "../response/usage.ts";
import type { ChatPieces } from "./chat-answer.ts";
import { ChatStream } from "./chat-stream.ts";
import { parsedObject } from "./checked-json.ts";
import { CollectedAnswer } from "./collected-answer.ts";
import { brokenOff, documentFault, errorTranslation, isJsonType, unreadable } from "./error-answer.ts";
import { type EventSplitter, UnreadableEvents } from "./event-reader.ts";
import type { AnswerHead, AnswerTranslation, Asked, JsonObject } from "./translator.ts";
import { WholeChat } from "./whole-chat.ts";

/** How one provider writes the answers of a chat. */
export interface ChatReader<E> {
  /** Does this content type announce a stream of its events? */
  isStream(contentType: string): boolean;
  /** A new one for each stream. */
  splitter(): EventSplitter<E>;
  /** A new one for each stream: what it remembers from event to event. */
  stream(chat: StreamedPieces): StreamReading<E>;
  /** Tells the pieces of a whole answer; false where it is none. */
  whole(answer: JsonObject, chat: ChatPieces): boolean;
}

/** In a stream the provider also says where it ends. */
export interface StreamedPieces extends ChatPieces {
  complete(): void;
}

export interface StreamReading<E> {
  event(event: E): void;
  /** The bytes are over. Where the provider has no last event, this completes what has come to its end. */
  atEnd?(): void;
}

/** Translates the answer to one chat completion; undefined where it cannot be one by its content type. */
export function chatTranslation<E>(
  asked: Asked,
  head: AnswerHead,
  reader: ChatReader<E>,
): AnswerTranslation | undefined {
  if (head.status >= 400) return errorTranslation(head);
  const identity = { id: head.id, created: head.atSeconds, model: asked.askedModel };
  if (reader.isStream(head.contentType))
    return new StreamTranslation(new ChatStream(identity, asked.wantsUsage), reader);
  if (!isJsonType(head.contentType)) return undefined;
  return new CollectedAnswer((text) => {
    const chat = new WholeChat(identity);
    const answer = text === undefined ? undefined : parsedObject(text);
    if (answer === undefined || !reader.whole(answer, chat)) chat.fail(documentFault(text));
    return { body: chat.body(), usage: chat.toldUsage };
  });
}

class StreamTranslation<E> implements AnswerTranslation {
  readonly contentType = "text/event-stream";
  readonly #chat: ChatStream;
  readonly #splitter: EventSplitter<E>;
  readonly #reading: StreamReading<E>;

  constructor(chat: ChatStream, reader: ChatReader<E>) {
    this.#chat = chat;
    this.#splitter = reader.splitter();
    this.#reading = reader.stream(chat);
  }

  get usage(): Usage | undefined {
    return this.#chat.toldUsage;
  }

  push(bytes: Uint8Array): Buffer {
    try {
      for (const event of this.#splitter.push(bytes)) {
        if (!this.#chat.isOver) this.#reading.event(event);
      }
    } catch (error) {
      // A frame that is broken, or that has no end.
      if (!(error instanceof UnreadableEvents)) throw error;
      this.#chat.fail(unreadable);
    }
    return this.#chat.take();
  }

  end(): Buffer {
    if (!this.#chat.isOver) this.#reading.atEnd?.();
    this.#chat.fail(brokenOff);
    return this.#chat.take();
  }
}
