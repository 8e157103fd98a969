/**
 * Every option of `serve`, once: flag, kind, default and help. --help, the README's table, the environment names and
 * the validation are made from it. Names are the Go picker's wherever it has the same option.
 */

import { explainOptions } from "./explain-options.ts";
import { observeOptions } from "./observe-options.ts";
import {
  byteCount,
  choice,
  durationMs,
  flag,
  headerNames,
  integer,
  ipAddress,
  type OptionKind,
  port,
  text,
  tlsVersion,
} from "./option-kinds.ts";
import { type OptionValues, option } from "./option-table.ts";
import { podOptions } from "./pod-options.ts";
import { protocolOptions } from "./protocol-options.ts";
import { strategyOptions } from "./strategy-options.ts";

/** By the words that people know the levels of a log by. */
const levelNumbers: ReadonlyMap<string, string> = new Map([
  ["error", "0"],
  ["warn", "1"],
  ["warning", "1"],
  ["info", "2"],
  ["debug", "4"],
  ["trace", "5"],
]);
const verbosity: OptionKind<number> = {
  ...integer(0, 5),
  meant: (word) => levelNumbers.get(word.toLowerCase()),
};

export const serveOptions = {
  ...podOptions,
  ...strategyOptions,
  bindAddress: option(
    "bind-address",
    ipAddress,
    "0.0.0.0",
    "Address of all ports but the admin port.",
    "listen.address",
  ),
  grpcPort: option("grpc-port", port, 9002, "ext_proc port; speaks plaintext h2c and TLS at once.", "listen.grpcPort"),
  grpcSocket: option(
    "grpc-socket",
    text("a path"),
    "",
    "Unix socket that serves ext_proc too, for a sidecar Envoy.",
    "listen.grpcSocket",
  ),
  grpcHealthPort: option(
    "grpc-health-port",
    port,
    9003,
    "gRPC health port (the ext_proc port answers health as well).",
    "listen.grpcHealthPort",
  ),
  metricsPort: option("metrics-port", port, 9090, "HTTP port of /metrics, /livez and /readyz.", "listen.metricsPort"),
  adminAddress: option("admin-address", ipAddress, "127.0.0.1", "Address of the admin port.", "listen.adminAddress"),
  adminPort: option(
    "admin-port",
    port,
    9091,
    "HTTP port of pods and decisions; loopback unless told otherwise.",
    "listen.adminPort",
  ),
  secureServing: option(
    "secure-serving",
    flag,
    true,
    "Accept TLS on the gRPC ports beside plaintext; false = plaintext only.",
    "listen.tls",
  ),
  tlsOnly: option(
    "tls-only",
    flag,
    false,
    "Refuse plaintext on the gRPC ports; implied by --client-ca-file.",
    "listen.tlsOnly",
  ),
  tlsMinVersion: option(
    "tls-min-version",
    tlsVersion,
    "TLSv1.2",
    "Oldest TLS on the gRPC ports.",
    "listen.tlsMinVersion",
  ),
  certPath: option(
    "cert-path",
    text("a folder"),
    "",
    "Folder with tls.crt and tls.key; without it a certificate is made at start.",
    "listen.certPath",
  ),
  clientCaFile: option(
    "client-ca-file",
    text("a PEM file"),
    "",
    "CA that every ext_proc client's certificate must be signed by.",
    "listen.clientCaFile",
  ),
  bodyLimitBytes: option(
    "body-limit",
    byteCount(1),
    32 * 1024 ** 2,
    "Largest request body, compressed or not; above it the answer is 413, but forms pass unread.",
    "limits.body",
    "lower",
  ),
  bufferLimitBytes: option(
    "buffer-limit",
    byteCount(1),
    512 * 1024 ** 2,
    "Body bytes held for all requests together; above it pods are picked by requests in flight.",
    "limits.buffer",
    "live",
  ),
  streamLimit: option(
    "stream-limit",
    integer(1),
    50_000,
    "Open streams; above it the answer is 503.",
    "limits.streams",
    "live",
  ),
  prefixIndexLimitBytes: option(
    "prefix-index-limit",
    // Its arrays are made at the start, in memory that is taken only as it is used; more than this no machine gives.
    byteCount(1024 ** 2, 16 * 1024 ** 3),
    256 * 1024 ** 2,
    "Memory of the prefix index: 68 bytes for a block that one pod holds, 32 for each pod more.",
    "limits.prefixIndex",
  ),
  answerDeadlineMs: option(
    "answer-deadline",
    durationMs(20),
    140,
    "Longest hold of an answer that Envoy's message_timeout (200ms by default) may run against.",
    "limits.answerDeadline",
    "live",
  ),
  assumedMode: option(
    "assume-body-mode",
    choice("auto", "buffered", "streamed", "streamed-early", "duplex"),
    "auto",
    "Body mode where Envoy does not state one (protocol_config missing).",
    "listen.assumeBodyMode",
    "live",
  ),
  modelHeaders: option(
    "model-headers",
    headerNames,
    ["model", "x-ai-eg-model"],
    "Headers that name the model where the body is not seen or names none; the first with a value counts.",
    "listen.modelHeaders",
    "live",
  ),
  ...protocolOptions,
  transport: option(
    "transport",
    choice("direct", "plain"),
    "direct",
    "How streams are taken from grpc-js: direct, or the slower documented way.",
    "listen.transport",
  ),
  drainDelayMs: option(
    "drain-delay",
    durationMs(0),
    5000,
    "After SIGTERM: time of answering on while health says NOT_SERVING.",
    "limits.drainDelay",
    "live",
  ),
  drainTimeoutMs: option(
    "drain-timeout",
    durationMs(0),
    30_000,
    "After SIGTERM: time until the process ends in any case.",
    "limits.drainTimeout",
    "live",
  ),
  seed: option("seed", integer(0), 0, "Seed of the tie-breaks; 0 takes a new one at every start.", "seed"),
  metricNames: option(
    "metric-names",
    choice("pointsman", "go", "both"),
    "pointsman",
    "Names of the metrics: pointsman_..., those of the Go picker (llm_d_epp_... and the older ones), or both; both is the default with a configuration of the Go picker.",
    "observe.metricNames",
  ),
  verbosity: option(
    "v",
    verbosity,
    2,
    "Log level: 0 errors, 1 warnings, 2 normal, 4 a line per stream, 5 a line per message.",
    "observe.verbosity",
    "live",
  ),
  ...observeOptions,
  ...explainOptions,
} as const;

export type Config = OptionValues<typeof serveOptions>;
