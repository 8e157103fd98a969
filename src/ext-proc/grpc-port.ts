/**
 * One listening port for gRPC that speaks h2c and TLS: the first bytes of a connection tell which, and what is neither
 * is told in plain words to the log. The bytes read are put back, so nothing is lost to the protocol behind.
 */
import http2 from "node:http2";
import net from "node:net";
import type tls from "node:tls";
import grpc from "@grpc/grpc-js";
import { FirstHeads } from "./first-head.ts";
import { LostStreams } from "./lost-streams.ts";
import { isMended, MendedSocket, nameSocketOf } from "./mended-socket.ts";
import { hostOf, peerOf, rememberPeer } from "./peer.ts";
import type { ResetGuard } from "./reset-guard.ts";
import { awaitSettings, Sessions } from "./sessions.ts";

/** Why a connection came to nothing. */
export type RefusalKind =
  | "http1"
  | "plaintext_refused"
  | "tls_refused"
  | "tls_handshake"
  | "unknown_protocol"
  | "unknown_method"
  | "unheard_streams"
  | "silent";

export interface GrpcPortOptions {
  readonly server: grpc.Server;
  /** Absent: plaintext only. */
  readonly tls?: grpc.ServerCredentials | undefined;
  readonly tlsOnly: boolean;
  /** Absent: Node's own. */
  readonly tlsMinVersion?: tls.SecureVersion;
  /** Paths of the methods that are served; a call to another leaves a line. */
  readonly methods: ReadonlySet<string>;
  readonly guard: ResetGuard;
  /** Time a connection has for each of its first bytes, its TLS handshake and its first HTTP/2 settings. */
  readonly openingTimeoutMs?: number;
  onRefused(kind: RefusalKind, peer: string, detail: string): void;
}

const TLS_HANDSHAKE_BYTE = 0x16;
const H2C_PREFACE = "PRI * HTTP/2";
const OPENING_TIMEOUT_MS = 10_000;
/** Of an unknown method's path, for the log. */
const LONGEST_PATH = 100;
/** Stream and connection windows: Envoy ships bodies in 16 KiB frames, and node's default of 64 KiB stalls large ones. */
const STREAM_WINDOW_BYTES = 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;

type Injector = ReturnType<grpc.Server["createConnectionInjector"]>;

export class GrpcPort {
  readonly #options: GrpcPortOptions;
  readonly #openingTimeoutMs: number;
  readonly #listeners: net.Server[] = [];
  readonly #sessions = new Sessions();
  readonly #sockets = new Set<net.Socket>();
  readonly #plain: Injector | undefined;
  readonly #tls: Injector | undefined;
  readonly #firstHeads = new FirstHeads();
  readonly #lost = new LostStreams((session, streams) => this.#onLost(session, streams));

  constructor(options: GrpcPortOptions) {
    this.#options = options;
    this.#openingTimeoutMs = options.openingTimeoutMs ?? OPENING_TIMEOUT_MS;
    const injectorFor = (credentials: grpc.ServerCredentials) =>
      this.#watchingSessions(() => options.server.createConnectionInjector(credentials));
    this.#plain = options.tlsOnly ? undefined : injectorFor(grpc.ServerCredentials.createInsecure());
    this.#tls = options.tls === undefined ? undefined : injectorFor(options.tls);
  }

  /** Listens on a TCP address or a Unix socket; resolves with the bound port (0 for a socket). */
  listen(where: { host: string; port: number } | { path: string }): Promise<number> {
    const listener = net.createServer({ noDelay: true }, (socket) => this.#onConnection(socket));
    this.#listeners.push(listener);
    return new Promise((resolve, reject) => {
      listener.once("error", reject);
      listener.listen(where, () => {
        listener.off("error", reject);
        const address = listener.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  }

  /** Tells every peer to open no more streams here. Open ones go on; those on their way wait for the close. */
  announceGoaway(): void {
    this.#sessions.announceGoaway();
  }

  /** Takes no new connections, and closes each open one as soon as its last stream is over. */
  closeGently(): void {
    for (const listener of this.#listeners) listener.close();
    this.#sessions.closeGently();
  }

  get idle(): boolean {
    return this.#sessions.none;
  }

  /** How many are open, whether they have spoken or not. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Ends everything now. */
  stop(): void {
    this.#lost.stop();
    for (const listener of this.#listeners) listener.close();
    this.#sessions.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #onConnection(socket: net.Socket): void {
    this.#sockets.add(socket);
    rememberPeer(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    const silent = () => this.#refuse("silent", socket, `${first.length} bytes`);
    const timer = setTimeout(silent, this.#openingTimeoutMs).unref();
    let first: Buffer = Buffer.alloc(0);
    const onData = (bytes: Buffer): void => {
      first = Buffer.concat([first, bytes]);
      if (isUndecided(first)) return;
      clearTimeout(timer);
      socket.off("data", onData);
      this.#route(socket, first);
    };
    socket.on("data", onData);
    socket.once("close", () => clearTimeout(timer));
  }

  #route(socket: net.Socket, bytes: Buffer): void {
    const preface = bytes.toString("latin1", 0, H2C_PREFACE.length);
    if (bytes[0] === TLS_HANDSHAKE_BYTE) this.#routeTls(socket, bytes);
    else if (preface === H2C_PREFACE) this.#routePlain(socket, bytes);
    else if (/^[A-Z]{3,8} /.test(preface)) {
      socket.write("HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
      this.#refuse("http1", socket, "");
    } else this.#refuse("unknown_protocol", socket, `first bytes ${bytes.toString("hex", 0, 8)}`);
  }

  #routeTls(socket: net.Socket, bytes: Buffer): void {
    socket.pause();
    socket.unshift(bytes);
    if (this.#tls === undefined) this.#refuse("tls_refused", socket, "");
    else this.#tls.injectConnection(socket);
  }

  #routePlain(socket: net.Socket, bytes: Buffer, plain = this.#plain): void {
    if (plain === undefined) this.#refuse("plaintext_refused", socket, "");
    else this.#firstHeads.await(socket, bytes, (connection) => plain.injectConnection(connection));
  }

  #refuse(kind: RefusalKind, socket: net.Socket, detail: string): void {
    this.#options.onRefused(kind, peerOf(socket), detail);
    socket.destroySoon();
  }

  /**
   * grpc-js has no options for what an Envoy peer needs (see below), so they are slipped in while it creates its
   * http2 server: node:http2's limit on incoming resets (1000, then 33 a second) would end every busy connection,
   * because Envoy resets each stream it is done with. ResetGuard takes over that limit's duty.
   */
  #watchingSessions(create: () => Injector): Injector {
    const { createServer, createSecureServer } = http2;
    const noLimit = { streamResetBurst: Number.MAX_SAFE_INTEGER, streamResetRate: Number.MAX_SAFE_INTEGER };
    const { tlsMinVersion: minVersion } = this.#options;
    const secured = { handshakeTimeout: this.#openingTimeoutMs, ...(minVersion !== undefined && { minVersion }) };
    const withOptions = <O extends http2.ServerOptions | undefined>(options: O) => ({
      ...options,
      ...noLimit,
      settings: { ...options?.settings, initialWindowSize: STREAM_WINDOW_BYTES },
    });
    Object.assign(http2, {
      createServer: (options: http2.ServerOptions) => this.#watch(createServer(withOptions(options))),
      createSecureServer: (options: http2.SecureServerOptions) =>
        this.#watchTls(this.#watch(createSecureServer({ ...withOptions(options), ...secured }))),
    });
    try {
      return create();
    } finally {
      Object.assign(http2, { createServer, createSecureServer });
    }
  }

  #watch<S extends http2.Http2Server | http2.Http2SecureServer>(server: S): S {
    (server as http2.Http2Server).on("session", (session) => {
      nameSocketOf(session);
      this.#sessions.add(session);
      this.#lost.watch(session);
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
      this.#options.guard.watch(session);
      session.on("stream", (_stream, headers) => {
        const path = headers[":path"] ?? "";
        if (!this.#options.methods.has(path)) {
          this.#options.onRefused("unknown_method", peerOf(session.socket), path.slice(0, LONGEST_PATH));
        }
      });
      const peer = peerOf(session.socket);
      awaitSettings(session, this.#openingTimeoutMs, () =>
        this.#options.onRefused("silent", peer, "no HTTP/2 settings"),
      );
    });
    server.on("sessionError", () => {});
    return server;
  }

  /** The client opens another connection, whose requests are mended. */
  #onLost(session: http2.ServerHttp2Session, streams: number): void {
    if (session.closed) return;
    this.#options.onRefused("unheard_streams", peerOf(session.socket), `${streams} streams`);
    // Where all was mended that can be, another connection would be no better.
    if (isMended(session)) return;
    this.#firstHeads.noteLoss(hostOf(session.socket));
    // Not by a GOAWAY that leaves time: HTTP/2 as Node has it passes over all that comes behind one.
    session.close();
  }

  /**
   * Every TLS connection is mended, whatever its first request. HTTP/2 that writes to TLS by itself never hears that a
   * write has failed, and would keep the connection of a client that is gone for ever.
   */
  #watchTls(server: http2.Http2SecureServer): http2.Http2SecureServer {
    const takers = server.listeners("secureConnection");
    server.removeAllListeners("secureConnection");
    server.on("secureConnection", (socket: tls.TLSSocket) => {
      const connection = socket.alpnProtocol === "h2" ? new MendedSocket(socket, Buffer.alloc(0)) : socket;
      for (const taker of takers) taker.call(server, connection);
    });
    server.on("tlsClientError", (error, socket) => {
      this.#options.onRefused("tls_handshake", peerOf(socket), error.message);
    });
    server.on("unknownProtocol", (socket: tls.TLSSocket) => {
      this.#options.onRefused("http1", peerOf(socket), "no h2 in the TLS handshake's ALPN");
      socket.destroy();
    });
    return server;
  }
}

/** Whether more bytes may still make it HTTP/2, or HTTP/1.1, whose first line starts with a method. */
function isUndecided(bytes: Buffer): boolean {
  const text = bytes.toString("latin1", 0, H2C_PREFACE.length);
  return text !== H2C_PREFACE && (H2C_PREFACE.startsWith(text) || /^[A-Z]{1,8}$/.test(text));
}
