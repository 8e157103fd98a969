/**
 * Microsoft Entra: a client's secret, or the token of a Kubernetes service account, becomes an access token. One form
 * sent to one address, which oauth4webapi (no dependencies, already here with the Kubernetes client) does as well as
 * the 45 MB of @azure/identity.
 */
import { bearer } from "./bearer.ts";
import { defineCredential } from "./credential.ts";
import { exchangeFile } from "./exchanged-file.ts";
import { oneSecret } from "./followed-file.ts";
import { neverThere } from "./never-there.ts";
import { askForToken, isSafeEndpoint, SAFE_ENDPOINT } from "./token-endpoint.ts";

const AUTHORITY = "https://login.microsoftonline.com";
const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const orFrom = (name: string) => `; \`${name}\` where it is left out`;

export const azure = defineCredential({
  name: "azure",
  help: "An access token of Microsoft Entra, by a client's secret or by workload identity.",
  options: {
    tenantId: {
      default: "",
      pattern: /^[\w.-]*$/,
      expects: "a tenant's id or domain",
      help: `Tenant${orFrom("AZURE_TENANT_ID")}`,
    },
    clientId: { default: "", expects: "an id", help: `Application's id${orFrom("AZURE_CLIENT_ID")}` },
    clientSecretFile: { default: "", expects: "a path", help: "File that holds the application's secret; followed" },
    federatedTokenFile: {
      default: "",
      expects: "a path",
      help: `File that holds a token of workload identity; followed${orFrom("AZURE_FEDERATED_TOKEN_FILE")}`,
    },
    authorityHost: {
      default: "",
      expects: "a URL",
      help: `Address of Entra; \`AZURE_AUTHORITY_HOST\` or \`${AUTHORITY}\` where it is left out`,
    },
    scope: {
      default: "https://cognitiveservices.azure.com/.default",
      expects: "a scope",
      help: "What the token is for",
    },
  },
  check: ({ clientSecretFile, federatedTokenFile, authorityHost }) => [
    ...(clientSecretFile !== "" && federatedTokenFile !== ""
      ? [{ option: "federatedTokenFile", expects: "nothing beside clientSecretFile" }]
      : []),
    ...(authorityHost !== "" && !isSafeEndpoint(authorityHost)
      ? [{ option: "authorityHost", expects: SAFE_ENDPOINT }]
      : []),
  ],
  async open(options, events) {
    const { clientSecretFile, scope } = options;
    const given = (option: string, name: string) => option || (process.env[name] ?? "");
    const tenant = given(options.tenantId, "AZURE_TENANT_ID");
    const clientId = given(options.clientId, "AZURE_CLIENT_ID");
    const host = given(options.authorityHost, "AZURE_AUTHORITY_HOST") || AUTHORITY;
    const file = clientSecretFile || given(options.federatedTokenFile, "AZURE_FEDERATED_TOKEN_FILE");
    const unset = unsetOf({ tenantId: tenant, clientId, "clientSecretFile or federatedTokenFile": file });
    if (unset !== "") return neverThere(`no ${unset} is set`, ["authorization"], events);
    if (!isSafeEndpoint(host))
      return neverThere(`AZURE_AUTHORITY_HOST is not ${SAFE_ENDPOINT}`, ["authorization"], events);
    const proofOf = (secret: string) =>
      clientSecretFile === ""
        ? { client_assertion_type: JWT_BEARER, client_assertion: secret }
        : { client_secret: secret };
    const token = await exchangeFile(file, { read: oneSecret, exchange }, events);
    return bearer(token);

    function exchange(secret: string, signal: AbortSignal) {
      return askForToken({
        endpoint: `${host.replace(/\/+$/, "")}/${tenant}/oauth2/v2.0/token`,
        grantType: "client_credentials",
        parameters: { client_id: clientId, scope, ...proofOf(secret) },
        signal,
      });
    }
  },
});

/** The first that is. */
function unsetOf(settings: Readonly<Record<string, string>>): string {
  return Object.keys(settings).find((name) => settings[name] === "") ?? "";
}
