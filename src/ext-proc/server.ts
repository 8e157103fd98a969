/** The gRPC side of the picker: the ext_proc and health ports, their certificate, and the drain. */
import { chmodSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import grpc from "@grpc/grpc-js";
import { GrpcPort, type RefusalKind } from "./grpc-port.ts";
import { Health, healthDefinition } from "./health.ts";
import { ResetGuard } from "./reset-guard.ts";
import { selfSigned } from "./self-signed.ts";
import { EXT_PROC_SERVICE, processDefinition, processHandler, type Transport, takeOver } from "./service.ts";
import type { StreamHost } from "./stream-host.ts";

export interface ServerSettings {
  readonly bindAddress: string;
  readonly grpcPort: number;
  readonly grpcHealthPort: number;
  /** "" for none. */
  readonly grpcSocket: string;
  readonly transport: Transport;
  readonly secureServing: boolean;
  readonly tlsOnly: boolean;
  /** Folder with tls.crt and tls.key; "" for a self-signed certificate. */
  readonly certPath: string;
  /** PEM file; "" for none. With it every client must show a certificate. */
  readonly clientCaFile: string;
  readonly bodyLimitBytes: number;
}

export interface ServerEvents {
  listening(service: string, where: { address: string; port: number } | { socket: string }, tls: string): void;
  refused(kind: RefusalKind, peer: string, detail: string): void;
  flood(peer: string): void;
}

/** Messages above this end with a gRPC status; a body above the limit but below this is answered 413. */
const messageLimitBytes = (bodyLimitBytes: number): number => 2 * bodyLimitBytes + 16 * 1024 * 1024;
/** Between "open no more streams" and closing connections: streams already on their way arrive in this time. */
const GOAWAY_SETTLE_MS = 1_000;
const DRAIN_POLL_MS = 50;

export class ExtProcServer {
  readonly health = new Health();
  readonly #settings: ServerSettings;
  readonly #host: StreamHost;
  readonly #events: ServerEvents;
  readonly #extProc: GrpcPort;
  readonly #healthPort: GrpcPort;

  constructor(settings: ServerSettings, host: StreamHost, events: ServerEvents) {
    this.#settings = settings;
    this.#host = host;
    this.#events = events;
    const shared = {
      tls: settings.secureServing || settings.tlsOnly ? tlsCredentials(settings) : undefined,
      tlsOnly: settings.tlsOnly || settings.clientCaFile !== "",
      guard: new ResetGuard(host.now, (peer) => events.flood(peer)),
      onRefused: (kind: RefusalKind, peer: string, detail: string) => events.refused(kind, peer, detail),
    };
    this.#extProc = new GrpcPort({ ...shared, server: this.#extProcServer() });
    this.#healthPort = new GrpcPort({ ...shared, tlsOnly: false, server: this.#healthServer() });
  }

  async listen(): Promise<void> {
    const { bindAddress, grpcPort, grpcHealthPort, grpcSocket } = this.#settings;
    const tls = this.#tlsWord();
    const port = await this.#extProc.listen({ host: bindAddress, port: grpcPort });
    this.#events.listening(EXT_PROC_SERVICE, { address: bindAddress, port }, tls);
    if (grpcSocket !== "") {
      rmSync(grpcSocket, { force: true });
      await this.#extProc.listen({ path: grpcSocket });
      // The proxy usually runs as another user of the same pod.
      chmodSync(grpcSocket, 0o666);
      this.#events.listening(EXT_PROC_SERVICE, { socket: grpcSocket }, tls);
    }
    const healthPort = await this.#healthPort.listen({ host: bindAddress, port: grpcHealthPort });
    this.#events.listening("grpc.health.v1.Health", { address: bindAddress, port: healthPort }, tls);
  }

  /**
   * Not ready at once, answering all the same for `delayMs`, in which health checks steer Envoy away; then no new
   * streams, and open ones end: at once where Envoy can go on alone, else when they are over or at the deadline.
   */
  async drain(delayMs: number, deadlineMs: number): Promise<void> {
    const { now, openStreams } = this.#host;
    const endsAt = now() + deadlineMs;
    const until = async (done: () => boolean, atMs: number) => {
      while (!done() && now() < Math.min(atMs, endsAt)) await pause(DRAIN_POLL_MS);
    };
    this.health.ready = false;
    await until(() => this.#extProc.idle, now() + delayMs);
    this.#extProc.announceGoaway();
    await until(() => this.#extProc.idle, now() + GOAWAY_SETTLE_MS);
    this.#extProc.closeGently();
    const nothingOpen = () => {
      for (const stream of openStreams) stream.letGo();
      return openStreams.size === 0 && this.#extProc.idle;
    };
    await until(nothingOpen, endsAt);
  }

  stop(): void {
    this.#extProc.stop();
    this.#healthPort.stop();
    if (this.#settings.grpcSocket !== "") rmSync(this.#settings.grpcSocket, { force: true });
  }

  #extProcServer(): grpc.Server {
    const { transport, bodyLimitBytes } = this.#settings;
    const server = new grpc.Server({
      "grpc.max_receive_message_length": messageLimitBytes(bodyLimitBytes),
      "grpc.max_send_message_length": -1,
      "grpc.enable_channelz": 0,
      interceptors: transport === "direct" ? [takeOver(this.#host)] : [],
    });
    server.addService(processDefinition, { Process: processHandler(this.#host, transport) });
    server.addService(healthDefinition, this.health.handlers);
    return server;
  }

  #healthServer(): grpc.Server {
    const server = new grpc.Server({ "grpc.enable_channelz": 0 });
    server.addService(healthDefinition, this.health.handlers);
    return server;
  }

  #tlsWord(): string {
    const { secureServing, tlsOnly, clientCaFile } = this.#settings;
    if (clientCaFile !== "") return "TLS with client certificates only";
    if (tlsOnly) return "TLS only";
    return secureServing ? "TLS and plaintext" : "plaintext only";
  }
}

function tlsCredentials(settings: ServerSettings): grpc.ServerCredentials {
  const { certPath, clientCaFile } = settings;
  const pair =
    certPath === ""
      ? selfSigned("pointsman", new Date())
      : {
          key: readFileSync(path.join(certPath, "tls.key")),
          certificate: readFileSync(path.join(certPath, "tls.crt")),
        };
  const clientCa = clientCaFile === "" ? null : readFileSync(clientCaFile);
  const keyPairs = [{ private_key: pair.key, cert_chain: pair.certificate }];
  return grpc.ServerCredentials.createSsl(clientCa, keyPairs, clientCa !== null);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
