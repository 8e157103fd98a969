import { describe, expect, test } from "vitest";
import { evidenceOf } from "../../../../src/doctor/diagnose.ts";
import { heardAmiss, wasReached } from "../../../../src/doctor/picker/heard.ts";

const page = (kind: string, value: number) => ({
  name: "metrics",
  text: `# TYPE pointsman_connections_refused_total counter\npointsman_connections_refused_total{kind="${kind}"} ${value}`,
});

describe("heardAmiss", () => {
  test.each([
    ["http1", "http1"],
    ["tls", "plaintext_refused"],
    ["tls", "tls_handshake"],
    ["method", "unknown_method"],
  ] as const)("tells %s by what was counted as %s", (what, kind) => {
    const evidence = evidenceOf([page(kind, 2)]);
    expect(heardAmiss(evidence, what)[0]?.evidence.text).toContain(`{kind="${kind}"} 2`);
    expect(wasReached(evidence)).toBe(true);
    expect(heardAmiss(evidenceOf([page(kind, 0)]), what)).toEqual([]);
  });

  test("takes the words of a log before a number", () => {
    const text = "2026-11-21 a client spoke HTTP/1.1 to the gRPC port: its Envoy cluster lacks http2_protocol_options";
    const evidence = evidenceOf([page("http1", 2), { name: "picker.log", text }]);
    expect(heardAmiss(evidence, "http1")[0]?.evidence).toEqual({ source: "picker.log", line: 1, text });
    expect(wasReached(evidenceOf([]))).toBe(false);
  });
});
