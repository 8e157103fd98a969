/** The reply that tells Envoy's routes the model of a request, and keeps what the request was for its attempts. */
import { commonResponse, removeHeader, setHeader } from "./encode-reply.ts";
import { DYNAMIC_METADATA } from "./metadata-fields.ts";
import { field, varintField } from "./wire.ts";

/** Field of CommonResponse: Envoy looks its routes through once more. It heeds that only beside a change of headers. */
const CLEAR_ROUTE_CACHE = 5;

export const clearsRouteCache: Buffer = varintField(CLEAR_ROUTE_CACHE, 1);

/** What the client wrote under the header's name must choose no route: without a model the header is taken out. */
export function modelMutation(header: string, model: string): Buffer {
  return model === "" ? removeHeader(header) : setHeader(header, Buffer.from(model));
}

export function encodeRoute(
  on: "requestHeaders" | "requestBody",
  header: string,
  model: string,
  metadata: readonly Buffer[],
): Buffer {
  const mutation = Buffer.concat([field(2, modelMutation(header, model)), clearsRouteCache]);
  return Buffer.concat([...commonResponse(on, mutation), field(DYNAMIC_METADATA, ...metadata)]);
}
