/** Tells a client, in the headers of an answer, which pod its session is on. */
import type { Pod } from "../pods/pod-table.ts";
import { part, setHeader } from "./encode-reply.ts";
import { field } from "./wire.ts";

/** The answer to an answer's headers. The token is the pod's address in base64: all that any replica needs to know. */
export function tokenReply(header: string, { address }: Pod): Buffer {
  const token = Buffer.from(address).toString("base64");
  // CommonResponse { header_mutation 2 { set_headers 1 } }, wrapped as HeadersResponse { response 1 }.
  return field(part.responseHeaders, field(1, field(2, setHeader(header, token))));
}
