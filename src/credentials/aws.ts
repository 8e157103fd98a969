/** AWS: every request is signed, its body included, by keys that stand somewhere or are had for a while. */
import { type AwsKeys, keysInEnvironment, keysInFile } from "./aws/aws-keys.ts";
import { amzDate, type SigningScope, sha256, signRequest } from "./aws/sign-request.ts";
import { assumeRole, stsEndpoint } from "./aws/web-identity.ts";
import { type CredentialEvents, defineCredential, type OutgoingRequest } from "./credential.ts";
import { exchangeFile } from "./exchanged-file.ts";
import { FollowedFile, oneSecret, Unusable } from "./followed-file.ts";
import { neverThere } from "./never-there.ts";
import { isSafeEndpoint, SAFE_ENDPOINT } from "./token-endpoint.ts";

const headerNames = ["authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"];

export const aws = defineCredential({
  name: "aws",
  help: "A signature of AWS (SigV4) over the request as it goes out; the keys come from a file, from web identity or from the environment.",
  options: {
    region: {
      default: "",
      pattern: /^[a-z0-9-]*$/,
      expects: "a region such as us-east-1",
      help: "Region that the signature is for; `AWS_REGION` or `AWS_DEFAULT_REGION` where it is left out",
    },
    service: {
      default: "bedrock",
      pattern: /^[a-z0-9-]+$/,
      expects: "a service's name",
      help: "Service that the signature is for",
    },
    credentialsFile: {
      default: "",
      expects: "a path",
      help: "Credentials file with profiles, as `aws configure` writes it; followed",
    },
    profile: { default: "default", pattern: /^[^\]\s]+$/, expects: "a profile's name", help: "Profile in that file" },
    webIdentityTokenFile: {
      default: "",
      expects: "a path",
      help: "File that holds a token of web identity, as EKS lays it; followed; `AWS_WEB_IDENTITY_TOKEN_FILE` where it is left out and the environment has no keys",
    },
    roleArn: {
      default: "",
      expects: "an ARN",
      help: "Role that is assumed with that token; `AWS_ROLE_ARN` where it is left out",
    },
    roleSessionName: {
      default: "pointsman",
      pattern: /^[\w+=,.@-]{2,64}$/,
      expects: "2 to 64 letters, digits or +=,.@-",
      help: "What AWS's audit log calls the session",
    },
    stsEndpoint: {
      default: "",
      expects: "a URL",
      help: "Address of the Security Token Service; the region's own where it is left out",
    },
  },
  check: ({ credentialsFile, webIdentityTokenFile, stsEndpoint }) => [
    ...(credentialsFile !== "" && webIdentityTokenFile !== ""
      ? [{ option: "webIdentityTokenFile", expects: "nothing beside credentialsFile" }]
      : []),
    ...(stsEndpoint !== "" && !isSafeEndpoint(stsEndpoint) ? [{ option: "stsEndpoint", expects: SAFE_ENDPOINT }] : []),
  ],
  async open(options, events) {
    const { AWS_REGION = "", AWS_DEFAULT_REGION = "" } = process.env;
    const region = options.region || AWS_REGION || AWS_DEFAULT_REGION;
    if (region === "") return neverThere("no region of AWS is set", headerNames, events);
    const keys = await openKeys({ ...options, region }, events);
    if (keys === undefined) return neverThere("no keys of AWS are set", headerNames, events);
    return {
      headerNames,
      signsBody: true,
      headersFor: (request) => signedHeaders(request, keys.value, { region, service: options.service }),
      close: () => keys.close(),
    };
  },
});

interface Keys {
  /** Throws CredentialMissing where there are none. */
  readonly value: AwsKeys;
  close(): void;
}

interface KeyOptions {
  readonly region: string;
  readonly credentialsFile: string;
  readonly profile: string;
  readonly webIdentityTokenFile: string;
  readonly roleArn: string;
  readonly roleSessionName: string;
  readonly stsEndpoint: string;
}

/** What is set by options counts more than the environment; undefined where nothing is set. */
async function openKeys(options: KeyOptions, events: CredentialEvents): Promise<Keys | undefined> {
  const { credentialsFile, profile, region } = options;
  if (credentialsFile !== "") {
    const file = new FollowedFile(credentialsFile, {
      read: (text) => keysInFile(text, profile),
      changed: () => events.renewed(),
      failed: (why) => events.failed(why),
    });
    await file.start();
    return file;
  }
  const { AWS_WEB_IDENTITY_TOKEN_FILE = "", AWS_ROLE_ARN = "" } = process.env;
  const found = options.webIdentityTokenFile === "" ? environmentKeys(events) : undefined;
  if (found !== undefined) return { value: found, close: () => undefined };
  const tokenFile = options.webIdentityTokenFile || AWS_WEB_IDENTITY_TOKEN_FILE;
  const roleArn = options.roleArn || AWS_ROLE_ARN;
  if (tokenFile === "" || roleArn === "") return undefined;
  const endpoint = options.stsEndpoint || stsEndpoint(region);
  const role = { endpoint, roleArn, sessionName: options.roleSessionName };
  return exchangeFile(tokenFile, { read: oneSecret, exchange: assumeRole.bind(undefined, role) }, events);
}

function environmentKeys(events: CredentialEvents): AwsKeys | undefined {
  try {
    const keys = keysInEnvironment(process.env);
    if (keys !== undefined) events.renewed();
    return keys;
  } catch (error) {
    if (error instanceof Unusable) events.failed(`the environment ${error.message}`);
    return undefined;
  }
}

/** Signs what says where it goes and what it is; what Envoy or others may add on the way is left out. */
function signedHeaders(request: OutgoingRequest, keys: AwsKeys, scope: SigningScope): Record<string, string> {
  const { method, host, path, headers, body } = request;
  const bodyHash = sha256(body);
  const set = {
    "x-amz-date": amzDate(new Date()),
    "x-amz-content-sha256": bodyHash,
    ...(keys.sessionToken !== "" && { "x-amz-security-token": keys.sessionToken }),
  };
  const contentType = headers["content-type"];
  const signed = { ...set, host, ...(contentType !== undefined && { "content-type": contentType }) };
  return { ...set, authorization: signRequest({ method, path, headers: signed, bodyHash }, keys, scope) };
}
