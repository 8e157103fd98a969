/** The request as routing sees it: what the headers and the body said that bears on the pick. */

/** Which kind of body the path announces; "none" is a path or a method without a body pointsman can read. */
export type Api = "chat" | "completions" | "none";

/**
 * The prompt as byte ranges of the body, in the order the model reads them: a view that is valid until the next
 * request is parsed, so nobody keeps it. Range i covers bytes starts[i]..ends[i]-1, still JSON-escaped. A range with
 * marks[i] = 1 begins a new part (a message): equal text split into other parts is another prefix. marks[i] = 2 is no
 * text of the prompt but parts caches from each other (the client's cache_salt); it comes first.
 */
export interface Prompt {
  readonly body: Uint8Array;
  readonly count: number;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly marks: Uint8Array;
}

export interface InferenceRequest {
  readonly api: Api;
  /** Served model name as the client wrote it; "" when unknown. */
  readonly model: string;
  readonly stream: boolean;
  /** The client's cap on generated tokens; NaN when it set none. */
  readonly maxTokens: number;
  /** Bytes of prompt text; 0 when there is none to see. */
  readonly promptBytes: number;
  readonly prompt: Prompt | null;
}

/** What is known of a request whose body is absent, unseen or of no known kind. */
export const bodylessRequest: InferenceRequest = Object.freeze({
  api: "none",
  model: "",
  stream: false,
  maxTokens: Number.NaN,
  promptBytes: 0,
  prompt: null,
});

/** Bytes of a model's name as it is spelt: it ends up in logs and traces, and outlives the body. */
export const LONGEST_MODEL = 512;

/** The longest suffix decides, so that prefixes such as /team/model/v1/chat/completions are normal; the query is not read. */
export function apiOfPath(path: string): Api {
  const query = path.indexOf("?");
  const end = query === -1 ? path.length : query;
  if (path.endsWith("/v1/chat/completions", end)) return "chat";
  if (path.endsWith("/v1/completions", end)) return "completions";
  return "none";
}

/** Does the path ask for the list of models? */
export function listsModels(path: string): boolean {
  const query = path.indexOf("?");
  return path.endsWith("/v1/models", query === -1 ? path.length : query);
}

const MODEL_PATH = "/v1/models/";

/** The model that the path asks about, as in GET /v1/models/{id}; "" where it names none. */
export function modelOfPath(path: string): string {
  const query = path.indexOf("?");
  const end = query === -1 ? path.length : query;
  const at = path.lastIndexOf(MODEL_PATH, end - MODEL_PATH.length);
  if (at === -1) return "";
  const model = unescaped(path.slice(at + MODEL_PATH.length, end));
  return Buffer.byteLength(model) > LONGEST_MODEL ? "" : model;
}

/** Ids hold slashes, which clients spell either way. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
