import { describe, expect, test } from "vitest";
import { evidenceOf } from "../../../../src/doctor/diagnose.ts";
import { beginsAsLog, isOfProgram, withoutPrefix } from "../../../../src/doctor/logs/prefix.ts";

const json = JSON.stringify({
  method: "POST",
  response_code: 503,
  response_flags: "UH",
  response_code_details: "no_healthy_upstream",
});
const text =
  '[2026-10-03T04:11:52.018Z] "POST /v1/chat/completions HTTP/1.1" 503 UH no_healthy_upstream - "-" 0 19 0 - "-" "-" "1" "llm" "-" original_destination_cluster';

const prefixes = [
  { by: "kubectl logs --prefix", put: (line: string) => `[pod/envoy-eg-7d9f/envoy] ${line}` },
  { by: "kubectl logs --timestamps", put: (line: string) => `2026-10-03T04:11:52.018436155Z ${line}` },
  { by: "both of them", put: (line: string) => `[pod/envoy-eg-7d9f/envoy] 2026-10-03T04:11:52.018436155Z ${line}` },
  { by: "a container runtime", put: (line: string) => `2026-10-03T04:11:52.018436155Z stdout F ${line}` },
  { by: "docker's files", put: (line: string) => JSON.stringify({ log: `${line}\n`, stream: "stdout", time: "x" }) },
  { by: "docker compose", put: (line: string) => `envoy-1  | ${line}` },
  { by: "stern", put: (line: string) => `envoy-eg-7d9f envoy ${line}` },
  { by: "journald", put: (line: string) => `Oct 03 04:11:52 edge-1 envoy[812]: ${line}` },
];

describe.each(prefixes)("a line as $by writes it", ({ put }) => {
  test.each([json, text])("is read as without: %s", (line) => {
    expect(withoutPrefix(put(line))).toBe(line);
    expect(beginsAsLog(put(line))).toBe(true);
    const { access, unread } = evidenceOf([{ name: "envoy.txt", text: [line, line].map(put).join("\n") }]);
    expect(unread).toEqual([]);
    expect(access.map(({ status, quote }) => [status, quote.line])).toEqual([
      [503, 1],
      [503, 2],
    ]);
  });
});

test("withoutPrefix leaves a line alone that has its own beginning", () => {
  const zap = '2026-10-03T04:11:51.377Z\tERROR\tgateway-api\trunner.go:112\tno\t{"runner": "gateway-api"}';
  for (const line of [json, text, zap, "cluster.pods.upstream_rq_503: 4", "kind: Gateway"])
    expect(withoutPrefix(line)).toBe(line);
});

describe("a log without one line that means anything", () => {
  const evidence = (line: string) => evidenceOf([{ name: "hello.log", text: `${line}\n${line}` }]);

  test.each([
    "2026-10-03T04:11:51.377Z\tINFO\tgateway-api\trunner.go:112\tstarted",
    "[2026-10-03 04:11:51.377][12][info][main] [source/server/server.cc:1] starting",
    '{"level":30,"time":1,"msg":"ready"}',
    "time=2026-10-03T04:11:51Z level=info msg=ready",
    "I1003 04:11:51.377000 1 main.go:1] ready",
    'INFO:     10.0.0.1:1234 - "GET /health HTTP/1.1" 200 OK',
  ])("is one of a program: %s", (line) => {
    expect(isOfProgram(line)).toBe(true);
    expect([evidence(line).unread, evidence(line).logNames]).toEqual([[], ["hello.log"]]);
  });

  test.each(["hello", "2026-10-03 04:11 POST /v1 503 UH"])("is not understood, whatever its name: %s", (line) => {
    expect(evidence(line)).toMatchObject({ unread: [{ source: "hello.log" }], logNames: [] });
  });
});
