/** A small ext_proc and health client: it plays Envoy for the doctor's probes, the wire tests and the benches. */
import net from "node:net";
import grpc from "@grpc/grpc-js";
import { type HealthStatus, type ProcessingRequest, type ProcessingResponse, protoMethods } from "./messages.ts";

export interface ExtProcTarget {
  /** `host:port`, or `unix:/path` for a Unix socket. */
  readonly address: string;
  /** Absent: plaintext h2c. */
  readonly tls?: {
    /** PEM; absent: the certificate is not verified, as the gateways do with a picker's self-signed one. */
    readonly ca?: Buffer;
    readonly serverName?: string;
  };
}

/** How a stream ended: a gRPC status code (0 = OK) and its text. */
export interface StreamEnd {
  readonly code: number;
  readonly details: string;
}

type ProcessCall = grpc.ClientDuplexStream<ProcessingRequest | Buffer, ProcessingResponse>;

export function connectExtProc(target: ExtProcTarget): ExtProcClient {
  return new ExtProcClient(target);
}

export class ExtProcClient {
  #client: grpc.Client;

  constructor(target: ExtProcTarget) {
    const options: grpc.ChannelOptions = {
      "grpc.max_send_message_length": -1,
      "grpc.max_receive_message_length": -1,
      // Each client has a connection of its own; grpc-js otherwise shares them between equal targets.
      "grpc.use_local_subchannel_pool": 1,
    };
    const serverName = target.tls?.serverName ?? nameFor(target.address);
    if (target.tls !== undefined && serverName !== undefined) options["grpc.ssl_target_name_override"] = serverName;
    this.#client = new grpc.Client(target.address, credentialsOf(target), options);
  }

  /** Resolves once the connection stands, so that a later wait is not a connect. */
  ready(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(Date.now() + timeoutMs, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** `metadata` is that of the gRPC call, where Envoy names its own span. */
  process(metadata: Readonly<Record<string, string>> = {}): ProcessStream {
    const { path, requestSerialize, responseDeserialize } = protoMethods().process;
    const serialize = (message: ProcessingRequest | Buffer) =>
      Buffer.isBuffer(message) ? message : requestSerialize(message);
    const sent = new grpc.Metadata();
    for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
    return new ProcessStream(this.#client.makeBidiStreamRequest(path, serialize, responseDeserialize, sent));
  }

  /** SERVICE_UNKNOWN also where the server refuses an unknown name with NOT_FOUND, as the health protocol asks of Check. */
  checkHealth(service: string, timeoutMs = 5000): Promise<HealthStatus> {
    const { path, requestSerialize, responseDeserialize } = protoMethods().check;
    const { promise, resolve, reject } = Promise.withResolvers<HealthStatus>();
    const deadline = { deadline: Date.now() + timeoutMs };
    this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { service },
      deadline,
      (error, reply) => {
        if (error === null) resolve(reply?.status ?? "UNKNOWN");
        else if (error.code === grpc.status.NOT_FOUND) resolve("SERVICE_UNKNOWN");
        else reject(error);
      },
    );
    return promise;
  }

  close(): void {
    this.#client.close();
  }
}

/** One ext_proc stream, seen from Envoy's side. Replies wait in line until they are asked for. */
export class ProcessStream {
  /** Never rejects: every ending is a status. */
  readonly ended: Promise<StreamEnd>;
  #call: ProcessCall;
  #replies: ProcessingResponse[] = [];
  #waiting: ((reply: ProcessingResponse | undefined) => void)[] = [];
  #isOver = false;

  constructor(call: ProcessCall) {
    this.#call = call;
    call.on("data", (reply: ProcessingResponse) => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#replies.push(reply);
      else next(reply);
    });
    // The status event tells the same story once more, with every ending in one place.
    call.on("error", () => {});
    this.ended = new Promise((resolve) => {
      call.on("status", ({ code, details }: grpc.StatusObject) => {
        const finish = () => {
          this.#isOver = true;
          for (const next of this.#waiting.splice(0)) next(undefined);
          resolve({ code, details });
        };
        // Replies that came before the status may still stand in the stream's buffer.
        if (call.readableEnded) finish();
        else call.once("end", finish);
      });
    });
  }

  /** A Buffer is sent as it is: a message that no encoder would write. */
  send(message: ProcessingRequest | Buffer): void {
    this.#call.write(message);
  }

  /** The next reply; undefined once the stream ended without another. */
  reply(): Promise<ProcessingResponse | undefined> {
    const reply = this.#replies.shift();
    if (reply !== undefined || this.#isOver) return Promise.resolve(reply);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Replies that came and were not asked for yet. */
  get pending(): number {
    return this.#replies.length;
  }

  halfClose(): void {
    this.#call.end();
  }

  /** Ends the stream with RST_STREAM, as Envoy does by default. */
  cancel(): void {
    this.#call.cancel();
  }
}

function credentialsOf({ tls }: ExtProcTarget): grpc.ChannelCredentials {
  if (tls === undefined) return grpc.credentials.createInsecure();
  if (tls.ca !== undefined) return grpc.credentials.createSsl(tls.ca);
  return grpc.credentials.createSsl(null, null, null, { rejectUnauthorized: false });
}

/** An IP address or a socket's path is no name to ask a certificate for. */
function nameFor(address: string): string | undefined {
  const host = address.slice(0, address.lastIndexOf(":")).replace(/^\[|\]$/g, "");
  return net.isIP(host) !== 0 || address.startsWith("unix:") ? "localhost" : undefined;
}
