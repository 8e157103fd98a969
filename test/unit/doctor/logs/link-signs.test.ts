import { describe, expect, test } from "vitest";
import { readLogLine } from "../../../../src/doctor/logs/log-line.ts";

describe("readLogLine", () => {
  test.each([
    ["http1-client", "a client spoke HTTP/1.1 to the gRPC port: its Envoy cluster lacks http2_protocol_options"],
    [
      "http1-client",
      'transport: http2Server.HandleStreams received bogus greeting from client: "POST /envoy.service.ext_"',
    ],
    ["tls-refused", "a client spoke TLS, and it is switched off here (--secure-serving=false)"],
    ["tls-refused", 'received bogus greeting from client: "\\x16\\x03\\x01\\x02"'],
    ["tls-refused", String.raw`{"msg":"received bogus greeting from client: \"\\x16\\x03\\x01"}`],
    ["plaintext-refused", "a client spoke plaintext, and only TLS is allowed here (--tls-only or --client-ca-file)"],
    ["plaintext-refused", "grpc: ServerHandshake failed: tls: first record does not look like a TLS handshake"],
    [
      "tls-handshake",
      "http: TLS handshake error from 10.0.0.7:1: tls: first record does not look like a TLS handshake",
    ],
    ["unknown-method", "a client called a gRPC method that is not served here: is its filter ext_proc?"],
    ["no-router-processor", 'level=ERROR msg="no router processor found, request_id=1"'],
    ["no-request-id", "upstream message without internal request id"],
    ["wrong-architecture", "exec /app/picker: exec format error"],
    ["forbidden", 'pods is forbidden: User "system:serviceaccount:a:b" cannot list resource "pods"'],
    ["forbidden", String.raw`{"msg":"pods is forbidden: User \"system:serviceaccount:a:b\" cannot list"}`],
    ["body-missing", "{'type': 'missing', 'loc': ('body',), 'msg': 'Field required', 'input': None}"],
    ["body-missing", "{'loc': ['body'], 'msg': 'field required', 'type': 'value_error.missing'}"],
    ["model-unknown", "The model `llama` does not exist."],
    ["model-unknown", `{"message":"Model 'llama' not found","code":404}`],
    ["model-unknown", String.raw`{"error":{"message":"model \"llama\" not found, try pulling it first"}}`],
    [
      "kind-unknown",
      String.raw`"error":"no matches for kind \"InferencePool\" in version \"inference.networking.k8s.io/v1\""`,
    ],
    [
      "no-candidate-pods",
      "inference error: ServiceUnavailable - failed to find candidate pods for serving the request",
    ],
    ["json-twice", "invalid character '{' after top-level value"],
    ["update-rejected", "Filesystem config update rejected: Error adding/updating listener(s) more: bad"],
    ["update-rejected", "lds: listener 'more' config rejected: bad"],
    ["update-rejected", "delta config for type.googleapis.com/envoy.config.listener.v3.Listener rejected: bad"],
    ["update-rejected", "ADS:LDS: ACK ERROR gateway-1.default-12 Internal:Error adding/updating listener(s) more: bad"],
    ["no-connection-limit", "There is no configured limit to the number of allowed active downstream connections."],
  ])("takes for %s: %s", (name, text) => {
    expect(readLogLine(text, "some.log", 3)).toMatchObject({ sign: { name }, quote: { source: "some.log", line: 3 } });
  });

  test("passes over what means nothing", () => {
    expect(readLogLine("ext-proc server listening on 9002", "some.log")).toBeUndefined();
  });
});
