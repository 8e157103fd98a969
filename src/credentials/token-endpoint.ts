/** Asks a token endpoint, and says in words of ours why it gave no token: its own may quote what it was asked with. */
import {
  allowInsecureRequests,
  customFetch,
  genericTokenEndpointRequest,
  processGenericTokenEndpointResponse,
  ResponseBodyError,
} from "oauth4webapi";
import { codeOf } from "../errors.ts";
import { type Fetched, TokenRefused } from "./fresh-token.ts";

export interface TokenQuestion {
  readonly endpoint: string;
  readonly grantType: string;
  /** What goes there beside the grant's type, secrets included. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Of RFC 6749 and what is usual beside it; anything else is not repeated. */
const errorNames = [
  "access_denied",
  "interaction_required",
  "invalid_client",
  "invalid_grant",
  "invalid_request",
  "invalid_resource",
  "invalid_scope",
  "server_error",
  "temporarily_unavailable",
  "unauthorized_client",
  "unsupported_grant_type",
];
/** Where an answer says nothing of its token's life. */
const USUAL_LIFE_S = 3_600;

/** A bearer token of OAuth 2.0. */
export async function askForToken({
  endpoint,
  grantType,
  parameters,
  signal,
}: TokenQuestion): Promise<Fetched<string>> {
  const server = { issuer: endpoint, token_endpoint: endpoint };
  // The parameters say who asks.
  const [client, authenticate] = [{ client_id: parameters["client_id"] ?? "none" }, () => undefined];
  const call = new EndpointCall(signal);
  const askedAtMs = Date.now();
  try {
    const response = await genericTokenEndpointRequest(server, client, authenticate, grantType, parameters, {
      signal,
      [customFetch]: (url, init) => call.fetch(url, init),
      [allowInsecureRequests]: true,
    });
    const answer = await processGenericTokenEndpointResponse(server, client, response);
    if (answer.token_type !== "bearer") throw new TokenRefused("the token endpoint gave a token of another type");
    if (!/^[!-~]+$/.test(answer.access_token)) throw new TokenRefused("the token endpoint gave a token of odd letters");
    const lifeS = answer.expires_in ?? USUAL_LIFE_S;
    return { token: answer.access_token, expiresAtMs: askedAtMs + lifeS * 1000 };
  } catch (error) {
    throw call.refusal(error, error instanceof ResponseBodyError ? nameOf(error.cause) : "");
  }
}

/** One call of an endpoint, and as much of its fate as may be told. */
export class EndpointCall {
  readonly #signal: AbortSignal;
  #status = 0;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** What the secret is sent to is what was configured: no redirection is followed. */
  async fetch(url: string, init: RequestInit): Promise<Response> {
    const response = await fetch(url, { ...init, redirect: "manual", signal: this.#signal });
    this.#status = response.status;
    const { status, headers } = response;
    const bytes = await wholeOf(response);
    return new Response(bytes.length === 0 ? null : bytes, { status, headers });
  }

  /** `name` is what the answer calls its error, if that may be told. */
  refusal(error: unknown, name: string): TokenRefused {
    if (error instanceof TokenRefused) return error;
    if (this.#status === 0) {
      const code = error instanceof Error ? codeOf(error.cause) || codeOf(error) : "";
      return new TokenRefused(`the token endpoint cannot be reached${code && `: ${code}`}`);
    }
    if (this.#status !== 200) {
      return new TokenRefused(`the token endpoint answered ${this.#status}${name && `, ${name}`}`);
    }
    return new TokenRefused("the token endpoint gave no token");
  }
}

/** No token is near as long: what is longer is no answer, and is not waited for. */
const LIMIT_BYTES = 262_144;

async function wholeOf({ body }: Response): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Whoever leaves the loop closes the connection.
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > LIMIT_BYTES)
      throw new TokenRefused(`the token endpoint's answer is larger than ${LIMIT_BYTES / 1024} KiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** With the number that Entra's documents list, where there is one. */
function nameOf(body: { readonly [name: string]: unknown }): string {
  const numbers = Array.isArray(body["error_codes"]) ? body["error_codes"] : [];
  const number = numbers.find((each) => Number.isInteger(each) && each > 9_999 && each < 10_000_000);
  const names = [
    errorNames.find((name) => name === body["error"]) ?? "",
    number === undefined ? "" : `AADSTS${number}`,
  ];
  return names.filter((each) => each !== "").join(", ");
}

/** May secrets go there? Encrypted, or without leaving the machine. */
export function isSafeEndpoint(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return false;
  const isLoopback = /^(127(\.\d+){3}|\[::1\]|localhost)$/.test(url.hostname);
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback);
}

export const SAFE_ENDPOINT = "an https:// address (http:// only to this machine)";
