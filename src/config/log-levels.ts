/** The parts of the picker that the log tells apart, the levels each can have, and how both are written. */
import { nearestWord } from "../discovery/nearest-word.ts";
import type { OptionKind } from "./option-kinds.ts";

/** What each part says, for the documents. */
export const logComponents = {
  picker: "start, drain and end",
  config: "the config file and its changes",
  server: "listeners and refused connections",
  "ext-proc": "streams, picks and refusals; debug is a line per stream, trace one per message",
  routing: "scorers that fail",
  discovery: "sources of pods and the sets they tell",
  scrape: "the pods' metrics and models",
  pods: "pods that are set aside, and let in again",
  backends: "credentials that are read, and those that cannot be",
  tracing: "spans that cannot be sent",
} as const;

export type LogComponent = keyof typeof logComponents;
export const componentNames = Object.keys(logComponents) as LogComponent[];

/** By the Go picker's verbosity numbers. */
const byNumber = ["error", "warn", "info", "info", "debug", "trace"] as const;
export type LogLevel = (typeof byNumber)[number];
export const levelWords: readonly LogLevel[] = [...new Set(byNumber)];

export function levelOf(verbosity: number): LogLevel {
  return byNumber[verbosity] ?? "info";
}

/** A level by its word or its number; undefined for what is neither. */
export function parseLevel(text: string): LogLevel | undefined {
  const word = text.toLowerCase();
  if (word === "warning") return "warn";
  return /^\d$/.test(word) ? byNumber[Number(word)] : levelWords.find((level) => level === word);
}

export function isComponent(text: string): text is LogComponent {
  return Object.hasOwn(logComponents, text);
}

export type ComponentLevels = Readonly<Partial<Record<LogComponent, LogLevel>>>;

/** As in ext-proc=debug,scrape=5. */
export const componentLevels: OptionKind<ComponentLevels> = {
  expects: "component=level with commas, such as ext-proc=debug,scrape=trace",
  isList: true,
  schema: { type: ["string", "array"], items: { type: "string" } },
  parse: (text) => {
    const levels: Partial<Record<LogComponent, LogLevel>> = {};
    for (const part of text === "" ? [] : text.split(",")) {
      const [, name = "", word = ""] = /^\s*([a-z-]+)\s*=\s*(\w+)\s*$/.exec(part) ?? [];
      const level = parseLevel(word);
      if (!isComponent(name) || level === undefined) return undefined;
      levels[name] = level;
    }
    return levels;
  },
  show: (levels) =>
    Object.entries(levels)
      .map(([name, level]) => `${name}=${level}`)
      .join(",") || "none",
  // The first part that is wrong, mended, if it can be.
  meant: (text) => {
    const mended = text.split(",").map(mend);
    return mended.includes(undefined) ? undefined : mended.join(",");
  },
};

function mend(part: string): string | undefined {
  const [name = "", word = ""] = part.split("=").map((each) => each.trim());
  const component = nearestWord(name, componentNames);
  const level = parseLevel(word) ?? nearestWord(word, levelWords);
  return component === undefined || level === undefined ? undefined : `${component}=${level}`;
}
