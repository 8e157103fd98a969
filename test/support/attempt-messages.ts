/** Messages of a filter in a cluster's own chain, and what the replies to them say: for tests of attempts. */
import {
  type BodySendMode,
  headerMap,
  type ProcessingRequest,
  type ProcessingResponse,
} from "../../src/ext-proc/messages.ts";
import { backendOf, bookOf, HeaderKey, saying } from "./small-backends.ts";
import { type RiggedStream, type RigOptions, StreamRig } from "./stream-rig.ts";

const ENVOY_MINOR = "xds.node.user_agent_build_version.version.minor_number";

/** A chat of no words. */
export const BODY = '{"model":"m","messages":[]}';
const fourBackends = bookOf(
  backendOf("a", { models: new Map([["m", "at-a"]]), host: "a.example" }),
  backendOf("b", { credential: new HeaderKey("x-b-key", "b"), setHeaders: [["x-team", "b"]] }),
  backendOf("say", { translator: saying, options: {}, credential: new HeaderKey("x-say-key", "s") }),
  backendOf("keyless", { credential: new HeaderKey("x-keyless", undefined) }),
);

export interface Opening {
  readonly backend?: string;
  readonly mode?: BodySendMode;
  readonly response?: BodySendMode;
  readonly headers?: Readonly<Record<string, string>>;
  readonly end?: boolean;
  /** As an earlier phase has kept it. */
  readonly original?: Readonly<Record<string, string>>;
  readonly attribute?: string;
  readonly envoyMinor?: number;
}

export function opening(options: Opening = {}): ProcessingRequest {
  const { backend = "a", mode = "BUFFERED", response = "STREAMED", headers = {}, end = false, original } = options;
  const attribute = options.attribute ?? "xds.upstream_host_metadata.filter_metadata['pointsman']['backend']";
  const own = { ":path": "/v1/chat/completions", ":method": "POST", ":authority": "client.example" };
  const kept = Object.entries(original ?? {}).map(([key, stringValue]) => [key, { stringValue }] as const);
  const { envoyMinor } = options;
  const told = envoyMinor === undefined ? {} : { [ENVOY_MINOR]: { numberValue: envoyMinor } };
  const named = backend === "" ? {} : { [attribute]: { stringValue: backend } };
  return {
    request_headers: {
      headers: headerMap({ ...own, "content-type": "application/json", ...headers }),
      end_of_stream: end,
    },
    attributes: {
      "envoy.filters.http.ext_proc": {
        fields: { "upstream.address": { stringValue: "1.2.3.4:5" }, ...told, ...named },
      },
    },
    protocol_config: { request_body_mode: mode, response_body_mode: response },
    ...(original !== undefined && {
      metadata_context: { filter_metadata: { pointsman: { fields: Object.fromEntries(kept) } } },
    }),
  };
}

export function rigOf(more: Partial<RigOptions> = {}): StreamRig {
  return new StreamRig({ backends: fourBackends, ...more });
}

export const commonOf = (reply: ProcessingResponse | undefined) =>
  (reply?.request_headers ?? reply?.request_body ?? reply?.response_headers ?? reply?.response_body)?.response;

/** What a reply sets, by name. */
export function setIn(reply: ProcessingResponse | undefined): Record<string, string> {
  const set = commonOf(reply)?.header_mutation?.set_headers ?? [];
  return Object.fromEntries(set.map(({ header }) => [header?.key ?? "", header?.raw_value?.toString() ?? ""]));
}

export const removedIn = (reply: ProcessingResponse | undefined) =>
  commonOf(reply)?.header_mutation?.remove_headers ?? [];
export const bodyIn = (reply: ProcessingResponse | undefined) => commonOf(reply)?.body_mutation?.body?.toString();
export const errorIn = (reply: ProcessingResponse | undefined) => {
  const { status, body } = reply?.immediate_response ?? {};
  return { status: status?.code, ...JSON.parse(body?.toString() ?? "{}").error };
};

/** The text that the answer's body goes on as. */
export function answerText(stream: RiggedStream): string {
  const bodies = stream.replies.filter((reply) => reply.response_body !== undefined).map(commonOf);
  const pieces = bodies.map(
    (common) => common?.body_mutation?.body ?? common?.body_mutation?.streamed_response?.body ?? Buffer.alloc(0),
  );
  return Buffer.concat(pieces).toString();
}

/** Without chunks it ends with its headers. */
export function answer(
  stream: RiggedStream,
  headers: Record<string, string>,
  ...chunks: readonly string[]
): RiggedStream {
  const end = chunks.length === 0;
  stream.send({ response_headers: { headers: headerMap({ ":status": "200", ...headers }), end_of_stream: end } });
  for (const [at, chunk] of chunks.entries()) {
    stream.send({ response_body: { body: Buffer.from(chunk), end_of_stream: at === chunks.length - 1 } });
  }
  return stream;
}
