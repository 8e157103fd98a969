/**
 * The Process method, registered by hand, and its two transports behind one codec.
 *
 * direct  a server interceptor takes the call over: messages never pass grpc-js's Duplex stream. It leans on how
 *         grpc-js runs interceptors, so its version is pinned and a wire test watches over it.
 * plain   the documented way, `call.on("data")`: the fallback if a grpc-js release breaks the first.
 */
import type { ServerHttp2Stream } from "node:http2";
import grpc from "@grpc/grpc-js";
import { decodeMessage, type StreamMessage } from "./decode-message.ts";
import { Stream } from "./stream.ts";
import { grpcStatus, type StreamHost, type StreamPort } from "./stream-host.ts";

export const EXT_PROC_SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor";
const PROCESS_PATH = `/${EXT_PROC_SERVICE}/Process`;

export type Transport = "direct" | "plain";

const unused = (): never => {
  throw new Error("the server side never encodes requests or decodes replies");
};

/** Replies arrive encoded. */
const identity = (bytes: Buffer): Buffer => bytes;

export const processDefinition: grpc.ServiceDefinition = {
  Process: {
    path: PROCESS_PATH,
    requestStream: true,
    responseStream: true,
    requestDeserialize: decodeMessage,
    responseSerialize: identity,
    requestSerialize: unused,
    responseDeserialize: unused,
  },
};

/** Unsent reply bytes of one stream above which no further message is read. */
const SEND_AHEAD_BYTES = 1024 * 1024;
/** What a reply takes beside its bytes. */
const REPLY_OVERHEAD_BYTES = 256;
/** Replies below this all count as this much, so that they need no callback of their own. */
const SMALL_REPLY_BYTES = 512;

type Call = grpc.ServerInterceptingCallInterface;

/** One stream on a call that the interceptor took over. */
class DirectPort implements StreamPort {
  readonly #call: Call;
  #unsentBytes = 0;
  #wantsRead = false;
  #isReading = false;
  sentStatus: number | undefined;
  #metadata: grpc.Metadata | undefined;

  constructor(call: Call) {
    this.#call = call;
    // grpc-js ends calls on its own too (too large, deadline, unknown encoding), and tells nobody but through this.
    const sendStatus = call.sendStatus.bind(call);
    call.sendStatus = (status) => {
      this.sentStatus ??= status.code ?? grpcStatus.internal;
      sendStatus(status);
    };
  }

  /** From now on `callHeader` knows them. */
  keep(metadata: grpc.Metadata): void {
    this.#metadata = metadata;
  }

  callHeader(name: string): string {
    return valueIn(this.#metadata, name);
  }

  send(reply: Buffer): void {
    if (reply.length < SMALL_REPLY_BYTES) {
      this.#unsentBytes += SMALL_REPLY_BYTES + REPLY_OVERHEAD_BYTES;
      this.#call.sendMessage(reply, this.#onSmallSent);
      return;
    }
    const bytes = reply.length + REPLY_OVERHEAD_BYTES;
    this.#unsentBytes += bytes;
    this.#call.sendMessage(reply, () => this.#onSent(bytes));
  }

  /**
   * Asks for the next message, once enough of the replies is out. grpc-js hands over a message it already has within
   * the call, which ends in another read: hence the loop, which keeps thousands of them from nesting.
   */
  read(): void {
    this.#wantsRead = true;
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#wantsRead && this.#unsentBytes < SEND_AHEAD_BYTES) {
      this.#wantsRead = false;
      this.#call.startRead();
    }
    this.#isReading = false;
  }

  end(code: number, details: string): void {
    this.#call.sendStatus({ code, details });
  }

  peer(): string {
    return peerOf(this.#call.getConnectionInfo());
  }

  readonly #onSmallSent = (): void => this.#onSent(SMALL_REPLY_BYTES + REPLY_OVERHEAD_BYTES);

  #onSent(bytes: number): void {
    this.#unsentBytes -= bytes;
    if (this.#wantsRead) this.read();
  }
}

/** Takes Process calls over; every other method (health) goes its usual way. */
export function takeOver(host: StreamHost): grpc.ServerInterceptor {
  return (method, call) => {
    if (method.path !== PROCESS_PATH) return new grpc.ServerInterceptingCall(call);
    const port = new DirectPort(call);
    const isReset = resetsOf(call);
    let stream: Stream | undefined;
    const listener = {
      // Not before: a call that was reset already gets no event at all, so that its stream would stay open for ever.
      onReceiveMetadata: (metadata: grpc.Metadata) => {
        port.keep(metadata);
        stream = new Stream(port, host);
        port.read();
      },
      onReceiveMessage: (message: StreamMessage) => {
        stream?.on(message);
        port.read();
      },
      onReceiveHalfClose: () => (isReset() ? stream?.onCancel() : stream?.onHalfClose()),
      onCancel: () => stream?.onCancel(),
    };
    // grpc-js calls nothing but start() on what an interceptor returns for a streaming call.
    return { start: () => call.start(listener) } as unknown as grpc.ServerInterceptingCall;
  };
}

/** The handler grpc-js sees. On the direct transport it is never reached; a call that gets here is a broken take-over. */
export function processHandler(
  host: StreamHost,
  transport: Transport,
): grpc.handleBidiStreamingCall<StreamMessage, Buffer> {
  return (call) => {
    if (transport === "direct") host.events.fault("direct transport", new Error("a call reached grpc-js's stream"));
    const stream = new Stream(plainPort(call), host);
    call.on("data", (message: StreamMessage) => stream.on(message));
    const isReset = resetsOf((call as unknown as { readonly call?: object }).call);
    call.on("end", () => (isReset() ? stream.onCancel() : stream.onHalfClose()));
    call.on("cancelled", () => stream.onCancel());
    call.on("error", () => stream.onCancel());
  };
}

function plainPort(call: grpc.ServerDuplexStream<StreamMessage, Buffer>): StreamPort {
  const peer = call.getPeer();
  call.on("drain", () => call.resume());
  return {
    send: (reply) => {
      if (!call.write(reply)) call.pause();
    },
    end: (code, details) => {
      if (code === grpcStatus.ok) call.end();
      else call.emit("error", { code, details });
    },
    peer: () => (peer === "unknown" ? "unix socket" : peer),
    callHeader: (name) => valueIn(call.metadata, name),
  };
}

/**
 * Whether a call was reset, or its connection lost, before the client had ended it: to grpc-js, which does not show the
 * HTTP/2 stream, and to Node both look like an end. A reset behind the end, with which Envoy closes every stream, is none.
 */
function resetsOf(call: object | undefined): () => boolean {
  const { stream } = (call ?? {}) as { readonly stream?: ServerHttp2Stream };
  let isReset = false;
  stream?.once("aborted", () => {
    isReset = !stream.readableEnded;
  });
  return () => isReset;
}

function valueIn(metadata: grpc.Metadata | undefined, name: string): string {
  return metadata?.get(name).join(",") ?? "";
}

function peerOf(connection: { remoteAddress?: string | undefined; remotePort?: number | undefined }): string {
  const { remoteAddress, remotePort } = connection;
  if (remoteAddress === undefined) return "unix socket";
  return remoteAddress.includes(":") ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}
