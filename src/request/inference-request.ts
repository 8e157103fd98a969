/** The request as routing sees it: what the headers and the body said that bears on the pick. */

/** The kinds of JSON bodies that are read; src/request/apis.ts says of each where it is found and what is read of it. */
export type JsonApi =
  | "chat"
  | "completions"
  | "render"
  | "responses"
  | "messages"
  | "count-tokens"
  | "conversations"
  | "embeddings"
  | "classify"
  | "pooling"
  | "rerank"
  | "score"
  | "tokenize"
  | "detokenize"
  | "token-generate"
  | "generate"
  | "images"
  | "speech";

/** Bodies that are multipart forms, and those of gRPC; src/request/other-apis.ts says where they are found. */
export type FormApi = "transcriptions" | "translations" | "image-edits" | "image-variations";
export type GrpcApi = "grpc-generate" | "grpc-embed";

/** Which kind of body the path announces; "none" is a path or a method without a body pointsman can read. */
export type Api = JsonApi | FormApi | GrpcApi | "none";

/**
 * The prompt as byte ranges of the body, in the order the model reads them: a view that is valid until the next
 * request is parsed, so nobody keeps it. Range i covers bytes starts[i]..ends[i]-1, still JSON-escaped. marks[i] says
 * what it is (prompt-ranges.ts has the bits): whether it begins a new part, such as a message (equal text split into
 * other parts is another prefix), whether it is a string or any other value, and which field it comes from. Ranges that
 * are no text of the prompt but part caches from each other (a cache salt, an adapter) come first.
 */
export interface Prompt {
  readonly body: Uint8Array;
  readonly count: number;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly marks: Uint16Array;
}

export interface InferenceRequest {
  readonly api: Api;
  /** Served model name as the client wrote it; "" when unknown. */
  readonly model: string;
  /** The LoRA adapter where a field of its own names it, not the model; "" when none does. */
  readonly adapter: string;
  /** What the body says of the session it belongs to; "" when nothing. */
  readonly session: string;
  readonly stream: boolean;
  /** The client's cap on generated tokens; NaN when it set none. */
  readonly maxTokens: number;
  /** Bytes of prompt text; 0 when there is none to see. */
  readonly promptBytes: number;
  /** Null when there is none to see, and where serving the request leaves nothing of it in a cache. */
  readonly prompt: Prompt | null;
}

/** What is known of a request whose body is absent, unseen or of no known kind. */
export const bodylessRequest: InferenceRequest = Object.freeze({
  api: "none",
  model: "",
  adapter: "",
  session: "",
  stream: false,
  maxTokens: Number.NaN,
  promptBytes: 0,
  prompt: null,
});

/**
 * Bytes of a model's name as it is spelt: it ends up in logs and traces, and outlives the body. A longer session or
 * adapter counts as none.
 */
export const LONGEST_MODEL = 512;

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
