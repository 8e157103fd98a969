/** What happens on the gRPC ports -> counts and log lines that name the likely cause. */
import type { RefusalKind } from "../ext-proc/grpc-port.ts";
import type { ServerEvents } from "../ext-proc/server.ts";
import type { Logger } from "./log.ts";
import type { Instruments } from "./metrics.ts";

/** One plain sentence each: what came, and what to change. */
const refusalSentences: Record<RefusalKind, string> = {
  http1: "a client spoke HTTP/1.1 to the gRPC port: its Envoy cluster lacks http2_protocol_options",
  plaintext_refused: "a client spoke plaintext, and only TLS is allowed here (--tls-only or --client-ca-file)",
  tls_refused: "a client spoke TLS, and it is switched off here (--secure-serving=false)",
  tls_handshake: "a TLS handshake failed: certificate, CA or protocol version do not fit, or the client fell silent",
  unknown_protocol: "a connection to the gRPC port began with bytes that are neither TLS nor HTTP/2",
  unknown_method: "a client called a gRPC method that is not served here: is its filter ext_proc?",
  unheard_streams:
    "HTTP/2 reset requests of a client before they were heard here: its Envoy's grpc_service needs an authority that is the name of a host",
  silent: "a connection to the gRPC port was closed: it said nothing, or broke off before its first HTTP/2 settings",
};

export class ServerReport implements ServerEvents {
  readonly #log: Logger;
  readonly #instruments: Instruments;

  constructor(log: Logger, instruments: Instruments) {
    this.#log = log;
    this.#instruments = instruments;
  }

  listening(service: string, where: { address: string; port: number } | { socket: string }, tls: string): void {
    this.#log.info({ service, ...where, tls }, "gRPC server listening");
  }

  refused(kind: RefusalKind, peer: string, detail: string): void {
    this.#instruments.connectionsRefused.add({ kind });
    this.#log.warn({ kind, peer, detail }, refusalSentences[kind]);
  }

  flood(peer: string): void {
    this.#instruments.resetFloods.add({});
    this.#log.error({ peer }, "a connection was closed: it reset thousands of streams before any answer");
  }
}
