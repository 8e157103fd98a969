import { beforeEach, describe, expect, test } from "vitest";
import { BackendReport } from "../../../src/observe/backend-report.ts";
import { Logs } from "../../../src/observe/log.ts";
import { Metrics } from "../../../src/observe/metrics.ts";
import { unknownUsage } from "../../../src/response/usage.ts";

let said: string[];
let instruments: Metrics["instruments"];
let report: BackendReport;

beforeEach(() => {
  said = [];
  const logs = new Logs({
    verbosity: 5,
    destination: { write: () => undefined },
    listener: (_level, fields, message) => said.push(`${fields["backend"]} ${message}`),
  });
  instruments = new Metrics("test").instruments;
  report = new BackendReport(logs.of("ext-proc"), instruments);
});

describe("BackendReport", () => {
  test.each([
    [0, "unknown"],
    [1, "first"],
    [2, "further"],
    [5, "further"],
  ])("counts attempt %i as %s", (attempt, place) => {
    report.attemptMade("a", attempt);
    expect(instruments.attempts.valueOf({ backend: "a", attempt: place })).toBe(1);
  });

  test.each([
    [200, "2xx"],
    [302, "3xx"],
    [404, "4xx"],
    [429, "429"],
    [503, "5xx"],
    [-1, "unseen"],
  ])("counts an answer of status %i as %s", (status, label) => {
    report.backendAnswered({ backend: "a", status, usage: unknownUsage });
    expect(instruments.backendAnswers.valueOf({ backend: "a", status: label })).toBe(1);
    expect(instruments.backendTokens.sums("kind")).toEqual({});
  });

  test("counts the tokens that an answer tells", () => {
    const usage = { ...unknownUsage, promptTokens: 5, completionTokens: 2, reasoningTokens: 0 };
    report.backendAnswered({ backend: "a", status: 200, usage });
    expect(instruments.backendTokens.sums("kind")).toEqual({ prompt: 5, completion: 2 });
  });

  test("says what is at fault once for each backend, and counts it always", () => {
    for (const backend of ["a", "a", "b"]) report.attemptUnfit("body_hidden", backend, "envoy:1");
    for (let i = 0; i < 2; i++) report.attemptRefused("backend_credential_missing", "a");
    expect(said.map((line) => line.slice(0, 20))).toEqual(
      ["a an attempt cannot b", "b an attempt cannot b", "a an attempt was ans"].map((line) => line.slice(0, 20)),
    );
    expect(instruments.attemptsUnfit.valueOf({ flaw: "body_hidden" })).toBe(3);
    expect(instruments.attemptRefusals.valueOf({ backend: "a", code: "backend_credential_missing" })).toBe(2);
  });

  test("says nothing of what clients do wrong", () => {
    report.attemptRefused("malformed_json", "a");
    report.routeRefused("unsupported_path");
    report.routed("body");
    expect(said).toEqual([]);
    expect(instruments.refusals.valueOf({ code: "unsupported_path" })).toBe(1);
    expect(instruments.routed.valueOf({ by: "body" })).toBe(1);
  });
});
