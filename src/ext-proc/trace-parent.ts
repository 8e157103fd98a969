/**
 * Which span a request's pick belongs under (W3C Trace Context). Envoy says it twice: the metadata of the gRPC call names
 * Envoy's own span for this call, below its span of the whole request; the request's headers name what the client sent,
 * since Envoy writes its own span there only on the way to the pod. The call's therefore comes first, and the headers'
 * counts where Envoy itself traces nothing.
 */
import type { StreamMessage } from "./decode-message.ts";
import { headerValue } from "./header-map.ts";
import type { StreamPort } from "./stream-host.ts";

export interface TraceParent {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly isSampled: boolean;
  /** What tracing systems pass on beside it; "" for nothing. */
  readonly state: string;
}

const TRACEPARENT = Buffer.from("traceparent");
const TRACESTATE = Buffer.from("tracestate");
/** As far as W3C asks for it to be passed on. */
const LONGEST_STATE = 512;

/** Undefined where nobody traces the request yet. */
export function traceParentOf(message: StreamMessage, port: StreamPort): TraceParent | undefined {
  const ofCall = parseTraceParent(port.callHeader?.("traceparent") ?? "", () => port.callHeader?.("tracestate") ?? "");
  return ofCall ?? parseTraceParent(headerValue(message, TRACEPARENT), () => headerValue(message, TRACESTATE));
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NOTHING = /^0+$/;

/** Undefined for what is not well-formed: it counts as absent. The state is asked for where it is needed. */
export function parseTraceParent(text: string, stateOf: () => string = () => ""): TraceParent | undefined {
  const [, version, traceId = "", spanId = "", flags = "", rest] = FORM.exec(text.trim()) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (NOTHING.test(traceId) || NOTHING.test(spanId)) return undefined;
  const isSampled = (Number.parseInt(flags, 16) & 1) === 1;
  const state = isSampled ? stateOf() : "";
  return { traceId, spanId, isSampled, state: state.length > LONGEST_STATE ? "" : state };
}
