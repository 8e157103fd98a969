import { describe, expect, test } from "vitest";
import { diagnose, evidenceOf, type Source } from "../../../src/doctor/diagnose.ts";
import type { Evidence } from "../../../src/doctor/evidence.ts";
import { outcomeOf } from "../../../src/doctor/outcome.ts";
import { reportOf } from "../../../src/doctor/report.ts";

const object = (apiVersion: string, kind: string, more: object = {}): Source => ({
  name: `${kind}.json`,
  text: JSON.stringify({ apiVersion, kind, metadata: { name: "x", namespace: "llm" }, ...more }),
});
const gateway = object("gateway.networking.k8s.io/v1", "Gateway");
const head = (evidence: Evidence) => {
  const verdict = diagnose(evidence);
  return `${outcomeOf(verdict, evidence)}: ${reportOf(verdict, evidence).split("\n")[0]}`;
};

describe("where nothing tells anything there is no verdict, and the first line says so", () => {
  const unread = { unread: [{ source: "http://localhost:19000", why: "connect ECONNREFUSED" }] };
  test.each<{ of: string; evidence: Evidence; says: string }>([
    { of: "a source that cannot be reached", evidence: { ...evidenceOf([]), ...unread }, says: "nothing of what was" },
    { of: "nothing at all", evidence: evidenceOf([]), says: "nothing was given that could be read" },
    { of: "a line that is none", evidence: evidenceOf([{ name: "--line", text: "garbage" }]), says: "nothing of what" },
    {
      of: "a cluster without a gateway",
      evidence: evidenceOf([object("v1", "Pod"), object("gateway.networking.k8s.io/v1", "GatewayClass")]),
      says: "there is no gateway, route, pool or policy among the 2 objects",
    },
    {
      of: "a log with a sign that is no fault by itself",
      evidence: evidenceOf([{ name: "a.log", text: "2026-11-21 failed to translate xds ir" }]),
      says: "a.log has a line that may mean something, and nothing was given that tells of requests. The controller could",
    },
    {
      of: "a log without a sign",
      evidence: evidenceOf([{ name: "a.log", text: '{"level":30,"msg":"ready"}' }]),
      says: "no line of a.log means anything here",
    },
    {
      of: "Envoy's version",
      evidence: { ...evidenceOf([]), server: { version: "1.40.0", state: "LIVE", source: "s" } },
      says: "what was given is of no use by itself",
    },
  ])("$of", ({ evidence, says }) => {
    expect(head(evidence)).toContain(`unknown: NO VERDICT: ${says}`);
  });

  test("one gateway is enough for one, and what could not be read beside it is told", () => {
    expect(head(evidenceOf([gateway, object("v1", "Pod")]))).toMatch(/^well: Nothing is broken that could be seen\./);
    expect(head({ ...evidenceOf([gateway]), ...unread })).toMatch(/^well: .* Not all that was given could be read/);
  });
});

describe("requests that fail of nothing known", () => {
  const line = (more: object): Source => ({
    name: "access.log",
    text: JSON.stringify({ method: "POST", response_code: 503, response_flags: "UH", ...more }),
  });

  test("with flag UH and no cluster the rows that end so are named", () => {
    const uh = (bytes: number): Source => ({
      name: "--line",
      text: `[2026-10-03T04:11:52.018Z] "POST /v1/chat/completions HTTP/1.1" 503 UH ${bytes} 19 0 - "-" "curl" "1" "llm" "-"`,
    });
    expect(head(evidenceOf([uh(0)]))).toContain("UH is row 1 (no filter asked the picker), 5 (no usable address), 6 (");
    expect(head(evidenceOf([uh(90)]))).toContain("flag UH is row 5 (no usable address), 6 (no healthy endpoint)");
  });

  test("by route it is told which fail and which do not", () => {
    const lines = [
      line({ response_code: 200, response_flags: "-", route_name: "plain" }),
      line({ route_name: "picked", upstream_cluster: "x" }),
      line({ route_name: "picked", upstream_cluster: "x" }),
    ];
    const evidence = evidenceOf(lines);
    expect(reportOf(diagnose(evidence), evidence)).toContain(
      "BAD end to end  2 of the last 3 requests failed: 2 of 2 on picked, 0 of 1 on plain",
    );
  });

  test("a pick that the picker did not make is none that is well", () => {
    const quote = { source: "p:9002", text: "one pick: refused with 503" };
    const ways = { question: "picker-plaintext", isWell: true, status: "OK", quote };
    const asked = [ways, { question: "pick", isWell: false, status: "503", quote }];
    expect(head({ ...evidenceOf([]), live: { asked } })).toContain(
      "unknown: NO VERDICT: the picker that was asked did",
    );
  });
});
