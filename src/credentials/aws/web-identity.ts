/**
 * Keys for a while from AWS's Security Token Service, for the token that an identity provider gave: AssumeRoleWithWebIdentity,
 * the one call of it that is not signed. As a form and four elements of XML it needs no SDK.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 */
import { type Fetched, TokenRefused } from "../fresh-token.ts";
import { EndpointCall } from "../token-endpoint.ts";
import { type AwsKeys, checkedKeys } from "./aws-keys.ts";

export interface RoleToAssume {
  /** Of the service. */
  readonly endpoint: string;
  readonly roleArn: string;
  readonly sessionName: string;
}

/** What the documents list for this call and for all; anything else is not repeated. */
const errorNames = new Set([
  "AccessDenied",
  "ExpiredTokenException",
  "IDPCommunicationError",
  "IDPRejectedClaim",
  "InvalidIdentityToken",
  "MalformedPolicyDocument",
  "PackedPolicyTooLarge",
  "RegionDisabledException",
  "ServiceUnavailable",
  "Throttling",
  "ValidationError",
]);

export async function assumeRole(role: RoleToAssume, token: string, signal: AbortSignal): Promise<Fetched<AwsKeys>> {
  const call = new EndpointCall(signal);
  let name = "";
  try {
    const response = await call.fetch(role.endpoint, {
      method: "POST",
      body: new URLSearchParams({
        Action: "AssumeRoleWithWebIdentity",
        Version: "2011-06-15",
        RoleArn: role.roleArn,
        RoleSessionName: role.sessionName,
        WebIdentityToken: token,
      }),
    });
    const answer = await response.text();
    const said = elementOf(answer, "Code");
    if (errorNames.has(said)) name = said;
    if (response.status === 200) return readKeys(answer);
    throw new Error("no keys");
  } catch (error) {
    throw call.refusal(error, name);
  }
}

function readKeys(answer: string): Fetched<AwsKeys> {
  const token = checkedKeys({
    accessKeyId: elementOf(answer, "AccessKeyId"),
    secretAccessKey: elementOf(answer, "SecretAccessKey"),
    sessionToken: elementOf(answer, "SessionToken"),
  });
  const expiresAtMs = Date.parse(elementOf(answer, "Expiration"));
  if (Number.isNaN(expiresAtMs)) throw new TokenRefused("the token endpoint does not say when its keys expire");
  return { token, expiresAtMs };
}

/** What stands in an element that has no others in it; "" where it is not there. */
function elementOf(xml: string, name: string): string {
  return new RegExp(`<${name}>\\s*([^<]*?)\\s*</${name}>`).exec(xml)?.[1] ?? "";
}

/** Of the region, as AWS recommends. */
export function stsEndpoint(region: string): string {
  return `https://sts.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}
