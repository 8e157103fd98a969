/** The messages Envoy would send for a request, short enough to read a sequence of them in a test. */
import { type BodySendMode, headerMap, type ProcessingRequest } from "../../src/ext-proc/messages.ts";

export interface HeadersOptions {
  readonly path?: string;
  /** null: no protocol_config, as from an old Envoy. */
  readonly mode?: BodySendMode | null;
  readonly responseMode?: BodySendMode;
  readonly early?: boolean;
  readonly endOfStream?: boolean;
  readonly contentLength?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export function requestHeaders(options: HeadersOptions = {}): ProcessingRequest {
  const { path = "/v1/chat/completions", mode = "BUFFERED", responseMode = "NONE", contentLength } = options;
  const headers = {
    ":method": "POST",
    ":path": path,
    ":authority": "example.com",
    "content-type": "application/json",
    "x-request-id": "00000000-0000-4000-8000-000000000000",
    ...(contentLength !== undefined && { "content-length": String(contentLength) }),
    ...options.headers,
  };
  return {
    request_headers: { headers: headerMap(headers), end_of_stream: options.endOfStream ?? false },
    ...(mode !== null && {
      protocol_config: {
        request_body_mode: mode,
        response_body_mode: responseMode,
        send_body_without_waiting_for_header_response: options.early ?? false,
      },
    }),
  };
}

export function requestBody(body: string | Buffer, end = true): ProcessingRequest {
  return { request_body: { body: Buffer.from(body), end_of_stream: end } };
}

export const requestTrailers: ProcessingRequest = { request_trailers: { trailers: headerMap({ "x-end": "1" }) } };

export function responseHeaders(endOfStream = false): ProcessingRequest {
  return { response_headers: { headers: headerMap({ ":status": "200" }), end_of_stream: endOfStream } };
}

export function responseBody(body: string | Buffer, end: boolean): ProcessingRequest {
  return { response_body: { body: Buffer.from(body), end_of_stream: end } };
}

export const responseTrailers: ProcessingRequest = { response_trailers: { trailers: headerMap({ "x-end": "1" }) } };

export function chatBody(prompt = "Hello", model = "m"): string {
  return JSON.stringify({ model, messages: [{ role: "user", content: prompt }] });
}
