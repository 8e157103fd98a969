/**
 * Takes the event of a stream out that tells nothing but the usage: the backend was asked for it, the client has not, and
 * many clients expect a choice in every event. All other bytes stay as they are; at most one event is held back.
 */

/** More than this no event that tells usage takes: what is longer goes on as it comes. */
const LONGEST_EVENT = 64 * 1024;
const NOTHING = Buffer.alloc(0);
const LF = 0x0a;
const CR = 0x0d;

export class UsageHider {
  /** The beginning of an event. */
  #held: Buffer = NOTHING;
  /** Is the present event so long that its beginning has gone on already? */
  #passes = false;

  /** What can go on by now. */
  write(chunk: Buffer): readonly Buffer[] {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const pieces: Buffer[] = [];
    let from = 0;
    let end = eventEnd(bytes, from);
    while (end !== -1) {
      const event = bytes.subarray(from, end);
      if (this.#passes || !tellsOnlyUsage(event)) pieces.push(event);
      this.#passes = false;
      from = end;
      end = eventEnd(bytes, from);
    }
    const rest = bytes.subarray(from);
    this.#passes ||= rest.length > LONGEST_EVENT;
    if (this.#passes) pieces.push(rest);
    // A copy: the chunk is a view on the message it came in.
    this.#held = this.#passes || rest.length === 0 ? NOTHING : Buffer.from(rest);
    return pieces;
  }

  end(): readonly Buffer[] {
    const held = this.#held;
    this.#held = NOTHING;
    return held.length === 0 ? [] : [held];
  }
}

/** Behind the empty line that ends an event; -1 where none has come. Line ends are LF, CR or both. */
function eventEnd(bytes: Buffer, from: number): number {
  let isEmptyLine = false;
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte !== LF && byte !== CR) {
      isEmptyLine = false;
      continue;
    }
    const isPair = byte === CR && bytes[at + 1] === LF;
    if (isPair) at++;
    if (isEmptyLine) return at + 1;
    isEmptyLine = true;
  }
  return -1;
}

function tellsOnlyUsage(event: Buffer): boolean {
  if (event.length > LONGEST_EVENT || !event.includes('"usage"')) return false;
  const text = event.toString();
  if (!/"choices"\s*:\s*\[\s*\]/.test(text)) return false;
  const data = [...text.matchAll(/^data: ?(.*)$/gm)].map(([, line]) => line).join("\n");
  try {
    const { choices, usage } = JSON.parse(data) as { choices?: unknown; usage?: unknown };
    return Array.isArray(choices) && choices.length === 0 && typeof usage === "object" && usage !== null;
  } catch {
    return false;
  }
}
