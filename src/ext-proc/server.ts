/** The gRPC side of the picker: the ext_proc and health ports, their certificate, and the drain. */
import { readFileSync } from "node:fs";
import path from "node:path";
import type { SecureVersion } from "node:tls";
import grpc from "@grpc/grpc-js";
import { listenError } from "../errors.ts";
import { GrpcPort, type RefusalKind } from "./grpc-port.ts";
import { Health, healthDefinition } from "./health.ts";
import { ResetGuard } from "./reset-guard.ts";
import { selfSigned } from "./self-signed.ts";
import { EXT_PROC_SERVICE, processDefinition, processHandler, type Transport, takeOver } from "./service.ts";
import type { StreamHost } from "./stream-host.ts";
import { UnixSocket } from "./unix-socket.ts";

export interface ServerSettings {
  readonly bindAddress: string;
  readonly grpcPort: number;
  readonly grpcHealthPort: number;
  /** "" for none. */
  readonly grpcSocket: string;
  readonly transport: Transport;
  readonly secureServing: boolean;
  readonly tlsOnly: boolean;
  /** Absent: Node's own. */
  readonly tlsMinVersion?: SecureVersion;
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
  readonly #socket: UnixSocket | undefined;

  constructor(settings: ServerSettings, host: StreamHost, events: ServerEvents) {
    this.#settings = settings;
    this.#host = host;
    this.#events = events;
    this.#socket = settings.grpcSocket === "" ? undefined : new UnixSocket(settings.grpcSocket);
    const shared = {
      tls: settings.secureServing || settings.tlsOnly ? tlsCredentials(settings) : undefined,
      tlsOnly: settings.tlsOnly || settings.clientCaFile !== "",
      ...(settings.tlsMinVersion !== undefined && { tlsMinVersion: settings.tlsMinVersion }),
      guard: new ResetGuard(host.now, (peer) => events.flood(peer)),
      onRefused: (kind: RefusalKind, peer: string, detail: string) => events.refused(kind, peer, detail),
    };
    const health = pathsOf(healthDefinition);
    this.#extProc = new GrpcPort({
      ...shared,
      methods: new Set([...pathsOf(processDefinition), ...health]),
      server: this.#extProcServer(),
    });
    this.#healthPort = new GrpcPort({
      ...shared,
      methods: new Set(health),
      tlsOnly: false,
      server: this.#healthServer(),
    });
  }

  async listen(): Promise<void> {
    const { grpcPort, grpcHealthPort, grpcSocket } = this.#settings;
    await this.#listenOn(this.#extProc, EXT_PROC_SERVICE, "--grpc-port", grpcPort);
    if (this.#socket !== undefined) {
      await this.#socket.listen((file) => this.#extProc.listen({ path: file }));
      this.#events.listening(EXT_PROC_SERVICE, { socket: grpcSocket }, this.#tlsWord());
    }
    await this.#listenOn(this.#healthPort, "grpc.health.v1.Health", "--grpc-health-port", grpcHealthPort);
  }

  async #listenOn(grpcPort: GrpcPort, service: string, portFlag: string, port: number): Promise<void> {
    const { bindAddress: address } = this.#settings;
    const bound = await grpcPort.listen({ host: address, port }).catch((error: unknown) => {
      throw listenError(error, { addressFlag: "--bind-address", address, portFlag, port });
    });
    this.#events.listening(service, { address, port: bound }, this.#tlsWord());
  }

  /**
   * Not ready at once, and taking connections and streams all the same for the whole of `delayMs`, in which health
   * checks steer Envoy away: one that has no connection just now must not meet a dead port. Then no new streams, and
   * open ones end: at once where Envoy can go on alone, else when they are over or at the deadline.
   */
  async drain(delayMs: number, deadlineMs: number): Promise<void> {
    const { now, openStreams } = this.#host;
    const endsAt = now() + deadlineMs;
    const until = async (done: () => boolean, atMs: number) => {
      while (!done() && now() < Math.min(atMs, endsAt)) await pause(DRAIN_POLL_MS);
    };
    this.health.ready = false;
    await until(() => false, now() + delayMs);
    this.#extProc.announceGoaway();
    await until(() => this.#extProc.idle, now() + GOAWAY_SETTLE_MS);
    this.#socket?.remove();
    this.#extProc.closeGently();
    const nothingOpen = () => {
      for (const stream of openStreams) stream.letGo();
      return openStreams.size === 0 && this.#extProc.idle;
    };
    await until(nothingOpen, endsAt);
  }

  stop(): void {
    this.#socket?.remove();
    this.#extProc.stop();
    this.#healthPort.stop();
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

function pathsOf(definition: grpc.ServiceDefinition): string[] {
  return Object.values(definition).map(({ path: methodPath }) => methodPath);
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
