/** The latest warnings and errors of the log, for those who have no log at hand: equal sentences are one line with a count. */

export interface SaidLine {
  /** When it was said last. */
  readonly at: string;
  readonly level: "warning" | "error";
  readonly text: string;
  /** What it was about, such as "pod vllm-2". */
  readonly about: string;
  readonly count: number;
}

const KEPT = 20;
const SHOWN_CHARS = 200;
const WARN = 40;
const ERROR = 50;
/** Fields of a log line that help to find the place; nothing else of a line is kept. */
const shownFields = [
  "pod",
  "pool",
  "source",
  "scorer",
  "outcome",
  "detail",
  "problem",
  "why",
  "mode",
  "where",
] as const;

export class SaidLately {
  /** Oldest first. */
  readonly #lines = new Map<string, SaidLine>();

  /** A listener for the log. */
  readonly note = (level: number, fields: unknown, message: string): void => {
    if (level < WARN) return;
    const about = aboutOf(fields);
    const key = `${message}\n${about}`;
    const count = (this.#lines.get(key)?.count ?? 0) + 1;
    this.#lines.delete(key);
    const word = level >= ERROR ? "error" : "warning";
    this.#lines.set(key, { at: new Date().toISOString(), level: word, text: cut(message), about, count });
    if (this.#lines.size <= KEPT) return;
    const [oldest] = this.#lines.keys();
    if (oldest !== undefined) this.#lines.delete(oldest);
  };

  /** Newest first. */
  latest(): SaidLine[] {
    return [...this.#lines.values()].reverse();
  }
}

function aboutOf(fields: unknown): string {
  if (typeof fields !== "object" || fields === null) return "";
  const known = fields as Readonly<Record<string, unknown>>;
  const words = shownFields.flatMap((name) => {
    const value = known[name];
    return typeof value === "string" && value !== "" ? [`${name} ${value}`] : [];
  });
  return cut(words.join(", "));
}

function cut(text: string): string {
  return text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS)}...`;
}
