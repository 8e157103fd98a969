import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { diagnose, evidenceOf } from "../../../src/doctor/diagnose.ts";
import type { Evidence } from "../../../src/doctor/evidence.ts";
import { jsonReportOf } from "../../../src/doctor/json-report.ts";
import { checklistOf, layers } from "../../../src/doctor/layers.ts";
import { outcomeOf } from "../../../src/doctor/outcome.ts";
import { reportOf } from "../../../src/doctor/report.ts";

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
const shipped = { name: "buffered.yaml", text: read("deploy/envoy/buffered.yaml") };
const line = (status: number) => ({
  name: "access.log",
  text: JSON.stringify({ response_code: status, response_flags: "-", response_code_details: "via_upstream" }),
});
const outcome = (evidence: Evidence) => outcomeOf(diagnose(evidence), evidence);

test("jsonReportOf has the fields that deploy/doctor.md lists, no more and no fewer", () => {
  const evidence = evidenceOf([shipped]);
  const [, section = ""] = /## JSON\n([\s\S]*?)\n## /.exec(read("deploy/doctor.md")) ?? [];
  const documented = [...section.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, names = ""]) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
  expect(Object.keys(jsonReportOf(diagnose(evidence), evidence)).sort()).toEqual(documented.sort());
});

describe("outcomeOf", () => {
  test.each([
    { of: "nothing that could be read", sources: [{ name: "a.txt", text: "?" }], is: "unknown" },
    { of: "a shipped config", sources: [shipped], is: "well" },
    { of: "requests that are answered", sources: [shipped, line(200)], is: "well" },
    { of: "requests that fail of nothing known", sources: [shipped, line(599)], is: "unknown" },
  ])("is $is of $of", ({ sources, is }) => {
    expect(outcome(evidenceOf(sources))).toBe(is);
  });

  test("of requests that fail of nothing known the report says so first, with one of them", () => {
    const evidence = evidenceOf([line(599)]);
    const report = reportOf(diagnose(evidence), evidence);
    expect(report).toMatch(/^NO VERDICT: 1 of the last 1 requests failed/);
    expect(report).toContain("access.log");
    expect(report).toContain("BAD end to end");
  });
});

describe("checklistOf", () => {
  test("has every layer in the order of the way, and of what is not judged says what would tell", () => {
    const evidence = evidenceOf([]);
    const list = checklistOf(diagnose(evidence), evidence);
    expect(list.map(({ layer }) => layer)).toEqual([...layers]);
    expect(list.every(({ state, says }) => state === "not judged" && says.startsWith("no input for this: "))).toBe(
      true,
    );
  });

  test("names the row in the layer that it is of", () => {
    const text = shipped.text.replace("cluster_name: picker }", "cluster_name: nobody }");
    const evidence = evidenceOf([{ name: "envoy.yaml", text }]);
    const picker = checklistOf(diagnose(evidence), evidence).find(({ layer }) => layer === "picker");
    expect(picker).toMatchObject({
      state: expect.stringMatching(/broken|risk/),
      says: expect.stringContaining("row 44, "),
    });
  });
});

test("what a live probe wrote is read again, by itself or in a report", () => {
  const asked = [{ question: "pick", isWell: false, status: "12", quote: { source: "p:9002", text: "x" } }];
  for (const tree of [{ asked }, { format: 1, first: null, asked }]) {
    expect(evidenceOf([{ name: "live.json", text: JSON.stringify(tree) }]).live).toEqual({ asked });
  }
});

test("of two configurations the first is said to be passed over", () => {
  const { unread } = evidenceOf([shipped, { ...shipped, name: "other.yaml" }]);
  expect(unread).toEqual([{ source: "buffered.yaml", why: "other.yaml came after it and counts in its place" }]);
});
