/**
 * Writes messages of application/vnd.amazon.eventstream as Bedrock sends them. Run by itself it makes each capture of the
 * translators' fixtures anew from the readable form beside it.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";

const STRING = 7;

function header(name: string, value: string): Buffer {
  const [key, text] = [Buffer.from(name), Buffer.from(value)];
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length);
  return Buffer.concat([Buffer.of(key.length), key, Buffer.of(STRING), length, text]);
}

function checked(bytes: Buffer): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  return Buffer.concat([bytes, sum]);
}

/** `headers` may also be bytes as they stand in a message. */
export function frame(headers: Readonly<Record<string, string>> | Buffer, payload: string | Buffer): Buffer {
  const head = Buffer.isBuffer(headers)
    ? headers
    : Buffer.concat(Object.entries(headers).map(([name, value]) => header(name, value)));
  const body = Buffer.from(payload);
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(16 + head.length + body.length, 0);
  lengths.writeUInt32BE(head.length, 4);
  return checked(Buffer.concat([checked(lengths), head, body]));
}

/** One message in the readable form: an event, an exception of Bedrock's or another error. */
export type ReadableFrame =
  | { readonly event: string; readonly body: unknown }
  | { readonly exception: string; readonly body: unknown }
  | { readonly error: string; readonly message: string };

function written(message: ReadableFrame): Buffer {
  if ("error" in message) {
    return frame({ ":error-code": message.error, ":error-message": message.message, ":message-type": "error" }, "");
  }
  const [kind, name] = "event" in message ? ["event", message.event] : ["exception", message.exception];
  const headers = { [`:${kind}-type`]: name, ":content-type": "application/json", ":message-type": kind };
  return frame(headers, JSON.stringify(message.body));
}

export function frames(messages: readonly ReadableFrame[]): Buffer {
  return Buffer.concat(messages.map(written));
}

const captures = join(import.meta.dirname, "../fixtures/translators/aws-bedrock");

/** The captures by the names of their files, as their readable forms have them. */
export function readableCaptures(): readonly { readonly file: string; readonly bytes: Buffer }[] {
  return globSync(join(captures, "*.frames.json")).map((readable) => ({
    file: readable.replace(/\.frames\.json$/, ".eventstream"),
    bytes: frames(JSON.parse(readFileSync(readable, "utf8"))),
  }));
}

if (import.meta.main) for (const { file, bytes } of readableCaptures()) writeFileSync(file, bytes);
