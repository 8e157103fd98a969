/**
 * Google Cloud: a service account's key signs an assertion (RFC 7523), which becomes an access token at the endpoint that
 * its file names. By jose and oauth4webapi, which the Kubernetes client brings: google-auth-library takes no notice of
 * that endpoint.
 */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import { bearer } from "./bearer.ts";
import { defineCredential } from "./credential.ts";
import { exchangeFile } from "./exchanged-file.ts";
import { Unusable } from "./followed-file.ts";
import { askForToken, isSafeEndpoint, SAFE_ENDPOINT } from "./token-endpoint.ts";

const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_ENDPOINT = "https://oauth2.googleapis.com/token";

interface ServiceAccount {
  readonly email: string;
  readonly key: KeyObject;
  readonly keyId: string;
  readonly endpoint: string;
}

export const gcp = defineCredential({
  name: "gcp",
  help: "An access token of Google Cloud, by the key of a service account.",
  options: {
    file: {
      default: "",
      expects: "a path",
      help: "JSON file of the service account's key, as Google gives it; followed",
    },
    scope: {
      default: "https://www.googleapis.com/auth/cloud-platform",
      expects: "a scope",
      help: "What the token is for",
    },
  },
  check: ({ file }) => (file === "" ? [{ option: "file", expects: "the path of a file" }] : []),
  async open({ file, scope }, events) {
    const token = await exchangeFile(file, { read: readAccount, exchange }, events);
    return bearer(token);

    async function exchange({ email, key, keyId, endpoint }: ServiceAccount, signal: AbortSignal) {
      const assertion = await new SignJWT({ scope })
        .setProtectedHeader({ alg: "RS256", typ: "JWT", ...(keyId !== "" && { kid: keyId }) })
        .setIssuer(email)
        .setAudience(endpoint)
        .setIssuedAt()
        .setExpirationTime("1h")
        .sign(key);
      return askForToken({ endpoint, grantType: GRANT_TYPE, parameters: { assertion }, signal });
    }
  },
});

function readAccount(text: string): ServiceAccount {
  const fields = fieldsOf(text);
  const [email, pem, keyId] = [fields["client_email"], fields["private_key"], fields["private_key_id"]];
  const endpoint = fields["token_uri"] ?? TOKEN_ENDPOINT;
  if (fields["type"] !== "service_account") throw new Unusable("is not the key of a service account");
  if (typeof email !== "string" || email === "") throw new Unusable("has no client_email");
  if (typeof endpoint !== "string" || !isSafeEndpoint(endpoint)) {
    throw new Unusable(`has a token_uri that is not ${SAFE_ENDPOINT}`);
  }
  return { email, key: keyOf(pem), keyId: typeof keyId === "string" ? keyId : "", endpoint };
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch {
    // What JSON.parse says quotes the text.
  }
  throw new Unusable("is not a JSON object");
}

function keyOf(pem: unknown): KeyObject {
  if (typeof pem === "string") {
    try {
      const key = createPrivateKey(pem);
      if (key.asymmetricKeyType === "rsa") return key;
    } catch {
      // Said below, without what the key looks like.
    }
  }
  throw new Unusable("has no private_key that can be used");
}
