import { describe, expect, test } from "vitest";
import { cleanError, cleanFields, cleanText, errorLine } from "../../../src/observe/log-cleaning.ts";

const SECRET = "xyzzy-4711-xyzzy";

describe("cleanText", () => {
  test.each([
    `connect to https://user:${SECRET}@pod:8000/metrics failed`,
    `connect to https://${SECRET}@pod:8000`,
    `GET http://pod:8000/v1/models?api_key=${SECRET}&x=1 failed`,
    `POST /v1/completions?key=${SECRET}: no`,
    `Authorization: Bearer ${SECRET}`,
    `sent bearer ${SECRET} to it`,
    `sent Basic ${SECRET}== to it`,
    `x-api-key: ${SECRET}`,
    `{"api_key":"${SECRET}"}`,
    `{"password": "${SECRET}"}`,
    `cookie=${SECRET}; and so on`,
    `token=${SECRET}`,
    `connect http://me:pa/ss${SECRET}@h:1 failed`,
    `dial me:${SECRET}@h:80 failed`,
    `{"api_key":"xyzzy and ${SECRET}"}`,
    `got header api-key ${SECRET} from it`,
    `GET /a?x='${SECRET}' failed`,
    "a key sk-xyzzy4711xyzzy in it",
    "a token eyJxyzzy4711xyzzy.xyzzy4711.xyzzy in it",
    `Unexpected token 'x', "${SECRET} is a prompt" is not valid JSON`,
    `Unexpected token 'y', ..."a "${SECRET} b"... is not valid JSON`,
  ])("takes the secret out of %j and leaves the rest", (text) => {
    const clean = cleanText(text);
    expect(clean).not.toContain("xyzzy");
    expect(clean.length).toBeGreaterThan(10);
  });

  test.each([
    "GET http://10.0.0.1:8000/metrics: ECONNREFUSED",
    "a client called a gRPC method that is not served here: is its filter ext_proc?",
    "the pods' token goes to any certificate: give their CA",
    "default/llama [::1]:8000 50 %",
    "x.yaml:3:4 pools[0].scrape.token: expected one of interval, tokenFile, got another value",
    "image ghcr.io/a/b:v1@sha256:abcd is used",
    "an api-key is not needed here",
    "retried 10:30:01 at pod@zone",
  ])("leaves %j as it is", (text) => {
    expect(cleanText(text)).toBe(text);
  });

  test("knows the shape of a key that AWS gives out", () => {
    expect(cleanText("signed by AKIAIOSFODNN7EXAMPLE")).toBe("signed by [redacted]");
  });

  test("cuts long texts before it looks at them", () => {
    expect(cleanText("a".repeat(3_000))).toBe(`${"a".repeat(2_000)}... (1000 more)`);
  });

  test("takes no longer than its length on texts made to slow it down", () => {
    const startMs = performance.now();
    for (const part of ["a://", '"', "/?", "bearer ", "eyJaaaaaaaa.", "sk-", "token="]) cleanText(part.repeat(2_000));
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });
});

describe("cleanFields", () => {
  test("keeps what a log is for", () => {
    const fields = { pod: "vllm-1", count: 3, ok: true, none: null, models: ["a", "b"], place: { pool: "chat" } };
    expect(cleanFields(fields)).toEqual(fields);
  });

  test.each([
    "authorization",
    "Cookie",
    "x-api-key",
    "apiKey",
    "password",
    "token",
    "body",
    "headers",
    "prompt",
    "messages",
  ])("has nothing of a field %s", (name) => {
    expect(JSON.stringify(cleanFields({ [name]: SECRET, in: { [name]: { deep: SECRET } } }))).not.toContain(SECRET);
  });

  test("names objects of other kinds and does not open them", () => {
    class Request {
      readonly body = SECRET;
    }
    const fields = {
      of: new Request(),
      bytes: Buffer.from(SECRET),
      map: new Map([[SECRET, SECRET]]),
      run: () => SECRET,
    };
    expect(cleanFields(fields)).toEqual({ of: "[Request]", bytes: "[Buffer]", map: "[Map]", run: "[function]" });
  });

  test("ends in depth and in breadth, also where a field holds itself", () => {
    const ring: Record<string, unknown> = { list: Array.from({ length: 1_000 }, (_, i) => i) };
    ring["self"] = ring;
    const clean = cleanFields(ring);
    expect(clean["list"]).toHaveLength(100);
    expect(JSON.stringify(clean).length).toBeLessThan(3_000);
  });
});

describe("cleanError", () => {
  function thrown(): Error {
    const error = new TypeError(`GET https://me:${SECRET}@pod/x?k=${SECRET} failed`, {
      cause: new Error(`Bearer ${SECRET}`),
    });
    return Object.assign(error, { code: "ECONNRESET", request: { headers: { authorization: SECRET } }, body: SECRET });
  }

  test("keeps name, code, words and frames, and nothing that hangs on the error", () => {
    const clean = cleanError(thrown());
    expect(clean).toMatchObject({ type: "TypeError", code: "ECONNRESET", stack: expect.stringContaining("at thrown") });
    expect(Object.keys(clean).sort()).toEqual(["cause", "code", "message", "stack", "type"]);
    expect(JSON.stringify(clean)).not.toContain(SECRET);
  });

  test("takes no line of a message for a frame", () => {
    const error = new Error(`broken\n    at ${SECRET}\n    here`);
    expect(cleanError(error).stack).not.toContain(SECRET);
  });

  test("says what V8 quotes of a text without the quote", () => {
    const parse = () => JSON.parse(`${SECRET}{`);
    expect(parse).toThrow(SECRET);
    try {
      parse();
    } catch (error) {
      expect(errorLine(error)).toMatch(/^SyntaxError: Unexpected token 'x', the text is not valid JSON \| at /);
    }
  });

  test("takes what is no error as its text", () => {
    expect(cleanError(`token=${SECRET}`)).toEqual({ type: "string", message: "token=[redacted]" });
  });
});
