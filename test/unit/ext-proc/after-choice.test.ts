/** Streams of an ext_proc filter in a cluster's own chain: the pod is chosen, so nothing is picked, counted or refused. */
import { describe, expect, test } from "vitest";
import { type BodySendMode, headerMap, type ProcessingRequest } from "../../../src/ext-proc/messages.ts";
import { StreamRig } from "../../support/stream-rig.ts";

const POD = "10.0.0.1:8000";
const backend = "filter_metadata['aigateway.envoy.io']['per_route_rule_backend_name']";

interface Opening {
  readonly attribute: string;
  readonly mode?: BodySendMode;
  readonly end?: boolean;
}

function opening({ attribute, mode = "NONE", end = false }: Opening): ProcessingRequest {
  const headers = { ":path": "/v1/completions", "x-request-id": "id", ...(end ? {} : { "content-length": "30" }) };
  return {
    request_headers: { headers: headerMap(headers), end_of_stream: end },
    attributes: { "envoy.filters.http.ext_proc": { fields: { [attribute]: { stringValue: "one" } } } },
    protocol_config: { request_body_mode: mode, response_body_mode: "NONE" },
  };
}

describe("a stream that asks for what is known once the pod is chosen", () => {
  test.each([
    `xds.upstream_host_metadata.${backend}`,
    `xds.cluster_metadata.${backend}`,
    "upstream.address",
    "upstream.port",
  ])("%s is told to go on, and leaves no trace in the books", (attribute) => {
    const rig = new StreamRig();
    const stream = rig.open().send(opening({ attribute }));
    expect(stream.story).toEqual(["request_headers"]);
    expect([rig.picks, rig.inFlightCount, rig.unseen]).toEqual([[], 0, ["after choice envoy:1"]]);
    stream.stream.onHalfClose();
    expect(rig.ends).toMatchObject([{ answered: true, attributes: true, inFlightSource: "none" }]);
  });

  test.each([
    "request.path",
    "xds.cluster_metadata.filter_metadata['mine']['a']",
    "upstream.request_attempt_count",
    "upstream.num_endpoints",
  ])("is none of those where it is %s: a pod is picked", (attribute) => {
    const rig = new StreamRig();
    expect(rig.open().send(opening({ attribute })).story).toEqual([`request_headers -> ${POD}`]);
  });

  const attribute = `xds.upstream_host_metadata.${backend}`;

  test("is refused nothing, though there is no pod and no room for streams", () => {
    const rig = new StreamRig({ pods: [], streamLimit: 0 });
    expect(rig.open().send(opening({ attribute })).story).toEqual(["request_headers"]);
    expect(rig.refusals).toEqual([]);
  });

  test("lists no models", () => {
    const rig = new StreamRig();
    const message = opening({ attribute, end: true });
    const headers = headerMap({ ":path": "/v1/models", ":method": "GET" });
    const stream = rig.open().send({ ...message, request_headers: { headers, end_of_stream: true } });
    expect(stream.story).toEqual(["request_headers"]);
  });

  test("gets back every body it shows, and its trailers", () => {
    const rig = new StreamRig();
    const duplex = rig.open().send(opening({ attribute, mode: "FULL_DUPLEX_STREAMED" }));
    duplex.body("{bad", false).trailers();
    expect(duplex.story).toEqual(["request_headers", 'request_body "{bad"', "request_trailers"]);
    const buffered = rig.open().send(opening({ attribute, mode: "BUFFERED" }));
    expect(buffered.body("{bad").story).toEqual(["request_headers", "request_body"]);
    expect([rig.refusals, rig.picks]).toEqual([[], []]);
  });

  test("has its answer passed on", () => {
    const rig = new StreamRig();
    const stream = rig.open().send(opening({ attribute }));
    stream.send({ response_headers: { headers: headerMap({ ":status": "503" }), end_of_stream: true } });
    expect(stream.story).toEqual(["request_headers", "response_headers"]);
    expect(rig.outcomes).toEqual([]);
  });
});
