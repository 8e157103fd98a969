/** How streams to a picker failed, in Envoy's words: in the details of an access line, or in Envoy's own log. */
import type { Evidence } from "../evidence.ts";
import type { AccessLine } from "../logs/access-line.ts";
import type { Quote } from "../place.ts";

/**
 * Where the system has no words for an error Envoy gives its number: 111 is refused, 101, 110 and 113 never arrive.
 * In this order the first that fits counts: a text may name several, one inside the other.
 */
const kinds = {
  timeout: /per-message timeout exceeded/,
  spurious: /spurious/i,
  noCluster: /cluster not available/i,
  noSocket: /no such file or directory/i,
  tls: /TLS error|SSL routines/i,
  refused: /connection refused|connect error: 111\b/i,
  unreachable: /connection timeout|no route to host|(network|host) is unreachable|connect error: 1(01|10|13)\b/i,
  overflow: /\boverflow\b/,
  protocol: /protocol error/i,
  closed: /connection termination/i,
  noHost: /no healthy upstream/i,
  unimplemented: /gRPC error 12\b/,
  tooLong: /gRPC error 8\b/,
  /** Old Envoys leave the words out. */
  unavailable: /gRPC error 14\b/,
  ended: /gRPC error \d+/,
} as const;

export type StreamErrorKind = keyof typeof kinds;

export interface StreamError {
  readonly kind: StreamErrorKind;
  /** The words inside, as a person would write them. */
  readonly said: string;
  readonly quote: Quote;
  /** Absent where it comes from Envoy's log, which does not say on which route it was. */
  readonly line?: AccessLine;
}

/** Many probes ask for the same: the evidence does not change meanwhile. */
const found = new WeakMap<Evidence, StreamError[]>();

export function streamErrors(evidence: Evidence): StreamError[] {
  const errors = found.get(evidence) ?? readErrors(evidence);
  found.set(evidence, errors);
  return errors;
}

function readErrors({ access, logs }: Evidence): StreamError[] {
  const ofLines = access
    .filter(({ details }) => /^(ext_proc_error|spurious_message)/.test(details))
    .flatMap((line) => errorOf(inWords(line.details), line.quote, line));
  const ofLogs = logs
    .filter(({ sign }) => sign.name === "stream-failed")
    .flatMap(({ quote }) => errorOf(inWords(quote.text), quote));
  return [...ofLines, ...ofLogs];
}

function errorOf(words: string, quote: Quote, line?: AccessLine): StreamError[] {
  const kind = (Object.keys(kinds) as StreamErrorKind[]).find((name) => kinds[name].test(words));
  if (kind === undefined) return [];
  // What it was stands inside, after what Envoy makes of it; where the server spoke there are its words only.
  const [, inner] = /upstream reset before response started\{([^{}]+)/.exec(words) ?? [];
  const [, outer = words] = /(?:\{|, message )([^{}]+)(?:\{|\}|$)/.exec(words) ?? [];
  const said = (inner ?? outer).split("|").map((part) => part.trim());
  return [{ kind, said: said.join(", "), quote, ...(line !== undefined && { line }) }];
}

/** Spaces are underscores in the details, or in what gRPC wrote %20; the log has other words before the number. */
function inWords(text: string): string {
  const spaced = text.replaceAll("_", " ").replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => fromHex(hex));
  return spaced.replace(/gRPC error on stream: (\d+)/, "gRPC error $1");
}

function fromHex(hex: string): string {
  const code = Number.parseInt(hex, 16);
  return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : " ";
}
