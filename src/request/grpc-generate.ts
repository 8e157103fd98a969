/**
 * The body of a gRPC Generate or Embed call to vLLM (and to routers that speak its protocol) -> what routing reads of
 * it. Field numbers are those of the public vllm.grpc.engine.VllmEngine, with what later versions of it added for
 * images; it names neither a model nor an adapter.
 */
import { GrpcPrompt } from "./grpc-generate-prompt.ts";
import { BYTES, FieldBudget, FieldReader, MAX_FIELDS, readFrame, VARINT } from "./grpc-generate-wire.ts";
import type { GrpcApi, Prompt } from "./inference-request.ts";

export interface GrpcRequest {
  readonly stream: boolean;
  /** The client's cap on generated tokens; NaN when it set none. */
  readonly maxTokens: number;
  /** Bytes of the prompt as it stands in the message; 0 when there is none. */
  readonly promptBytes: number;
  /**
   * Valid until the next call. Its ranges are plain UTF-8 or varints. In a cut message the images, which come behind
   * the prompt, may be unseen.
   */
  readonly prompt: Prompt | null;
}

export interface GrpcUnread {
  readonly unread: "grpc_compressed" | "grpc_broken";
}

const compressed: GrpcUnread = Object.freeze({ unread: "grpc_compressed" });
const broken: GrpcUnread = Object.freeze({ unread: "grpc_broken" });

/** GenerateRequest; EmbedRequest has of these only `tokenized`. */
const requestField = { tokenized: 2, text: 3, sampling: 4, stream: 5, images: 7, imageLinks: 10, moreImages: 11 };
/** SamplingParams. */
const samplingField = { maxTokens: 8 };
const MAX_UINT32 = 0xffffffff;

// One body is read at a time; all of this is scratch that readGrpcRequest resets.
const budget = new FieldBudget();
const fields = new FieldReader(budget);
const samplingFields = new FieldReader(budget);
const prompt = new GrpcPrompt(budget);
let stream = false;
let maxTokens = Number.NaN;

/**
 * `cut` says that the body is only the head of the message: then what was seen counts. The same holds of one with more
 * fields than are read.
 */
export function readGrpcRequest(api: GrpcApi, body: Buffer, cut: boolean): GrpcRequest | GrpcUnread {
  const frame = readFrame(body, cut);
  if (frame === "compressed") return compressed;
  if (frame === "malformed") return broken;
  stream = false;
  maxTokens = Number.NaN;
  budget.left = MAX_FIELDS;
  prompt.open(body, frame.cut);
  fields.open(body, frame.start, frame.end, frame.cut);
  while (fields.next()) {
    if (fields.is(requestField.tokenized, BYTES)) prompt.addTokens(fields);
    else if (api === "grpc-generate") noteField(body, frame.cut);
  }
  fields.close();
  if ((fields.failed || !prompt.sound) && !frame.cut) return broken;
  prompt.finish();
  const promptBytes = prompt.ranges.bytes();
  return { stream, maxTokens, promptBytes, prompt: promptBytes > 0 ? prompt.ranges : null };
}

function noteField(body: Uint8Array, cut: boolean): void {
  if (fields.is(requestField.text, BYTES)) prompt.addText(fields);
  else if (fields.is(requestField.sampling, BYTES)) readSampling(body, cut);
  else if (fields.is(requestField.stream, VARINT)) stream = fields.value !== 0;
  else if (
    fields.is(requestField.images, BYTES) ||
    fields.is(requestField.moreImages, BYTES) ||
    fields.is(requestField.imageLinks, BYTES)
  )
    prompt.addImages(fields);
}

function readSampling(body: Uint8Array, cut: boolean): void {
  samplingFields.open(body, fields.start, fields.end, cut);
  while (samplingFields.next()) {
    const { value } = samplingFields;
    if (samplingFields.is(samplingField.maxTokens, VARINT) && value <= MAX_UINT32) maxTokens = value;
  }
  if (samplingFields.failed) prompt.sound = false;
  samplingFields.close();
}
