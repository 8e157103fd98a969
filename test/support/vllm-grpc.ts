/** Writes the calls of vLLM's gRPC service as its clients do: a frame around one message. */
import { field, varintBytes, varintField } from "../../src/ext-proc/wire.ts";

export interface GenerateCall {
  readonly text?: string;
  readonly tokens?: readonly number[];
  /** Each token id as a field of its own, as writers of proto2 have it. */
  readonly unpacked?: boolean;
  readonly maxTokens?: number;
  readonly stream?: boolean;
  readonly images?: readonly { readonly hash: string; readonly offset?: number }[];
  /** Behind all else. */
  readonly more?: readonly Buffer[];
}

export const GENERATE_PATH = "/vllm.grpc.engine.VllmEngine/Generate";
export const EMBED_PATH = "/vllm.grpc.engine.VllmEngine/Embed";

export function frame(message: Buffer, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

export function packed(tokens: readonly number[]): Buffer {
  return Buffer.concat(tokens.map((token) => varintBytes(token)));
}

/** A GenerateRequest in its frame. */
export function generateCall(call: GenerateCall): Buffer {
  return frame(generateMessage(call));
}

export function generateMessage({
  text,
  tokens,
  unpacked,
  maxTokens,
  stream,
  images,
  more = [],
}: GenerateCall): Buffer {
  const ids =
    tokens === undefined ? [] : unpacked ? tokens.map((id) => varintField(2, id)) : [field(2, packed(tokens))];
  const sampling = [field(2, ""), ...(maxTokens === undefined ? [] : [varintField(8, maxTokens)]), field(10, "stop")];
  return Buffer.concat([
    field(1, "request-1"),
    ...(tokens === undefined ? [] : [field(2, field(1, "what the ids stand for"), ...ids)]),
    ...(text === undefined ? [] : [field(3, text)]),
    field(4, ...sampling),
    ...(stream === undefined ? [] : [varintField(5, stream ? 1 : 0)]),
    ...(images === undefined ? [] : [imagesField(images)]),
    ...more,
  ]);
}

/** MultimodalInputs: a tensor that is not to be read, the placeholders and the hashes. */
function imagesField(images: NonNullable<GenerateCall["images"]>): Buffer {
  const places = images.flatMap(({ offset }) =>
    offset === undefined ? [] : [varintField(1, offset), varintField(2, 4)],
  );
  const placed = images.every(({ offset }) => offset !== undefined);
  return field(
    7,
    field(2, field(1, "pixels")),
    ...(placed ? images.map((_, i) => field(5, ...places.slice(2 * i, 2 * i + 2))) : []),
    ...images.map(({ hash }) => field(6, hash)),
  );
}
