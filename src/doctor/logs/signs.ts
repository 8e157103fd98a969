/** Lines of controllers, proxies and pickers that say more than they seem to: what each stands for. */

export interface Sign {
  /** A word for tests and probes. */
  readonly name: string;
  readonly pattern: RegExp;
  /** What it means, in a sentence. */
  readonly means: string;
  /** Seen where all is well: to be named as noise, so that nobody follows it. */
  readonly isNoise?: true;
}

export const signs: readonly Sign[] = [
  {
    name: "stream-failed",
    pattern: /Received gRPC error on stream: \d+|Spurious response message \d+ received on gRPC stream/,
    means: "A stream from Envoy to the picker failed.",
  },
  {
    name: "plaintext-refused",
    // The second is how gRPC for Go puts it; other servers of Go have clients of their own that take them for HTTP.
    pattern:
      /client spoke plaintext, and only TLS is allowed|ServerHandshake[^\n]{1,200}first record does not look like/,
    means: "The picker was spoken to in plaintext, and takes TLS only.",
  },
  {
    name: "tls-refused",
    // The second is how gRPC for Go prints the first bytes of a TLS handshake.
    pattern: /client spoke TLS, and it is switched off|bogus greeting from client: \\?"\\+x16/,
    means: "The picker was spoken to in TLS, and takes plaintext only.",
  },
  {
    name: "tls-handshake",
    pattern: /TLS handshake (error|failed)|first record does not look like a TLS handshake/i,
    means: "A TLS handshake with the picker failed.",
  },
  {
    name: "unknown-method",
    pattern: /gRPC method that is not served here|unknown service envoy\.service\.ext_proc/i,
    means: "Something asked for ext_proc at a port that serves another gRPC service.",
  },
  {
    name: "no-router-processor",
    pattern: /no router processor found/i,
    means: "The two phases of a request reached different processes.",
  },
  {
    name: "no-request-id",
    pattern: /(missing|without|no) internal request id/i,
    means: "The filter of the cluster ran for a request that the filter of the listener had not seen.",
  },
  {
    name: "wrong-architecture",
    pattern: /exec format error/i,
    means: "The program in the image was built for another kind of processor.",
  },
  {
    name: "disk-full",
    pattern: /no space left on device|ENOSPC|disk quota exceeded/i,
    means: "The disk of this program's node is full.",
  },
  {
    name: "wasm-cache",
    pattern: /wasm cache is not initialized|[Ff]ailed to create Wasm cache directory/,
    means: "The controller has no folder for Wasm modules, and refuses policies that have nothing to do with Wasm.",
  },
  {
    name: "translation-failed",
    pattern: /failed to translate xds ir|embedded message failed validation/i,
    means: "The controller could not make Envoy's configuration out of the objects, and left it as it was.",
  },
  {
    name: "direct-500",
    pattern: /setting 500 direct response/i,
    means: "The controller gave a route an answer of 500 in place of its backend, for its policy is invalid.",
  },
  {
    name: "forbidden",
    pattern: /is forbidden: User \\?"[^"]*" cannot/i,
    means: "A role is missing: the program may not read what it lives on.",
  },
  {
    name: "kind-unknown",
    pattern: /no matches for kind \\?"InferencePool/,
    means: "The cluster has no InferencePool of the group and version that this program looks for.",
  },
  {
    name: "no-candidate-pods",
    pattern: /failed to find candidate pods/i,
    means: "The picker was asked, and knew no pod that it could name.",
  },
  {
    name: "no-original-dst",
    pattern: /no original_?dst|original_dst_load_balancer.{0,200}(invalid|no downstream)/i,
    means: "The cluster of original destinations was given no address for a request.",
  },
  {
    name: "update-rejected",
    // The last is what istiod says of an Envoy that refused.
    pattern: /config (update )?rejected: |config for [^ ]+ rejected|error adding listener|\b[A-Z]DS: ACK ERROR\b/i,
    means: "Envoy refused an update of its configuration, and goes on with the one before.",
  },
  {
    name: "no-receiving-namespace",
    pattern: /no receiving namespaces/i,
    means: "Metadata in the picker's answer was dropped: the filter has no receiving namespace for it.",
  },
  {
    name: "http1-client",
    pattern: /spoke HTTP\/1\.1|bogus greeting from client: \\?"(POST|GET|HTTP)/i,
    means: "Something spoke HTTP/1.1 to the picker's gRPC port.",
  },
  {
    name: "body-missing",
    pattern: /\b[Ff]ield required\b/,
    means: "The pod read a request without a body, or without what has to be in it.",
  },
  {
    name: "model-unknown",
    // As vLLM, SGLang and Ollama say it, and the code that others give.
    pattern: /The model \S+ does not exist|\b[Mm]odel \\?['"`][^'"`\\]+\\?['"`] not found|model_not_found/,
    means: "The request named a model that is not served under this name.",
  },
  {
    name: "json-twice",
    pattern: /after top-level value|Unexpected non-whitespace character after JSON/i,
    means: "Something followed behind the end of the JSON: the body, or its last piece, was taken twice.",
  },
  {
    name: "exact-match-deprecated",
    pattern: /HeaderMatcher\.(exact_match|hidden_envoy_deprecated)/,
    means: "A warning about the way a route is written; it has no effect.",
    isNoise: true,
  },
  {
    name: "no-connection-limit",
    pattern: /no configured limit to the number of allowed active downstream connections/i,
    means: "Envoy says so at each start where nobody limits its connections; it has no effect on requests.",
    isNoise: true,
  },
  {
    name: "stats-sink-deprecated",
    pattern: /Deprecated field: .{0,400}?Using deprecated option/i,
    means: "A warning about an old field; it has no effect on requests.",
    isNoise: true,
  },
];
