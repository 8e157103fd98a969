/**
 * Where the destination header is written: the pick as reply bytes, encoded once per pod, since a destination never
 * changes while a pod keeps its slot.
 */
import type { Pod } from "../pods/pod-table.ts";
import { part, setHeader } from "./encode-reply.ts";
import { field } from "./wire.ts";

/** The header Envoy's cluster follows, and the key of the same value in dynamic metadata. */
export const DESTINATION_HEADER = "x-gateway-destination-endpoint";
const METADATA_NAMESPACE = "envoy.lb";
/** Field of ProcessingResponse. */
const DYNAMIC_METADATA = 8;

/** A pick's two spellings: in the answer to the headers or in the answer to the body. */
export interface PickReply {
  readonly onHeaders: Buffer;
  readonly onBody: Buffer;
}

/** The destination goes out twice, equal: data planes read either the header or the metadata. */
export function encodePick(address: string): PickReply {
  // CommonResponse { header_mutation 2 { set_headers 1 } }, wrapped as HeadersResponse or BodyResponse { response 1 }.
  const response = field(1, field(2, setHeader(DESTINATION_HEADER, address)));
  const metadata = field(DYNAMIC_METADATA, structField(METADATA_NAMESPACE, structValue(DESTINATION_HEADER, address)));
  return {
    onHeaders: Buffer.concat([field(part.requestHeaders, response), metadata]),
    onBody: Buffer.concat([field(part.requestBody, response), metadata]),
  };
}

/** One entry of google.protobuf.Struct.fields; `value` is an encoded Value. */
function structField(key: string, value: Buffer): Buffer {
  return field(1, field(1, key), field(2, value));
}

/** Value { struct_value 5 { key: string_value 3 } }. */
function structValue(key: string, value: string): Buffer {
  return field(5, structField(key, field(3, value)));
}

export class PickReplies {
  readonly #bySlot: { pod: Pod; reply: PickReply }[] = [];

  of(pod: Pod): PickReply {
    const known = this.#bySlot[pod.slot];
    if (known?.pod === pod) return known.reply;
    const reply = encodePick(pod.address);
    this.#bySlot[pod.slot] = { pod, reply };
    return reply;
  }
}
