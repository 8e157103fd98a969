/**
 * Warnings that come by the thousand: a line is said once, what repeats it within a window is counted, and at the end
 * of the window one more line tells how many there were. Of lines that are not quite the same, such as one per pod,
 * some are said; memory is bounded by the two limits below.
 */

export const WINDOW_MS = 10_000;
/** Different lines with one message that are said in a window. */
const LINES_PER_MESSAGE = 20;
/** Messages that are told apart; the code has fewer. */
const MOST_MESSAGES = 200;
const LONGEST_KEY = 4_000;

/** Of what there were more: of one line, of lines with one message that differ, or of messages. */
export type MoreOf = "line" | "message" | "messages";

/** Writes the line, with how many more there were since it was written last. */
export type Say = (more: number, of: MoreOf) => void;

interface Line {
  more: number;
  /** Of the last occurrence. */
  say: Say;
}

interface Group {
  readonly lines: Map<string, Line>;
  /** What came when enough different lines were said. */
  readonly others: Line;
  endsAtMs: number;
}

export interface RepeatsParts {
  readonly now: () => number;
  /** Runs `run` once after `ms`; must not keep the process alive. */
  readonly later: (run: () => void, ms: number) => void;
}

const silence: Say = () => {};

export class Repeats {
  readonly #parts: RepeatsParts;
  readonly #groups = new Map<string, Group>();
  #isTimed = false;

  constructor(parts: RepeatsParts) {
    this.#parts = parts;
  }

  /** `line` is all that tells one line from another with the same message. */
  do(message: string, line: string, say: Say): void {
    const isFull = this.#groups.size >= MOST_MESSAGES && !this.#groups.has(message);
    const group = this.#groupOf(isFull ? "" : message);
    const key = (isFull ? `${message} ${line}` : line).slice(0, LONGEST_KEY);
    const known = group.lines.get(key);
    if (known !== undefined) {
      known.more++;
      known.say = say;
    } else if (group.lines.size < LINES_PER_MESSAGE) {
      group.lines.set(key, { more: 0, say });
      say(0, "line");
    } else {
      group.others.more++;
      group.others.say = say;
    }
  }

  /** Tells all that was counted, whether its window is over or not. */
  flush(): void {
    for (const message of [...this.#groups.keys()]) this.#close(message);
  }

  /** Lines that are kept, for the limit on memory. */
  get size(): number {
    let lines = 0;
    for (const group of this.#groups.values()) lines += group.lines.size;
    return lines;
  }

  #groupOf(message: string): Group {
    const known = this.#groups.get(message);
    if (known !== undefined) return known;
    const endsAtMs = this.#parts.now() + WINDOW_MS;
    const group: Group = { lines: new Map(), others: { more: 0, say: silence }, endsAtMs };
    this.#groups.set(message, group);
    this.#arm(WINDOW_MS);
    return group;
  }

  #arm(ms: number): void {
    if (this.#isTimed) return;
    this.#isTimed = true;
    this.#parts.later(() => {
      this.#isTimed = false;
      this.#sweep();
    }, ms);
  }

  #sweep(): void {
    const now = this.#parts.now();
    for (const [message, { endsAtMs }] of [...this.#groups]) if (endsAtMs <= now) this.#close(message);
    const ends = [...this.#groups.values()].map(({ endsAtMs }) => endsAtMs);
    if (ends.length > 0) this.#arm(Math.max(Math.min(...ends) - now, 1));
  }

  /** What was repeated stays for another window, so that a storm costs a line each; the rest is forgotten. */
  #close(message: string): void {
    const group = this.#groups.get(message);
    if (group === undefined) return;
    for (const [key, line] of [...group.lines]) {
      if (line.more === 0) group.lines.delete(key);
      else tell(line, "line");
    }
    // Those were not quite like the last of them: what that one says would be laid on all.
    if (group.others.more > 0) tell(group.others, message === "" ? "messages" : "message");
    group.endsAtMs = this.#parts.now() + WINDOW_MS;
    if (group.lines.size === 0) this.#groups.delete(message);
  }
}

function tell(line: Line, of: MoreOf): void {
  const { more } = line;
  line.more = 0;
  line.say(more, of);
}
