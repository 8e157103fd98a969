/** The words in which Envoy and gRPC say how a stream or a connection failed; what a server said of a request is none of them. */

/** With blanks, with underscores in place of them, or as gRPC writes them. */
const said = [
  "ext_proc error",
  "gRPC error( on stream:)? \\d+",
  "Received message larger than max \\(\\d+ vs\\.? \\d+\\)",
  "Received",
  ", message(?= )",
  "per-message timeout exceeded",
  "spurious (response )?message( \\d+)?( received on gRPC stream)?",
  "cluster not available",
  "no such file or directory",
  "TLS error( end)?:?",
  "SSL routines:",
  "OPENSSL internal:",
  "WRONG_VERSION_NUMBER|CERTIFICATE_VERIFY_FAILED|UNSUPPORTED_PROTOCOL|HTTP_REQUEST|UNKNOWN_PROTOCOL",
  "(SSLV3|TLSV1)_ALERT_(HANDSHAKE_FAILURE|UNKNOWN_CA|BAD_CERTIFICATE|PROTOCOL_VERSION|CERTIFICATE_REQUIRED|INTERNAL_ERROR)",
  "\\|\\d{6,12}:",
  "verify cert failed",
  "(delayed |immediate )?connect error: \\d+",
  "connection (refused|timeout|termination|failure)",
  "(remote|local) (connection failure|reset|refused)",
  "no route to host|(network|host) is unreachable",
  "overflow|protocol error|no healthy upstream|unimplemented|resource exhausted",
  "upstream connect error or disconnect/reset before headers",
  "upstream reset before response started",
  "retried and the latest reset reason",
  "reset reason|transport failure reason",
  "unknown (service|method) [\\w./]+",
];

const blank = "(?:[ _]|%20)";
const pattern = new RegExp(`${said.join("|").replaceAll(" ", blank)}|[{}|]`, "gi");

/** In their order, with the braces between them: what each stands in says which is the cause. */
export function knownWords(text: string): string {
  const found = text.match(pattern) ?? [];
  const space = /^\S*$/.test(text) ? "_" : " ";
  return found.reduce(
    (so, word) => (so === "" || /[{}|]$/.test(so) || /^[{}|]/.test(word) ? so + word : so + space + word),
    "",
  );
}
