import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { azure } from "../../../src/credentials/azure.ts";
import { type Credential, CredentialMissing } from "../../../src/credentials/credential.ts";
import { withDefaults } from "../../../src/routing/option-values.ts";
import { HeardCredential } from "../../support/credential-events.ts";
import { layFile } from "../../support/file-swaps.ts";
import { oauthAnswer, TokenServer } from "../../support/token-server.ts";

const folder = mkdtempSync(join(tmpdir(), "azure-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const clientSecretFile = join(folder, "secret");
const federatedTokenFile = join(folder, "token");
layFile(clientSecretFile, "8Q~sesame\n");
layFile(federatedTokenFile, "ey.J0.x\n");

let server: TokenServer;
const opened: Credential[] = [];
beforeEach(async () => {
  for (const name of Object.keys(process.env)) if (name.startsWith("AZURE_")) vi.stubEnv(name, undefined);
  server = await TokenServer.start(oauthAnswer("eyAccess"));
});
afterEach(async () => {
  for (const credential of opened.splice(0)) credential.close();
  vi.unstubAllEnvs();
  await server.stop();
});

type AzureOptions = Parameters<typeof azure.open>[0];
const withThese = (options: Partial<AzureOptions>) => ({
  ...(withDefaults(azure.options) as AzureOptions),
  ...options,
});

async function open(options: Partial<AzureOptions>, heard = new HeardCredential()): Promise<Credential> {
  const credential = await azure.open(withThese(options), heard);
  opened.push(credential);
  return credential;
}

const request = { method: "POST", host: "h", path: "/", headers: {}, body: [] };
const who = { tenantId: "contoso.example", clientId: "app-1" };

describe("azure", () => {
  test("exchanges a client's secret at the tenant's endpoint", async () => {
    const credential = await open({ ...who, clientSecretFile, authorityHost: `${server.url}/` });
    expect(credential.headersFor(request)).toEqual({ authorization: "Bearer eyAccess" });
    expect(credential.headerNames).toEqual(["authorization"]);
    expect(server.calls[0]?.path).toBe("/contoso.example/oauth2/v2.0/token");
    expect(Object.fromEntries(server.calls[0]?.form ?? [])).toEqual({
      grant_type: "client_credentials",
      client_id: "app-1",
      client_secret: "8Q~sesame",
      scope: "https://cognitiveservices.azure.com/.default",
    });
  });

  test("exchanges a token of workload identity, for the scope that is set", async () => {
    const credential = await open({ ...who, federatedTokenFile, authorityHost: server.url, scope: "api://x/.default" });
    expect(credential.headersFor(request)).toEqual({ authorization: "Bearer eyAccess" });
    expect(Object.fromEntries(server.calls[0]?.form ?? [])).toEqual({
      grant_type: "client_credentials",
      client_id: "app-1",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: "ey.J0.x",
      scope: "api://x/.default",
    });
  });

  test("takes everything from the environment of workload identity", async () => {
    vi.stubEnv("AZURE_TENANT_ID", "tenant-env");
    vi.stubEnv("AZURE_CLIENT_ID", "app-env");
    vi.stubEnv("AZURE_FEDERATED_TOKEN_FILE", federatedTokenFile);
    vi.stubEnv("AZURE_AUTHORITY_HOST", `${server.url}/`);
    const credential = await open({});
    expect(credential.headersFor(request)).toEqual({ authorization: "Bearer eyAccess" });
    expect(server.calls[0]?.path).toBe("/tenant-env/oauth2/v2.0/token");
    expect(server.calls[0]?.form.get("client_id")).toBe("app-env");
    expect(server.calls[0]?.form.get("client_assertion")).toBe("ey.J0.x");
  });

  test("a client's secret that is set counts more than the environment's token", async () => {
    vi.stubEnv("AZURE_FEDERATED_TOKEN_FILE", federatedTokenFile);
    await open({ ...who, clientSecretFile, authorityHost: server.url });
    expect(server.calls[0]?.form.get("client_secret")).toBe("8Q~sesame");
    expect(server.calls[0]?.form.has("client_assertion")).toBe(false);
  });

  test.each([
    ["no tenantId is set", { clientId: "a", clientSecretFile }],
    ["no clientId is set", { tenantId: "a", clientSecretFile }],
    ["no clientSecretFile or federatedTokenFile is set", who],
  ])("says that %s, asks nobody, and throws", async (why, options) => {
    const heard = new HeardCredential();
    const credential = await open({ ...options, authorityHost: server.url }, heard);
    expect([heard.failures, server.calls]).toEqual([[why], []]);
    expect(() => credential.headersFor(request)).toThrow(new CredentialMissing(why));
  });

  test("sends no secret to an address of the environment that is not encrypted", async () => {
    vi.stubEnv("AZURE_AUTHORITY_HOST", "http://login.example.com");
    const heard = new HeardCredential();
    await open({ ...who, clientSecretFile }, heard);
    expect(heard.failures).toEqual(["AZURE_AUTHORITY_HOST is not an https:// address (http:// only to this machine)"]);
  });

  test("wants one proof, and an authority that secrets may be sent to", () => {
    const check = (options: Partial<AzureOptions>) => azure.check?.(withThese(options)).map(({ option }) => option);
    expect(check({})).toEqual([]);
    expect(check({ clientSecretFile, federatedTokenFile })).toEqual(["federatedTokenFile"]);
    expect(check({ authorityHost: "http://login.example.com" })).toEqual(["authorityHost"]);
    expect(check({ authorityHost: "https://login.microsoftonline.us/" })).toEqual([]);
  });
});
