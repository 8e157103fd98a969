import { describe, expect, test } from "vitest";
import { type ErrorCode, errorCodes } from "../../../src/errors.ts";
import { aibrixError } from "../../../src/ext-proc/aibrix-errors.ts";
import { refusalReply } from "../../../src/ext-proc/encode-immediate.ts";
import { mutatedHeaders, protoMethods } from "../../../src/ext-proc/messages.ts";
import type { Refusal } from "../../../src/routing/choose-pool.ts";

function answerTo(refusal: Omit<Refusal, "kind">) {
  const reply = protoMethods().process.responseDeserialize(refusalReply({ kind: "refused", ...refusal }, true));
  const { status, body } = reply.immediate_response ?? {};
  const { error } = JSON.parse(body?.toString() ?? "") as { error: Record<string, unknown> };
  return { status: status?.code, error, headers: mutatedHeaders(reply) };
}

describe("a refusal as AIBrix says it", () => {
  test.each<[Omit<Refusal, "kind">, number, string, string | null, string, string]>([
    [{ code: "malformed_json" }, 400, "invalid_request_error", null, "x-error-request-body-processing", "true"],
    [{ code: "model_missing" }, 400, "invalid_request_error", null, "x-error-request-body-processing", "true"],
    [
      { code: "model_not_found", model: "lla\r\nma", known: ["a"] },
      ...([400, "invalid_request_error", "model_not_found", "x-error-no-model-backends", "lla??ma"] as const),
    ],
    [
      { code: "no_pods", model: "m" },
      ...([503, "overloaded_error", "service_unavailable", "x-error-no-model-backends", "m"] as const),
    ],
    [{ code: "strategy_unknown", strategy: "x" }, 400, "invalid_request_error", null, "x-error-routing", "true"],
    [{ code: "filter_empty" }, 503, "overloaded_error", "service_unavailable", "x-error-routing", "true"],
    [{ code: "no_pod_left" }, 503, "overloaded_error", "service_unavailable", "x-error-routing", "true"],
    [{ code: "saturated" }, 429, "rate_limit_error", "rate_limit_exceeded", "retry-after", "1"],
    [{ code: "overloaded" }, 503, "overloaded_error", "service_unavailable", "retry-after", "1"],
    [{ code: "body_too_large" }, 413, "invalid_request_error", "body_too_large", "x-pointsman-error", "body_too_large"],
  ])("%j", (refusal, status, type, code, header, value) => {
    const answer = answerTo(refusal);
    expect([answer.status, answer.error["type"], answer.error["code"]]).toEqual([status, type, code]);
    expect(answer.headers.get(header)).toBe(value);
    expect(answer.headers.get("x-pointsman-error")).toBe(refusal.code);
    expect(answer.headers.get("content-type")).toBe("application/json");
  });

  test("names the strategy, and the part that only AIBrix has", () => {
    const messageOf = (refusal: Omit<Refusal, "kind">) => answerTo(refusal).error["message"];
    expect(messageOf({ code: "strategy_unknown", strategy: "swift" })).toBe("incorrect routing strategy swift");
    expect(messageOf({ code: "strategy_unknown", strategy: "random,pd", unsupported: "pd" })).toBe(
      "incorrect routing strategy random,pd: pd is not supported",
    );
    expect(messageOf({ code: "strategy_unknown", strategy: `é${"x".repeat(9000)}` })).toMatch(/ \?x{255}$/);
    expect(messageOf({ code: "filter_empty" })).toBe("error on selecting target pod");
    expect(messageOf({ code: "model_not_found", known: ["a", "b"] })).toContain("Known: a, b.");
  });

  test.each(Object.keys(errorCodes) as ErrorCode[])("has status, text and type for %s", (code) => {
    const { status, message, type } = aibrixError({ kind: "refused", code });
    expect(status).toBeGreaterThanOrEqual(400);
    expect([message, type].every((text) => text.length > 5)).toBe(true);
  });
});
