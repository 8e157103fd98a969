/**
 * The pick as reply bytes. A pod's plain reply is encoded once, since a destination never changes while a pod keeps its
 * slot; a reply that carries more than the destination is put together for its request.
 */
import type { Pod } from "../pods/pod-table.ts";
import type { CandidateScore } from "../routing/lane.ts";
import { removedNames } from "./control-names.ts";
import { commonResponse, removeHeader, setHeader } from "./encode-reply.ts";
import { clearsRouteCache, modelMutation } from "./encode-route.ts";
import { DYNAMIC_METADATA, structField, structNumber, structText, structValue } from "./metadata-fields.ts";
import { field } from "./wire.ts";

/** The header that most clusters follow, and the key of the same value in dynamic metadata. */
export const DESTINATION_HEADER = "x-gateway-destination-endpoint";
const SCORES_KEY = "x-gateway-destination-endpoint-scores";
const METADATA_NAMESPACE = "envoy.lb";

/** A pick's two spellings: in the answer to the headers or in the answer to the body. */
export interface PickReply {
  readonly onHeaders: Buffer;
  readonly onBody: Buffer;
}

/** What a pick's reply carries beside the picked pod's address. */
export interface PickExtras {
  /** The pods to try after the one picked, in this order. */
  readonly fallbacks?: readonly Pod[] | undefined;
  /** Further headers that the pod is to see. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Headers of the client that the pod is not to see: the bits of control-names.ts. */
  readonly removedBits?: number;
  /** What the candidates scored; none or empty where no scorer was asked. */
  readonly scores?: readonly CandidateScore[];
  /** The header that tells Envoy's routes the model, which are looked through once more; a model of "" removes it. */
  readonly modelHeader?: readonly [name: string, model: string] | undefined;
  /** Entries of the metadata beside the destination's: what attempts are to know, and what the payer owes. */
  readonly metadata?: readonly Buffer[];
  /** In the answer to the body: another one in its place, in pieces. */
  readonly body?: readonly Buffer[] | undefined;
}

/** The destination goes out twice, equal: data planes read either the header or the metadata. */
export function encodePick(
  address: string,
  on: keyof PickReply,
  extras: PickExtras = {},
  names: readonly string[] = [DESTINATION_HEADER],
): Buffer {
  const { fallbacks = [], headers = [], removedBits = 0, scores = [], body, modelHeader, metadata = [] } = extras;
  const destination = [address, ...fallbacks.map((pod) => pod.address)].join(",");
  const mutation = names.map((name) => setHeader(name, destination));
  for (const [name, value] of headers) mutation.push(setHeader(name, value));
  // What is set is overwritten already: to remove it as well would leave it to the data plane which one it does last.
  const isSet = (name: string) => names.includes(name) || headers.some(([each]) => each === name);
  if (removedBits !== 0) {
    for (const name of namesOf(removedBits)) if (!isSet(name)) mutation.push(removeHeader(name));
  }
  if (modelHeader !== undefined) mutation.push(modelMutation(...modelHeader));
  const change = field(2, ...mutation);
  const told = [structField(DESTINATION_HEADER, structText(destination))];
  if (scores.length > 0) told.push(structField(SCORES_KEY, structValue(scores.map(scoreField))));
  return Buffer.concat([
    ...commonResponse(
      on === "onHeaders" ? "requestHeaders" : "requestBody",
      modelHeader === undefined ? change : Buffer.concat([change, clearsRouteCache]),
      body,
    ),
    field(DYNAMIC_METADATA, structField(METADATA_NAMESPACE, structValue(told)), ...metadata),
  ]);
}

function namesOf(bits: number): readonly string[] {
  return removedNames.filter((_, place) => (bits & (1 << place)) !== 0);
}

function scoreField({ address, score }: CandidateScore): Buffer {
  return structField(address, structNumber(score));
}

export class PickReplies {
  readonly #names: readonly string[];
  readonly #bySlot: { pod: Pod; reply: PickReply }[] = [];

  /** The headers that clusters follow. */
  constructor(names: readonly string[] = [DESTINATION_HEADER]) {
    this.#names = names;
  }

  /** The reply that carries nothing but the pod's address. */
  of(pod: Pod): PickReply {
    const known = this.#bySlot[pod.slot];
    if (known?.pod === pod) return known.reply;
    const reply = { onHeaders: this.with(pod, "onHeaders"), onBody: this.with(pod, "onBody") };
    this.#bySlot[pod.slot] = { pod, reply };
    return reply;
  }

  /** A reply that carries more. */
  with({ address }: Pod, on: keyof PickReply, extras?: PickExtras): Buffer {
    return encodePick(address, on, extras, this.#names);
  }
}
