/** How an answer's body is written, by its headers: what tells whether its usage can be read. */

export type AnswerForm = "json" | "events";

/** Why an answer told no usage: the label of a metric. */
export const unreadReasons = {
  encoded: "compressed, which is left alone",
  other_form: "neither JSON nor an event stream, or its headers were not shown",
  absent: "it tells none: in streams of chat and completions only who asks for it gets it",
  cut: "it ended before it told any",
} as const;

export type Unread = keyof typeof unreadReasons;

/** `contentType` and `contentEncoding` as the headers have them, "" where absent. */
export function formOf(contentType: string, contentEncoding: string): AnswerForm | Unread {
  if (contentEncoding !== "" && contentEncoding.toLowerCase() !== "identity") return "encoded";
  if (isEventStream(contentType)) return "events";
  return /^application\/(\w[\w.-]*\+)?json\b/i.test(contentType) ? "json" : "other_form";
}

export function isEventStream(contentType: string): boolean {
  return /^text\/event-stream\b/i.test(contentType);
}
