import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { amzDate, canonicalRequest, sha256, signRequest } from "../../../../src/credentials/aws/sign-request.ts";

interface Vector {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly sessionToken?: string;
  readonly canonicalRequest: string;
  readonly authorization: string;
}

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/credentials/sigv4/${name}`, import.meta.url), "utf8"));
const suite: {
  keys: { accessKeyId: string; secretAccessKey: string };
  scope: { region: string; service: string };
  vectors: readonly Vector[];
} = read("vectors.json");

/** By lower-case name, as HTTP joins what comes several times. */
function joined({ headers, sessionToken }: Vector): Record<string, string> {
  const found: Record<string, string> = sessionToken === undefined ? {} : { "x-amz-security-token": sessionToken };
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const before = found[key];
    found[key] = before === undefined || key === "x-amz-security-token" ? value : `${before},${value.trim()}`;
  }
  return found;
}

describe("signRequest", () => {
  test("has all of the published suite before it", () => {
    expect(suite.vectors).toHaveLength(34);
  });

  test.each(suite.vectors)("signs as the published vector $name", (vector) => {
    const { method, path, body, authorization } = vector;
    const request = { method, path, headers: joined(vector), bodyHash: sha256([body]) };
    expect(canonicalRequest(request)).toBe(vector.canonicalRequest);
    expect(signRequest(request, { ...suite.keys, sessionToken: vector.sessionToken ?? "" }, suite.scope)).toBe(
      authorization,
    );
  });

  test("encodes a model's id once more than it goes out, and a bare colon once", () => {
    const pathOf = (path: string) =>
      canonicalRequest({ method: "POST", path, headers: {}, bodyHash: "" }).split("\n")[1];
    expect(pathOf("/model/amazon.nova-lite-v1%3A0/converse")).toBe("/model/amazon.nova-lite-v1%253A0/converse");
    expect(pathOf("/model/amazon.nova-lite-v1:0/converse")).toBe("/model/amazon.nova-lite-v1%3A0/converse");
    expect(pathOf("/model/arn%3Aaws%2Fx/converse")).toBe("/model/arn%253Aaws%252Fx/converse");
  });

  test("takes a percent sign that encodes nothing as it stands", () => {
    const { 2: query } = canonicalRequest({ method: "GET", path: "/?a=5%&b=%zz", headers: {}, bodyHash: "" }).split(
      "\n",
    );
    expect(query).toBe("a=5%25&b=%25zz");
  });
});

test("sha256 is the same however the body is cut", () => {
  const body = Buffer.from("one body, cut anywhere");
  expect(sha256([body.subarray(0, 3), body.subarray(3, 3), body.subarray(3)])).toBe(sha256([body]));
});

test("amzDate has neither signs nor fractions", () => {
  expect(amzDate(new Date("2015-08-30T12:36:00.789Z"))).toBe("20150830T123600Z");
});
