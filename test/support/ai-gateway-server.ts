/**
 * Plays the server of Envoy AI Gateway, before the picker: reads the model, sets it as a header by which Envoy finds the
 * route anew, and refuses what it cannot read itself. Its words are ours, its statuses and headers are its own.
 */
import { headerMap, type ProcessingRequest } from "../../src/ext-proc/messages.ts";
import { type ExtProcServer, type Reply, startExtProcServer } from "./ext-proc-server.ts";

/** Paths it knows as they stand; with a root prefix or prefixes of endpoints before them, those. */
const aiGatewayPaths: readonly string[] = [
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/embeddings",
  "/v1/responses",
  "/openai/v1/chat/completions",
  "/anthropic/v1/messages",
  "/cohere/v2/rerank",
];

export const modelHeader = "x-ai-eg-model";

const overwrite = (headers: Readonly<Record<string, string>>) => ({
  set_headers: (headerMap(headers).headers ?? []).map((header) => ({
    header,
    append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
  })),
});

function refusal(code: number, type: string): Reply {
  return {
    immediate_response: {
      status: { code },
      headers: overwrite({ "content-type": "application/json" }),
      body: Buffer.from(JSON.stringify({ type: "error", error: { type, code: String(code), message: type } })),
      details: type,
    },
  };
}

function modelOf(body: Buffer): unknown {
  try {
    return (JSON.parse(body.toString()) as { model?: unknown }).model;
  } catch {
    return undefined;
  }
}

/** The filter's stream lasts until the answer is over; its internal request id is what the filter of the cluster needs. */
export function startAiGatewayServer(): Promise<ExtProcServer> {
  return startExtProcServer(() => {
    let path = "";
    const onHeaders = ({ headers }: NonNullable<ProcessingRequest["request_headers"]>): Reply => {
      const found = headers?.headers?.find(({ key }) => key === ":path");
      path = found?.raw_value?.toString() ?? "";
      if (!aiGatewayPaths.includes(path.replace(/\?.*/, ""))) return refusal(404, "unsupported_path");
      return { request_headers: { response: { header_mutation: overwrite({ "x-ai-eg-internal-req-id": "one" }) } } };
    };
    const onBody = (body: Buffer): Reply => {
      const model = modelOf(body);
      if (typeof model !== "string") return refusal(400, "malformed_request");
      const told = overwrite({ [modelHeader]: model, "x-ai-eg-original-path": path });
      return { request_body: { response: { header_mutation: told, clear_route_cache: true } } };
    };
    return (message) => {
      if (message.request_headers) return onHeaders(message.request_headers);
      if (message.request_body) return onBody(message.request_body.body ?? Buffer.alloc(0));
      if (message.response_headers) return { response_headers: {} };
      return { response_body: {} };
    };
  });
}
