/**
 * Server-sent events from bytes, cut wherever the network cut them. Lines end with LF, CR or both; the lines of data of
 * one event are joined by LF, and an empty line ends it. An event that the end cuts off is none, as the standard has it.
 */

export interface ServerEvent {
  /** What the field `event` says; "" where there is none. */
  readonly event: string;
  readonly data: string;
}

/** Makes events of bytes: of this kind or another, such as Amazon's frames. */
export interface EventSplitter<E> {
  /** The events that these bytes bring to their end. Throws UnreadableEvents behind the last that could be read. */
  push(bytes: Uint8Array): Iterable<E>;
}

/** What comes is none of the events that were announced. */
export class UnreadableEvents extends Error {}

/** No provider writes such an event: the memory that one answer may take ends here. */
export const LONGEST_EVENT = 16 * 1024 * 1024;

export class EventTooLong extends UnreadableEvents {
  override readonly name = "EventTooLong";
}

export class EventReader implements EventSplitter<ServerEvent> {
  /** Holds back the bytes of a character that is not complete. */
  readonly #decoder = new TextDecoder();
  #line = "";
  #afterCr = false;
  #event = "";
  #data: string[] = [];
  #dataLength = 0;

  push(bytes: Uint8Array): ServerEvent[] {
    const text = this.#decoder.decode(bytes, { stream: true });
    const events: ServerEvent[] = [];
    // The LF that follows a CR may be in the next piece.
    let at = this.#afterCr && text.startsWith("\n") ? 1 : 0;
    if (text !== "") this.#afterCr = false;
    for (let end = lineEndIn(text, at); end !== -1; end = lineEndIn(text, at)) {
      const event = this.#endLine(this.#line + text.slice(at, end));
      if (event !== undefined) events.push(event);
      this.#line = "";
      const isCr = text[end] === "\r";
      this.#afterCr = isCr && end + 1 === text.length;
      at = end + (isCr && text[end + 1] === "\n" ? 2 : 1);
    }
    this.#line += text.slice(at);
    if (this.#line.length + this.#dataLength > LONGEST_EVENT) throw new EventTooLong();
    return events;
  }

  #endLine(line: string): ServerEvent | undefined {
    if (line === "") return this.#endEvent();
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "event") this.#event = value;
    else if (name === "data") {
      this.#data.push(value);
      this.#dataLength += value.length + 1;
    }
    return undefined;
  }

  #endEvent(): ServerEvent | undefined {
    const [event, data] = [this.#event, this.#data];
    this.#event = "";
    this.#data = [];
    this.#dataLength = 0;
    return data.length === 0 ? undefined : { event, data: data.join("\n") };
  }
}

function lineEndIn(text: string, from: number): number {
  const lf = text.indexOf("\n", from);
  const cr = text.lastIndexOf("\r", lf === -1 ? text.length : lf) < from ? -1 : text.indexOf("\r", from);
  if (cr === -1) return lf;
  return lf === -1 ? cr : Math.min(lf, cr);
}
