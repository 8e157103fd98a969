import { describe, expect, test } from "vitest";
import { MaskedSecrets } from "../../../src/ext-proc/masked-secrets.ts";
import { answer, answerText, BODY, opening, removedIn } from "../../support/attempt-messages.ts";
import { backendOf, bookOf, HeaderKey, saying } from "../../support/small-backends.ts";
import { StreamRig } from "../../support/stream-rig.ts";

const KEY = "sk-sk-canary-4";
const MASKED = "*".repeat(KEY.length);

/** What goes out of the pieces, each by itself. */
function written(secrets: readonly string[], ...pieces: readonly string[]): string[] {
  const mask = MaskedSecrets.of(secrets);
  const out = pieces.map((piece) => Buffer.concat(mask?.write(Buffer.from(piece)) ?? []).toString());
  return [...out, Buffer.concat(mask?.end() ?? []).toString()];
}

describe("MaskedSecrets", () => {
  test("takes every secret out, in whatever pieces it comes", () => {
    const text = `no ${KEY}, ${KEY}${KEY} and token-of-2`;
    const masked = `no ${MASKED}, ${MASKED}${MASKED} and **********`;
    for (let at = 0; at <= text.length; at++) {
      expect(written([KEY, "token-of-2"], text.slice(0, at), text.slice(at)).join("")).toBe(masked);
    }
    expect(written([KEY, "token-of-2"], ...text).join("")).toBe(masked);
  });

  test("holds back only what a secret may begin with", () => {
    expect(written([KEY], "a sk-sk-", "sk-canary-", "5")).toEqual(["a ", "sk-", "sk-sk-canary-5", ""]);
    expect(written([KEY], "the end is s")).toEqual(["the end is ", "s"]);
  });

  test("passes a piece without a secret as the same buffer, and never changes one", () => {
    const [plain, telling] = [Buffer.from("nothing"), Buffer.from(`a ${KEY}.`)];
    const mask = MaskedSecrets.of([KEY]);
    expect(mask?.write(plain)[0]).toBe(plain);
    mask?.write(telling);
    expect(telling.toString()).toBe(`a ${KEY}.`);
  });

  test("is none for secrets that might be a word of any text", () => {
    expect(MaskedSecrets.of(["", "invalid"])).toBeUndefined();
  });
});

describe("an error that is not translated", () => {
  const rigOf = () =>
    new StreamRig({
      backends: bookOf(
        backendOf("a", { credential: new HeaderKey("authorization", `Bearer ${KEY}`), models: new Map([["m", "n"]]) }),
        backendOf("b", { credential: new HeaderKey("x-api-key", KEY) }),
      ),
    });
  const told = `{"error":{"message":"invalid key: Bearer ${KEY}"}}`;
  const json = { "content-type": "application/json" };

  test.each(["STREAMED", "BUFFERED", "FULL_DUPLEX_STREAMED"] as const)(
    "%s: reaches the client without the key that the backend quotes",
    (response) => {
      for (const backend of ["a", "b"]) {
        const stream = rigOf().open().send(opening({ backend, response })).body(BODY);
        const chunks = response === "BUFFERED" ? [told] : [told.slice(0, 44), told.slice(44)];
        answer(stream, { ":status": "401", ...json }, ...chunks);
        expect(answerText(stream)).toBe(told.replace(KEY, MASKED));
      }
    },
  );

  test("is the answer's own where it is none", () => {
    const stream = rigOf()
      .open()
      .send(opening({ backend: "b" }))
      .body(BODY);
    answer(stream, json, told);
    // Goes on as it came.
    expect(answerText(stream)).toBe("");
  });
});

test("an answer does not tell the client whose key it was, but to the key's owner", () => {
  const none = { headerNames: [], signsBody: false, headersFor: () => ({}), close: () => undefined };
  const backends = bookOf(
    backendOf("a"),
    backendOf("say", { translator: saying, options: {} }),
    backendOf("own", { credential: none, keepsAuthorization: true }),
  );
  const account = { "anthropic-organization-id": "o", "openai-organization": "o" };
  const removed = (backend: string, ...chunks: readonly string[]) => {
    const stream = new StreamRig({ backends }).open().send(opening({ backend })).body(BODY);
    return removedIn(answer(stream, account, ...chunks).replies[2]);
  };
  for (const backend of ["a", "say"]) {
    expect(removed(backend, "{}")).toEqual(expect.arrayContaining(Object.keys(account)));
    expect(removed(backend)).toEqual(expect.arrayContaining(Object.keys(account)));
  }
  expect(removed("own", "{}")).toEqual([]);
});
