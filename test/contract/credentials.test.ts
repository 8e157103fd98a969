/** Every kind of credential, in each way it may be set up, under the rules all kinds keep. */
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeProtectedHeader } from "jose";
import { afterAll, expect, test } from "vitest";
import { sha256, signRequest } from "../../src/credentials/aws/sign-request.ts";
import type { CredentialKind } from "../../src/credentials/credential.ts";
import { credentialKinds } from "../../src/credentials/index.ts";
import type { OptionValues } from "../../src/routing/option-values.ts";
import { oauthAnswer, roleAnswer, roleError, type TokenCall, TokenServer } from "../support/token-server.ts";
import {
  describeCredential,
  describeExchangedCredential,
  describeFollowedCredential,
  request,
} from "./credential-contract.ts";

const folder = mkdtempSync(join(tmpdir(), "credentials-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
function freshFile(): string {
  const place = join(folder, String(files++));
  mkdirSync(place);
  return join(place, "secret");
}

const described = new Set<string>();
function kindOf(name: string): CredentialKind {
  described.add(name);
  return credentialKinds.get(name) ?? expect.unreachable(name);
}

const numbers = [0, 1, 2, 3];
/** Which of the numbered texts it is. */
function numberIn(text: string | undefined, textOf: (n: number) => string): number {
  const found = numbers.find((n) => textOf(n) === text);
  if (found === undefined) throw new Error("no request may go out with this");
  return found;
}

describeCredential("none", kindOf("none"), async () => ({
  options: {},
  numberOf: (headers) => (Object.keys(headers).length === 0 ? 1 : expect.unreachable()),
  secrets: () => [],
  end: () => undefined,
}));

const keyOf = (n: number) => `sk-canary-${n}-${String(n).repeat(120)}`;
for (const [header, scheme] of [
  ["authorization", "Bearer "],
  ["x-api-key", ""],
] as const) {
  describeFollowedCredential(`api-key in ${header}`, kindOf("api-key"), async () => {
    const path = freshFile();
    return {
      options: { file: path, header },
      file: { path, text: (n) => `${keyOf(n)}\n` },
      numberOf: (headers) => numberIn(headers[header], (n) => `${scheme}${keyOf(n)}`),
      secrets: () => numbers.map(keyOf),
      end: () => undefined,
    };
  });
}

/** Which of the keys has signed. */
function signerOf(
  headers: Readonly<Record<string, string>>,
  keysOf: (n: number) => [id: string, secret: string],
): number {
  const { authorization, ...set } = headers;
  const signed = { ...set, host: request.host, "content-type": "application/json" };
  const bodyHash = sha256(request.body);
  const scope = { region: "eu-west-1", service: "bedrock" };
  return numberIn(authorization, (n) => {
    const [accessKeyId, secretAccessKey] = keysOf(n);
    return signRequest(
      { ...request, headers: signed, bodyHash },
      { accessKeyId, secretAccessKey, sessionToken: "" },
      scope,
    );
  });
}
const awsKeys = (n: number): [string, string] => [`AKIACANARY${n}`, `canary/secret+${n}=${String(n).repeat(40)}`];

describeFollowedCredential("aws by a credentials file", kindOf("aws"), async () => {
  const path = freshFile();
  const text = (n: number) => {
    const [id, secret] = awsKeys(n);
    return `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\naws_session_token = ${keyOf(n)}\n`;
  };
  return {
    options: { credentialsFile: path, region: "eu-west-1" },
    file: { path, text },
    numberOf: (headers) => {
      const number = signerOf(headers, awsKeys);
      expect(headers["x-amz-security-token"]).toBe(keyOf(number));
      return number;
    },
    secrets: () => numbers.flatMap((n) => [awsKeys(n)[1], keyOf(n)]),
    end: () => undefined,
  };
});

describeExchangedCredential("aws by web identity", kindOf("aws"), async () => {
  const path = freshFile();
  const server = await TokenServer.start(({ form }) => {
    const n = numberIn(form.get("WebIdentityToken") ?? "", keyOf);
    return roleAnswer(...awsKeys(n), `session-canary-${n}`)();
  });
  return {
    options: {
      webIdentityTokenFile: path,
      roleArn: "arn:aws:iam::123456789012:role/llm",
      region: "eu-west-1",
      stsEndpoint: server.url,
    },
    file: { path, text: (n) => `${keyOf(n)}\n` },
    numberOf: (headers) => signerOf(headers, awsKeys),
    secrets: () => numbers.flatMap((n) => [keyOf(n), awsKeys(n)[1], `session-canary-${n}`]),
    refuse: () => {
      server.answer = ({ form }) => {
        const token = form.get("WebIdentityToken") ?? "";
        return roleError(400, token, `${token} is no good`)();
      };
    },
    end: () => server.stop(),
  };
});

const accessOf = (n: number) => `access-canary-${n}-${String(n).repeat(40)}`;
const bearerNumber = (headers: Readonly<Record<string, string>>) =>
  numberIn(headers["authorization"], (n) => `Bearer ${accessOf(n)}`);
/** A server that gives the token for the secret that it is asked with. */
async function exchangeServer(numberOf: (call: TokenCall) => number) {
  const server = await TokenServer.start((call) => oauthAnswer(accessOf(numberOf(call)))());
  const refuse = () => {
    server.answer = ({ form }) => {
      const asked = Object.fromEntries(form);
      const secret = asked["client_secret"] ?? asked["client_assertion"] ?? asked["assertion"];
      return { status: 401, body: JSON.stringify({ error: secret, error_description: secret, error_uri: asked }) };
    };
  };
  return { server, refuse };
}

for (const [option, field] of [
  ["clientSecretFile", "client_secret"],
  ["federatedTokenFile", "client_assertion"],
] as const) {
  describeExchangedCredential(`azure by ${option}`, kindOf("azure"), async () => {
    const path = freshFile();
    const { server, refuse } = await exchangeServer(({ form }) => numberIn(form.get(field) ?? "", keyOf));
    return {
      options: { [option]: path, tenantId: "tenant", clientId: "app", authorityHost: server.url },
      file: { path, text: (n) => `${keyOf(n)}\n` },
      numberOf: bearerNumber,
      secrets: () => numbers.flatMap((n) => [keyOf(n), accessOf(n)]),
      refuse,
      end: () => server.stop(),
    };
  });
}

const pems = numbers.map(() => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
});

describeExchangedCredential("gcp", kindOf("gcp"), async () => {
  const path = freshFile();
  const { server, refuse } = await exchangeServer(({ form }) =>
    numberIn(decodeProtectedHeader(form.get("assertion") ?? "").kid, (n) => `key-${n}`),
  );
  const text = (n: number) =>
    JSON.stringify({
      type: "service_account",
      private_key_id: `key-${n}`,
      private_key: pems[n],
      client_email: "picker@llm.iam.gserviceaccount.com",
      token_uri: `${server.url}/token`,
    });
  return {
    options: { file: path } satisfies OptionValues,
    file: { path, text },
    numberOf: bearerNumber,
    // A line of the key is a secret too.
    secrets: () => numbers.flatMap((n) => [accessOf(n), ...(pems[n]?.split("\n").slice(1, -2) ?? [])]),
    refuse,
    end: () => server.stop(),
  };
});

test("every kind of credential is under these rules", () => {
  expect([...described].sort()).toEqual([...credentialKinds.keys()].sort());
});
