import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { aws } from "../../../src/credentials/aws.ts";
import { type Credential, CredentialMissing } from "../../../src/credentials/credential.ts";
import { withDefaults } from "../../../src/routing/option-values.ts";
import { HeardCredential } from "../../support/credential-events.ts";
import { layFile } from "../../support/file-swaps.ts";
import { roleAnswer, TokenServer } from "../../support/token-server.ts";

interface SignedCall {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly sessionToken: string;
  readonly authorization: string;
}

const fixture: {
  keys: { accessKeyId: string; secretAccessKey: string };
  host: string;
  time: string;
  requests: readonly SignedCall[];
} = JSON.parse(readFileSync(new URL("../../fixtures/credentials/sigv4/bedrock.json", import.meta.url), "utf8"));

const folder = mkdtempSync(join(tmpdir(), "aws-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const opened: Credential[] = [];
beforeEach(() => {
  // Whoever runs this may have keys of their own.
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) vi.stubEnv(name, undefined);
});
afterEach(() => {
  for (const credential of opened.splice(0)) credential.close();
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

type AwsOptions = Parameters<typeof aws.open>[0];

async function open(options: Partial<AwsOptions>, heard = new HeardCredential()): Promise<Credential> {
  const credential = await aws.open(
    { ...(withDefaults(aws.options) as AwsOptions), region: "eu-west-1", ...options },
    heard,
  );
  opened.push(credential);
  return credential;
}

const request = { method: "POST", host: "h", path: "/", headers: {}, body: [Buffer.from("{}")] };
const keyIdOf = (credential: Credential) =>
  /Credential=([^/]+)\//.exec(credential.headersFor(request)["authorization"] ?? "")?.[1];

describe("aws", () => {
  test.each(fixture.requests)("signs as AWS's own library: $name", async ({ method, path, body, ...call }) => {
    const credentialsFile = join(folder, "credentials");
    const { accessKeyId, secretAccessKey } = fixture.keys;
    const token = call.sessionToken === "" ? "" : `aws_session_token = ${call.sessionToken}\n`;
    layFile(
      credentialsFile,
      `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n${token}`,
    );
    const credential = await open({ credentialsFile });
    vi.useFakeTimers({ toFake: ["Date"], now: new Date(fixture.time) });
    const bytes = Buffer.from(body);
    const headers = credential.headersFor({
      method,
      host: fixture.host,
      path,
      // Envoy adds to what is on its way; only what is written here is signed.
      headers: { ...(body !== "" && { "content-type": "application/json" }), "x-request-id": "1", "user-agent": "x" },
      body: [bytes.subarray(0, 5), bytes.subarray(5)],
    });
    expect(headers["authorization"]).toBe(call.authorization);
    expect(headers["x-amz-security-token"] ?? "").toBe(call.sessionToken);
    expect(Object.keys(headers).every((name) => credential.headerNames.includes(name))).toBe(true);
    expect(credential.signsBody).toBe(true);
  });

  test("takes the keys of the profile that is named", async () => {
    const credentialsFile = join(folder, "profiles");
    const profileOf = (name: string) => `[${name}]\naws_access_key_id = ${name}\naws_secret_access_key = s\n`;
    layFile(credentialsFile, profileOf("default") + profileOf("llm"));
    expect(keyIdOf(await open({ credentialsFile, profile: "llm" }))).toBe("llm");
  });

  test("takes keys and region from the environment where nothing else is set", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIAENV");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "s");
    vi.stubEnv("AWS_DEFAULT_REGION", "eu-north-1");
    const heard = new HeardCredential();
    const credential = await open({ region: "" }, heard);
    expect(credential.headersFor(request)["authorization"]).toContain("Credential=AKIAENV/");
    expect(credential.headersFor(request)["authorization"]).toContain("/eu-north-1/bedrock/aws4_request");
    expect([heard.renewals, heard.failures]).toEqual([1, []]);
    vi.stubEnv("AWS_REGION", "eu-south-1");
    expect((await open({ region: "" })).headersFor(request)["authorization"]).toContain("/eu-south-1/");
  });

  test.each(["options", "environment"])("assumes the role that the %s name", async (from) => {
    const server = await TokenServer.start(roleAnswer("ASIAROLE", "s", "session"));
    const webIdentityTokenFile = join(folder, "token");
    layFile(webIdentityTokenFile, "ey.J0.x\n");
    vi.stubEnv("AWS_WEB_IDENTITY_TOKEN_FILE", webIdentityTokenFile);
    vi.stubEnv("AWS_ROLE_ARN", "arn:aws:iam::1:role/environment");
    const roleArn = "arn:aws:iam::1:role/options";
    const credential = await open({
      stsEndpoint: server.url,
      ...(from === "options" && { webIdentityTokenFile, roleArn, roleSessionName: "night" }),
    });
    expect(keyIdOf(credential)).toBe("ASIAROLE");
    expect(credential.headersFor(request)["x-amz-security-token"]).toBe("session");
    expect(Object.fromEntries(server.calls[0]?.form ?? [])).toMatchObject({
      RoleArn: `arn:aws:iam::1:role/${from}`,
      RoleSessionName: from === "options" ? "night" : "pointsman",
      WebIdentityToken: "ey.J0.x",
    });
    await server.stop();
  });

  test.each([
    ["no region of AWS is set", { region: "" }, {}],
    ["no keys of AWS are set", {}, { AWS_ACCESS_KEY_ID: "AKIA", AWS_WEB_IDENTITY_TOKEN_FILE: "/token" }],
    [
      "the environment has a secret key of odd letters",
      {},
      { AWS_ACCESS_KEY_ID: "AKIA", AWS_SECRET_ACCESS_KEY: "ses\u0007ame" },
    ],
  ])("says that %s, and throws", async (why, options, environment) => {
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    const heard = new HeardCredential();
    const credential = await open(options, heard);
    expect(heard.failures[0]).toBe(why);
    expect(() => credential.headersFor(request)).toThrow(CredentialMissing);
    expect(credential.headerNames).toContain("authorization");
  });

  test("wants one place of keys, and an endpoint that secrets may be sent to", () => {
    const check = (options: Partial<AwsOptions>) =>
      aws.check?.({ ...(withDefaults(aws.options) as AwsOptions), ...options }).map(({ option }) => option);
    expect(check({})).toEqual([]);
    expect(check({ credentialsFile: "/a", webIdentityTokenFile: "/b" })).toEqual(["webIdentityTokenFile"]);
    expect(check({ stsEndpoint: "http://sts.example.com" })).toEqual(["stsEndpoint"]);
    expect(check({ stsEndpoint: "https://sts.example.com" })).toEqual([]);
  });
});
