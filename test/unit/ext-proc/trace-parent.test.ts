import { describe, expect, test } from "vitest";
import { decodeMessage } from "../../../src/ext-proc/decode-message.ts";
import { headerMap, protoMethods } from "../../../src/ext-proc/messages.ts";
import type { StreamPort } from "../../../src/ext-proc/stream-host.ts";
import { parseTraceParent, traceParentOf } from "../../../src/ext-proc/trace-parent.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const { requestSerialize } = protoMethods().process;

describe("parseTraceParent", () => {
  test("reads trace, span and the sampled flag among others", () => {
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-01`)).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      isSampled: true,
      state: "",
    });
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-03`)?.isSampled).toBe(true);
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-02`)?.isSampled).toBe(false);
  });

  test("reads what a later version begins with", () => {
    expect(parseTraceParent(`01-${TRACE}-${SPAN}-01-more`)?.spanId).toBe(SPAN);
  });

  test.each([
    "",
    "nonsense",
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE}-${SPAN}-01,00-${TRACE}-${SPAN}-01`,
  ])("takes %j for none", (text) => {
    expect(parseTraceParent(text)).toBeUndefined();
  });

  test("keeps a state within bounds, and asks for none where nothing is sampled", () => {
    const unasked = () => {
      throw new Error("asked");
    };
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-00`, unasked)?.state).toBe("");
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-01`, () => "a=1")?.state).toBe("a=1");
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-01`, () => "a".repeat(600))?.state).toBe("");
  });
});

describe("traceParentOf", () => {
  const message = (headers: Record<string, string>) =>
    decodeMessage(requestSerialize({ request_headers: { headers: headerMap({ ":path": "/", ...headers }) } }));
  const port = (metadata: Record<string, string>) =>
    ({ callHeader: (name: string) => metadata[name] ?? "" }) as unknown as StreamPort;
  const ofCall = { traceparent: `00-${TRACE}-aaaaaaaaaaaaaaaa-01`, tracestate: "envoy=1" };
  const ofClient = { traceparent: `00-${TRACE}-bbbbbbbbbbbbbbbb-01`, tracestate: "client=1" };

  test("the span of Envoy's call comes before the client's", () => {
    expect(traceParentOf(message(ofClient), port(ofCall))).toMatchObject({
      spanId: "aaaaaaaaaaaaaaaa",
      state: "envoy=1",
    });
  });

  test("the client's counts where the call has none, or none that is well-formed", () => {
    const expected = { spanId: "bbbbbbbbbbbbbbbb", state: "client=1" };
    expect(traceParentOf(message(ofClient), port({}))).toMatchObject(expected);
    expect(traceParentOf(message(ofClient), port({ ...ofCall, traceparent: "00-0-0-00" }))).toMatchObject(expected);
    expect(traceParentOf(message(ofClient), { send: () => {}, end: () => {}, peer: () => "" })).toMatchObject(expected);
  });

  test("what Envoy does not sample is not sampled, whatever the client says", () => {
    const unsampled = { traceparent: ofCall.traceparent.replace(/01$/, "00") };
    expect(traceParentOf(message(ofClient), port(unsampled))?.isSampled).toBe(false);
  });

  test("without either there is none", () => {
    expect(traceParentOf(message({}), port({}))).toBeUndefined();
  });
});
