import { describe, expect, test } from "vitest";
import { answerError, documentFault, errorTranslation, toldError } from "../../../src/translators/error-answer.ts";

function translated(status: number, text: string, headers: Readonly<Record<string, string>> = {}) {
  const head = {
    status,
    contentType: "application/json",
    atSeconds: 5,
    id: "ours",
    header: (name: string) => headers[name] ?? "",
  };
  const translation = errorTranslation(head);
  expect(translation.push(Buffer.from(text)).length).toBe(0);
  return JSON.parse(translation.end().toString()).error;
}

describe("answerError", () => {
  test.each([
    [400, "invalid_request_error"],
    [401, "authentication_error"],
    [403, "permission_error"],
    [404, "invalid_request_error"],
    [413, "invalid_request_error"],
    [429, "rate_limit_error"],
    [500, "server_error"],
    [503, "server_error"],
    [529, "server_error"],
  ])("has OpenAI's type for %d", (status, type) => {
    expect(answerError(status, { message: "m", code: "c" })).toMatchObject({ type, code: "c" });
  });

  test.each([401, 403])("keeps what %d says of a credential from the client", (status) => {
    expect(answerError(status, { message: "bad key sk-canary", code: "c" }).message).not.toContain("canary");
  });

  test("has words of its own where the provider has none", () => {
    expect(answerError(502, undefined)).toMatchObject({ message: "The backend answered with status 502.", code: null });
    expect(answerError(502, { message: "", code: "" })).toEqual(answerError(502, undefined));
  });
});

describe("toldError", () => {
  test.each<[string, Parameters<typeof toldError>[0], ReturnType<typeof toldError>]>([
    ["OpenAI", { error: { message: "m", type: "t", code: "c", param: null } }, { message: "m", code: "t" }],
    [
      "Anthropic",
      { type: "error", error: { type: "overloaded_error", message: "m" } },
      { message: "m", code: "overloaded_error" },
    ],
    [
      "Google",
      { error: { code: 429, message: "m", status: "RESOURCE_EXHAUSTED" } },
      { message: "m", code: "RESOURCE_EXHAUSTED" },
    ],
    ["Google, where a stream was asked for", [{ error: { message: "m", status: "S" } }], { message: "m", code: "S" }],
    ["Amazon", { message: "m" }, { message: "m", code: "" }],
    [
      "Amazon, in full",
      { Message: "m", __type: "com.amazon#ThrottlingException" },
      { message: "m", code: "ThrottlingException" },
    ],
    ["a server with a text", { error: "m" }, { message: "m", code: "" }],
    ["nobody", "text", undefined],
    ["an empty list", [], undefined],
  ])("reads what %s writes", (_title, body, told) => {
    expect(toldError(body)).toEqual(told);
  });
});

describe("documentFault", () => {
  test.each([
    ['{"a":', "backend_answer_cut"],
    ["", "backend_answer_cut"],
    ['{"a":1}', "backend_answer_unreadable"],
    ["[1]", "backend_answer_unreadable"],
    [undefined, "backend_answer_unreadable"],
  ])("of %j is %s", (text, code) => {
    expect(documentFault(text).code).toBe(code);
  });
});

describe("errorTranslation", () => {
  test("reads a list as well as an object", () => {
    expect(translated(429, '[{"error":{"message":"m","status":"S"}}]\n')).toMatchObject({ message: "m", code: "S" });
  });

  test("shows nothing of a page that is no JSON", () => {
    expect(translated(502, "<html>canary</html>")).toEqual({
      ...{ message: "The backend answered with status 502.", type: "server_error", param: null, code: null },
    });
  });

  test("takes Amazon's name of the error from its header", () => {
    const headers = { "x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/" };
    expect(translated(429, '{"message":"m"}', headers)).toMatchObject({ message: "m", code: "ThrottlingException" });
  });
});
