/** The reply that names the picked pod, with whatever else this request is to get along with it. */
import { splicedBody } from "../rewrite/splice-body.ts";
import type { Picked } from "../routing/decision.ts";
import type { PickReply } from "./destination-header.ts";
import type { RequestHead } from "./request-head.ts";
import { pickHeaders } from "./strategy-headers.ts";
import type { StreamHost } from "./stream-host.ts";

/** What a client's request is found by in every log on its way. */
const REQUEST_ID_HEADER = "x-request-id";

export interface AskedBy {
  readonly head: RequestHead;
  readonly requestId: string;
}

/** Most replies name one pod and no more: those are there already. `body` is the one that was read, where one was. */
export function pickReply(
  host: StreamHost,
  picked: Picked,
  on: keyof PickReply,
  { head, requestId }: AskedBy,
  body: Buffer | undefined,
): Buffer {
  const { pod, fallbacks, rewrite } = picked;
  const { replies, router, settings } = host;
  const { controlBits, lacksRequestId } = head;
  const splice = on === "onBody" ? rewrite?.splice : undefined;
  const told = pickHeaders(picked, settings.strategyHeader);
  const isPlain = controlBits === 0 && !lacksRequestId && fallbacks === undefined && told.length === 0;
  if (isPlain && !settings.emitsScores && splice === undefined) return replies.of(pod)[on];
  const spliced = splice && body && splicedBody(body, splice, head.hasLength);
  return replies.with(pod, on, {
    fallbacks,
    removedBits: controlBits,
    headers: [
      ...(lacksRequestId ? ([[REQUEST_ID_HEADER, requestId]] as const) : []),
      ...told,
      ...(spliced?.headers ?? []),
    ],
    scores: settings.emitsScores ? router.scoresOf(picked) : [],
    body: spliced?.pieces,
  });
}
