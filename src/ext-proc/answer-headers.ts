/** What we add to the headers of an answer: which pod the client's session is on, and that the answer came by here. */
import type { Pod } from "../pods/pod-table.ts";
import { part, proceed, setHeader } from "./encode-reply.ts";
import type { HeaderPair } from "./strategy-headers.ts";
import { field } from "./wire.ts";

/** Tests of the Go picker, and those who debug, look for it. */
const mark = setHeader("x-went-into-resp-headers", "true");

const marked = answerHeaders(mark);

/** The answer to an answer's headers that adds nothing, or the mark alone. */
export function plainReply(isMarked: boolean): Buffer {
  return isMarked ? marked : proceed.responseHeaders;
}

/** The answer to an answer's headers that tells of the strategy, and of the session where there is a token. */
export function strategyReply(told: readonly HeaderPair[], isMarked: boolean): Buffer {
  const set = told.map(([name, value]) => setHeader(name, value));
  return isMarked ? answerHeaders(...set, mark) : answerHeaders(...set);
}

/** The answer to an answer's headers. The token is the pod's address in base64: all that any replica needs to know. */
export function tokenReply(header: string, { address }: Pod, isMarked: boolean): Buffer {
  const token = setHeader(header, tokenOf(address));
  return isMarked ? answerHeaders(token, mark) : answerHeaders(token);
}

export function tokenOf(address: string): string {
  return Buffer.from(address).toString("base64");
}

/** CommonResponse { header_mutation 2 { set_headers 1 } }, wrapped as HeadersResponse { response 1 }. */
function answerHeaders(...set: readonly Buffer[]): Buffer {
  return field(part.responseHeaders, field(1, field(2, ...set)));
}
