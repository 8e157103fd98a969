/**
 * Headers of a backend's answer that are not the client's: what the operator is there, and what speaks in the name of
 * the gateway, of Envoy or of ours.
 */
import type { StreamMessage } from "./decode-message.ts";
import { headersOf } from "./header-map.ts";

/** Whose they are says the key that went out: the client's own accounts are no secret to it. */
const accounts: ReadonlySet<string> = new Set(["openai-organization", "openai-project", "anthropic-organization-id"]);

const names: ReadonlySet<string> = new Set([
  // The sessions and keys of the gateway there.
  "set-cookie",
  "authorization",
  "x-api-key",
  "api-key",
  "x-goog-api-key",
  // Which credentials that place wants, and where else it can be found.
  "www-authenticate",
  "proxy-authenticate",
  "location",
  "content-location",
  "refresh",
  "alt-svc",
  // Rules of one host for another.
  "strict-transport-security",
  "clear-site-data",
]);

const prefixes = ["x-pointsman-", "x-ai-eg-", "x-gateway-", "x-envoy-"];

/** Those that came; `hasOwnKey` says that the backend was asked with a key of the operator's. */
export function hiddenAnswerHeaders(message: StreamMessage, hasOwnKey: boolean): readonly string[] {
  const isHidden = (name: string) =>
    names.has(name) || (hasOwnKey && accounts.has(name)) || prefixes.some((prefix) => name.startsWith(prefix));
  return Object.keys(headersOf(message)).filter(isHidden);
}
