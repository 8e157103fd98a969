import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeProtectedHeader, jwtVerify } from "jose";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Credential, CredentialMissing } from "../../../src/credentials/credential.ts";
import { gcp } from "../../../src/credentials/gcp.ts";
import { HeardCredential } from "../../support/credential-events.ts";
import { layFile } from "../../support/file-swaps.ts";
import { oauthAnswer, TokenServer } from "../../support/token-server.ts";

const folder = mkdtempSync(join(tmpdir(), "gcp-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const pemOf = (key: KeyObject) => key.export({ type: "pkcs8", format: "pem" }).toString();
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

let server: TokenServer;
const opened: Credential[] = [];
beforeEach(async () => {
  server = await TokenServer.start(oauthAnswer("ya29.access"));
});
afterEach(async () => {
  for (const credential of opened.splice(0)) credential.close();
  await server.stop();
});

const scope = "https://www.googleapis.com/auth/cloud-platform";
const request = { method: "POST", host: "h", path: "/", headers: {}, body: [] };
const account = () => ({
  type: "service_account",
  project_id: "llm",
  private_key_id: "key-1",
  private_key: pemOf(privateKey),
  client_email: "picker@llm.iam.gserviceaccount.com",
  token_uri: `${server.url}/token`,
});

async function open(content: unknown, heard = new HeardCredential()): Promise<Credential> {
  const file = join(folder, "account.json");
  layFile(file, typeof content === "string" ? content : JSON.stringify(content, undefined, 2));
  const credential = await gcp.open({ file, scope }, heard);
  opened.push(credential);
  return credential;
}

describe("gcp", () => {
  test("exchanges an assertion that the account's key has signed, at the endpoint of the file", async () => {
    const credential = await open(account());
    expect(credential.headersFor(request)).toEqual({ authorization: "Bearer ya29.access" });
    expect(server.calls[0]?.path).toBe("/token");
    const { assertion = "", ...form } = Object.fromEntries(server.calls[0]?.form ?? []);
    expect(form).toEqual({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer" });
    expect(decodeProtectedHeader(assertion)).toEqual({ alg: "RS256", typ: "JWT", kid: "key-1" });
    const { payload } = await jwtVerify(assertion, publicKey, {
      issuer: "picker@llm.iam.gserviceaccount.com",
      audience: `${server.url}/token`,
    });
    expect(payload["scope"]).toBe(scope);
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3_600);
  });

  const { privateKey: elliptic } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  test.each<[string, (good: ReturnType<typeof account>) => unknown]>([
    ["is not a JSON object", () => '{"private_key": "sesame'],
    ["is not a JSON object", () => '"sesame"'],
    ["is not the key of a service account", () => ({ type: "authorized_user", refresh_token: "sesame" })],
    ["has no client_email", ({ client_email: _, ...rest }) => rest],
    ["has no private_key that can be used", ({ private_key: _, ...rest }) => rest],
    ["has no private_key that can be used", (good) => ({ ...good, private_key: good.private_key.slice(0, 900) })],
    ["has no private_key that can be used", (good) => ({ ...good, private_key: pemOf(elliptic) })],
    [
      "has a token_uri that is not an https:// address (http:// only to this machine)",
      (good) => ({ ...good, token_uri: "http://sesame.example.com" }),
    ],
  ])("says that the file %s, asks nobody, and throws", async (why, spoil) => {
    const heard = new HeardCredential();
    const credential = await open(spoil(account()), heard);
    expect(heard.failures).toEqual([`${join(folder, "account.json")} ${why}`]);
    expect(server.calls).toEqual([]);
    expect(() => credential.headersFor(request)).toThrow(CredentialMissing);
  });

  test("wants a file", () => {
    expect(gcp.check?.({ file: "", scope })).toEqual([{ option: "file", expects: "the path of a file" }]);
    expect(gcp.check?.({ file: "/a", scope })).toEqual([]);
  });
});
