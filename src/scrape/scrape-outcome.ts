/** How a scrape can end: each way is counted. */

/** One sentence each; the order is that of the numbers the outcomes travel as. */
export const outcomeMeanings = {
  ok: "the page holds every reading its engine is known for",
  partial: "the page was read, but lacks a reading, gives an impossible number for it, or was cut at a line",
  refused: "the pod takes no connection, or dropped this one before it answered",
  timeout: "no complete page in time",
  denied: "the pod answers 401 or 403: the token is missing or wrong",
  redirect: "the pod points elsewhere, which is not followed: the path or scheme is wrong",
  status: "the pod answers with any other status than 200",
  too_large: "the page is larger than the limit, after inflation",
  truncated: "the pod dropped the connection in the middle of the page",
  unreadable: "what came is no metrics page of a known engine, no HTTP, or badly compressed",
  tls: "the connection could not be secured: certificate, name or protocol do not fit",
  fault: "pointsman itself could not ask: no file descriptor, or a token or CA file it cannot read",
} as const;

export type ScrapeOutcome = keyof typeof outcomeMeanings;

export const scrapeOutcomes = Object.keys(outcomeMeanings) as readonly ScrapeOutcome[];

/** Did the page give readings? */
export function isRead(outcome: ScrapeOutcome): boolean {
  return outcome === "ok" || outcome === "partial";
}

/** What the network says of a pod that no client can reach. */
const unreachable: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ETIMEDOUT",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** OpenSSL's verdicts on certificates and handshakes, as Node names them. */
const insecure =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_|INVALID_CA$|EPROTO$)/;

/** The outcome of a request that ended with an error; `answering` once the head of the answer is there. */
export function outcomeOfError(
  error: { readonly name?: string; readonly code?: unknown },
  answering: boolean,
): ScrapeOutcome {
  const code = typeof error.code === "string" ? error.code : "";
  if (answering && (unreachable.has(code) || code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH")) return "truncated";
  if (unreachable.has(code)) return "refused";
  if (insecure.test(code)) return "tls";
  // The parser's own code is missing where llhttp runs as WebAssembly.
  const isNoHttp = error.name === "HTTPParserError" || code.startsWith("HPE_") || code === "UND_ERR_HEADERS_OVERFLOW";
  return isNoHttp ? "unreadable" : "fault";
}

/** undefined: a page follows. */
export function outcomeOfStatus(status: number): ScrapeOutcome | undefined {
  if (status === 200) return undefined;
  if (status === 401 || status === 403) return "denied";
  return status >= 300 && status < 400 ? "redirect" : "status";
}
