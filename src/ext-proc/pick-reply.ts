/** The reply that names the picked pod, with whatever else this request is to get along with it. */
import { isModelName } from "../rewrite/model-name.ts";
import { splicedBody } from "../rewrite/splice-body.ts";
import type { Picked } from "../routing/decision.ts";
import type { PickExtras, PickReply } from "./destination-header.ts";
import { type OriginalRequest, originalEntry } from "./original-request.ts";
import type { Payer } from "./payer.ts";
import type { RequestHead } from "./request-head.ts";
import { pickHeaders } from "./strategy-headers.ts";
import type { StreamHost } from "./stream-host.ts";

/** What a client's request is found by in every log on its way. */
const REQUEST_ID_HEADER = "x-request-id";

export interface AskedBy {
  readonly head: RequestHead;
  readonly requestId: string;
  /** What the attempts are to know of the request; undefined where nobody asks. */
  readonly original?: OriginalRequest | undefined;
  readonly payer?: Payer | undefined;
}

/** Most replies name one pod and no more: those are there already. `body` is the one that was read, where one was. */
export function pickReply(
  host: StreamHost,
  picked: Picked,
  on: keyof PickReply,
  { head, requestId, original, payer }: AskedBy,
  body: Buffer | undefined,
): Buffer {
  const { pod, fallbacks, rewrite } = picked;
  const { replies, router, settings } = host;
  const { controlBits, lacksRequestId } = head;
  const splice = on === "onBody" ? rewrite?.splice : undefined;
  const told = pickHeaders(picked, settings.strategyHeader);
  const isPlain = controlBits === 0 && !lacksRequestId && fallbacks === undefined && told.length === 0;
  const due = payer?.charge();
  const isMarked = original !== undefined || due !== undefined;
  if (isPlain && !settings.emitsScores && splice === undefined && !isMarked) return replies.of(pod)[on];
  const kept = original && { ...original, model: nameOf(picked) };
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
    modelHeader: kept && modelMark(settings.modelHeader, kept.model),
    metadata: [...(kept === undefined ? [] : [originalEntry(kept)]), ...(due === undefined ? [] : [due])],
  });
}

/** The model as the body says it from here on, for Envoy's routes and for the attempts. */
function nameOf({ model, rewrite }: Picked): string {
  const isRenamed = rewrite?.outcome === "written" || rewrite?.outcome === "routed";
  return isRenamed ? rewrite.target : model;
}

function modelMark(header: string | undefined, name: string): PickExtras["modelHeader"] {
  return header === undefined ? undefined : [header, isModelName(name) ? name : ""];
}
