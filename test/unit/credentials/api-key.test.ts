import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { apiKey } from "../../../src/credentials/api-key.ts";
import { CredentialMissing } from "../../../src/credentials/credential.ts";
import { HeardCredential } from "../../support/credential-events.ts";
import { layFile } from "../../support/file-swaps.ts";

const folder = mkdtempSync(join(tmpdir(), "api-key-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "key");
layFile(file, "sk-sesame\n");
const request = { method: "POST", host: "api.example.com", path: "/v1/chat/completions", headers: {}, body: [] };

describe("apiKey", () => {
  test.each([
    ["authorization", "", { authorization: "Bearer sk-sesame" }],
    ["Authorization", "Token", { authorization: "Token sk-sesame" }],
    ["api-key", "", { "api-key": "sk-sesame" }],
    ["X-API-Key", "", { "x-api-key": "sk-sesame" }],
    ["x-goog-api-key", "Key", { "x-goog-api-key": "Key sk-sesame" }],
  ])("puts the key into %s after the scheme %j", async (header, scheme, headers) => {
    const credential = await apiKey.open({ file, header, scheme }, new HeardCredential());
    expect(credential.headersFor(request)).toEqual(headers);
    expect(credential.headerNames).toEqual(Object.keys(headers));
    expect(credential.signsBody).toBe(false);
    credential.close();
  });

  test.each(["Bearer sk-sesame", "two words", "sk\tsesame"])("takes no %j for a key", async (text) => {
    const odd = join(folder, "odd");
    layFile(odd, text);
    const heard = new HeardCredential();
    const credential = await apiKey.open({ file: odd, header: "authorization", scheme: "" }, heard);
    expect(() => credential.headersFor(request)).toThrow(CredentialMissing);
    expect(heard.failures).toEqual([expect.not.stringContaining("sesame")]);
    credential.close();
  });

  test("wants a file", () => {
    expect(apiKey.check?.({ file: "", header: "api-key", scheme: "" })).toEqual([
      { option: "file", expects: "the path of a file" },
    ]);
    expect(apiKey.check?.({ file, header: "authorization", scheme: "" })).toEqual([]);
  });

  test.each(["Host", "content-length", "content-type", "transfer-encoding", "connection", "x-envoy-retry-on"])(
    "wants another header than %s",
    (header) => {
      expect(apiKey.check?.({ file, header, scheme: "" })).toEqual([
        { option: "header", expects: "a header that may be set" },
      ]);
    },
  );
});
