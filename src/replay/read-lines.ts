/** The lines of a file, gzip or not, one after the other: a day's log does not fit into memory. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { createGunzip } from "node:zlib";

/** No record is longer; what is, comes as an empty line. */
const LONGEST_LINE = 16 * 1024 * 1024;

/** Lines without their ends. Rejects where the file cannot be read. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  const isPacked = await isGzip(path);
  const source = createReadStream(path);
  const bytes = isPacked ? source.pipe(createGunzip()) : source;
  if (isPacked) source.on("error", (error) => bytes.destroy(error));
  try {
    yield* split(bytes);
  } finally {
    source.destroy();
    bytes.destroy();
  }
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

async function* split(bytes: Readable): AsyncGenerator<string> {
  const decoder = new StringDecoder();
  let rest = "";
  let isTooLong = false;
  for await (const chunk of bytes) {
    const [first = "", ...others] = decoder.write(chunk).split("\n");
    rest = isTooLong ? "" : rest + first;
    for (const next of others) {
      yield isTooLong ? "" : rest;
      isTooLong = false;
      rest = next;
    }
    isTooLong ||= rest.length > LONGEST_LINE;
  }
  if (!isTooLong && rest !== "") yield rest;
}
