/** The replies of an attempt as bytes: whole requests for a backend, and answers on their way back. */
import type { HeaderChange } from "../backends/set-headers.ts";
import { commonResponse, type part, removeHeader, setHeader } from "./encode-reply.ts";
import { field, varintField } from "./wire.ts";

/** Values hold a byte in each character, as headers come. `tail` are further fields of the reply. */
export function encodeAttempt(
  kind: keyof typeof part,
  { set, removed }: HeaderChange,
  body: readonly Buffer[] | undefined,
  tail: readonly Buffer[] = [],
): Buffer {
  return Buffer.concat([...commonResponse(kind, headerMutation({ set, removed }), body), ...tail]);
}

/** CommonResponse { status 1 = CONTINUE_AND_REPLACE }: a body where the answer that came has none. */
export function encodeFilledAnswer(change: HeaderChange, body: Buffer): Buffer {
  const status = Buffer.from(varintField(1, 1));
  return Buffer.concat(commonResponse("responseHeaders", Buffer.concat([status, headerMutation(change)]), [body]));
}

function headerMutation({ set, removed }: HeaderChange): Buffer {
  const mutation = [
    ...set.map(([name, value]) => setHeader(name, Buffer.from(value, "latin1"))),
    ...removed.map(removeHeader),
  ];
  return mutation.length === 0 ? Buffer.alloc(0) : field(2, ...mutation);
}
