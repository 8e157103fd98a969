/** Words that are secrets wherever they stand: a second net, below the lists of what is kept. */

export const REDACTED = "[redacted]";

const shapes: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, REDACTED],
  // The same in base64, as Envoy shows inline bytes.
  [/LS0tLS1CRUdJTi[\w+/=]*/g, REDACTED],
  [/\b(Bearer|Basic|Token|Negotiate|ApiKey)\s+[\w.~+/=-]{6,}/gi, `$1 ${REDACTED}`],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.?[\w-]*/g, REDACTED],
  [/\b(sk|pk|rk)-[\w-]{12,}/g, REDACTED],
  [/\bhf_[A-Za-z0-9]{12,}/g, REDACTED],
  [/\bgh[pousr]_[A-Za-z0-9]{16,}/g, REDACTED],
  [/\b(AKIA|ASIA)[A-Z0-9]{12,}/g, REDACTED],
  [/\bAIza[\w-]{20,}/g, REDACTED],
  [/:\/\/[^\s/@:"]+:[^\s/@"]+@/g, `://${REDACTED}@`],
  [
    /([-?&;\s"'{,]|^)((?:api[-_]?key|access[-_]?token|token|password|passwd|secret|client[-_]?secret|authorization|cookie|x-api-key)["']?\s*[=:]\s*["']?)(?!\[redacted\])[^\s"'&,;}]+/gi,
    `$1$2${REDACTED}`,
  ],
];

export function withoutSecrets(text: string): string {
  return shapes.reduce((so, [pattern, by]) => so.replace(pattern, by), text);
}

/** What clients put behind the question mark is theirs. */
export function withoutQuery(path: string): string {
  const at = path.indexOf("?");
  return at === -1 ? path : `${path.slice(0, at)}?${REDACTED}`;
}

/** The shape stays, the words go; numbers too. */
export function emptied(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(emptied);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, emptied(each)]));
  }
  return value === null || value === undefined || value === "" ? value : REDACTED;
}
