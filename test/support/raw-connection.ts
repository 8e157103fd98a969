/**
 * HTTP/2 frames written by hand over a plain socket: for what a well-behaved client library will not send. Frame and
 * header formats are those of RFC 9113 and RFC 7541 (literals only, nothing indexed).
 */
import net from "node:net";
import { setImmediate } from "node:timers/promises";
import { protoMethods } from "../../src/ext-proc/messages.ts";

const frameType = { data: 0, headers: 1, rstStream: 3, settings: 4, ping: 6 } as const;
const END_STREAM = 1;
const END_HEADERS = 4;
const CANCEL = 8;
/** Streams opened and reset between two looks at whether the peer still listens. */
const BATCH = 100;

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function literal(name: string, value: string): Buffer {
  return Buffer.from(
    `\0${String.fromCharCode(name.length)}${name}${String.fromCharCode(value.length)}${value}`,
    "latin1",
  );
}

const processHeaders = Buffer.concat([
  literal(":method", "POST"),
  literal(":scheme", "http"),
  literal(":authority", "picker"),
  literal(":path", protoMethods().process.path),
  literal("content-type", "application/grpc"),
  literal("te", "trailers"),
]);

export class RawConnection {
  isClosed = false;
  readonly #socket: net.Socket;
  #nextStream = 1;
  /** Goes out with the first frames, so that the peer reads all of it at once: a stream may be over before it is seen. */
  #opening = Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    frame(frameType.settings, 0, 0, Buffer.alloc(0)),
  ]);
  #onPong: () => void = () => {};

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on("error", () => {});
    socket.on("close", () => {
      this.isClosed = true;
      this.#onPong();
    });
    // The only frame that interests is the answer to a PING; it comes alone, after all that was sent before it.
    socket.on("data", (bytes: Buffer) => {
      if (bytes.includes(frame(frameType.ping, 1, 0, Buffer.from("are you?")))) this.#onPong();
    });
  }

  static open(port: number): Promise<RawConnection> {
    const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    return new Promise((resolve, reject) => {
      socket.once("connect", () => resolve(new RawConnection(socket)));
      socket.once("error", reject);
    });
  }

  /** Opens streams and resets each in the same breath; stops when the peer closes the connection. */
  async resetUnanswered(count: number): Promise<void> {
    const code = Buffer.from([0, 0, 0, CANCEL]);
    for (let sent = 0; sent < count && !this.isClosed; sent += BATCH) {
      const frames: Buffer[] = [this.#opening];
      this.#opening = Buffer.alloc(0);
      for (let i = 0; i < BATCH; i++) {
        frames.push(frame(frameType.headers, END_HEADERS, this.#nextStream, processHeaders));
        frames.push(frame(frameType.rstStream, 0, this.#nextStream, code));
        this.#nextStream += 2;
      }
      this.#socket.write(Buffer.concat(frames));
      await this.#heard();
    }
    await setImmediate();
  }

  /** Opens one stream with this message on it, and tells when all of it was read. */
  async openStream(message: Buffer): Promise<void> {
    const length = Buffer.alloc(5);
    length.writeUInt32BE(message.length, 1);
    const opening = [this.#opening, frame(frameType.headers, END_HEADERS, this.#nextStream, processHeaders)];
    this.#opening = Buffer.alloc(0);
    this.#socket.write(
      Buffer.concat([...opening, frame(frameType.data, 0, this.#nextStream, Buffer.concat([length, message]))]),
    );
    await this.#heard();
  }

  /** Resets the stream that was opened last; as Envoy does it, behind its end. */
  resetStream(code: number, isEnded: boolean): void {
    const end = isEnded ? [frame(frameType.data, END_STREAM, this.#nextStream, Buffer.alloc(0))] : [];
    const reset = frame(frameType.rstStream, 0, this.#nextStream, Buffer.from([0, 0, 0, code]));
    this.#nextStream += 2;
    this.#socket.write(Buffer.concat([...end, reset]));
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Resolves when the peer has read everything sent so far, or is gone. */
  #heard(): Promise<void> {
    return new Promise((resolve) => {
      this.#onPong = resolve;
      if (this.isClosed) resolve();
      else this.#socket.write(frame(frameType.ping, 0, 0, Buffer.from("are you?")));
    });
  }
}
