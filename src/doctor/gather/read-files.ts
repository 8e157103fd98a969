/** Files and folders as evidence: any names, gzipped or not, and of what is huge the part that matters. */
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import type { Source } from "../diagnose.ts";
import type { Unread } from "../evidence.ts";
import { encodingOf, isLinewise, textOf, whyNoText } from "./file-kind.ts";
import { walk } from "./walk.ts";

export { bundleContents } from "./walk.ts";

export interface FileLimits {
  /** Of a log the last so many bytes are read. */
  readonly logBytes: number;
  /** Anything else is read whole up to here, and not at all above. */
  readonly wholeBytes: number;
  /** A packed log is unpacked so far in search of its end. */
  readonly unpackedBytes: number;
  /** Of all files together. */
  readonly allBytes: number;
  readonly files: number;
}

const MIB = 1024 * 1024;
export const fileLimits: FileLimits = {
  logBytes: 16 * MIB,
  wholeBytes: 128 * MIB,
  unpackedBytes: 256 * MIB,
  allBytes: 192 * MIB,
  files: 500,
};

const SNIFFED_BYTES = 4096;

export interface Files {
  readonly sources: readonly Source[];
  readonly unread: readonly Unread[];
}

/** Of a folder all that lies in it, in the order of the names. */
export async function readFiles(paths: readonly string[], limits: FileLimits = fileLimits): Promise<Files> {
  const found = await walk(paths, limits.files);
  const sources: Source[] = [];
  const unread: Unread[] = [...found.unread];
  let left = limits.allBytes;
  for (const path of found.files) {
    try {
      const source = await readFileWithin(path, limits, left);
      left -= source.text.length;
      sources.push(source);
    } catch (error) {
      unread.push({ source: path, why: error instanceof Error ? error.message : String(error) });
    }
  }
  return { sources, unread };
}

/** Throws with the reason where there is no text to be had of it. */
async function readFileWithin(path: string, limits: FileLimits, left: number): Promise<Source> {
  const { size } = await stat(path);
  const head = await headOf(path);
  if (head[0] === 0x1f && head[1] === 0x8b) return readUnpacked(path, limits, left);
  const why = whyNoText(head);
  if (why !== "") throw new Error(why);
  const encoding = encodingOf(head);
  const isLog = encoding === "utf8" && isLinewise(head.toString("utf8"));
  const taken = isLog ? Math.min(size, limits.logBytes) : size;
  if (taken > limits.wholeBytes) throw new Error(longerThan(limits.wholeBytes));
  if (taken > left) throw new Error(`${mib(limits.allBytes)} were read before it, and more are not read`);
  const from = size - taken;
  const bytes = await tailOf(createReadStream(path, { start: from }), () => limits.wholeBytes, limits.wholeBytes);
  return { name: path, text: from === 0 ? textOf(bytes, encoding) : afterFirstLine(bytes.toString("utf8")) };
}

async function readUnpacked(path: string, limits: FileLimits, left: number): Promise<Source> {
  let isLog = false;
  const file = createReadStream(path);
  const unpacked = file.pipe(createGunzip());
  // A packed file that breaks off is no reason to wait for the rest.
  file.once("error", (error) => unpacked.destroy(error));
  const judge = (first: Buffer) => {
    const why = whyNoText(first.subarray(0, SNIFFED_BYTES));
    if (why !== "") throw new Error(why);
    isLog = encodingOf(first) === "utf8" && isLinewise(first.toString("utf8", 0, SNIFFED_BYTES));
    return isLog ? limits.unpackedBytes : limits.wholeBytes;
  };
  try {
    const bytes = await tailOf(unpacked, judge, limits.logBytes);
    if (bytes.length > left) throw new Error(`${mib(limits.allBytes)} were read before it, and more are not read`);
    const text = textOf(bytes, encodingOf(bytes));
    return {
      name: path.replace(/\.gz$/, ""),
      text: isLog && bytes.length === limits.logBytes ? afterFirstLine(text) : text,
    };
  } finally {
    file.destroy();
    unpacked.destroy();
  }
}

/** By its first piece `judge` says how long it may be, or throws; of one that may be long the last `kept` bytes are. */
async function tailOf(stream: AsyncIterable<unknown>, judge: (first: Buffer) => number, kept: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let [size, seen] = [0, 0];
  let most = Number.POSITIVE_INFINITY;
  for await (const chunk of stream) {
    const bytes = chunk as Buffer;
    if (seen === 0) most = judge(bytes);
    seen += bytes.length;
    if (seen > most) throw new Error(longerThan(most));
    chunks.push(bytes);
    size += bytes.length;
    const isTail = most > kept;
    while (isTail && size - (chunks[0]?.length ?? 0) >= kept) size -= chunks.shift()?.length ?? 0;
  }
  const all = Buffer.concat(chunks);
  return most > kept ? all.subarray(-kept) : all;
}

function longerThan(bytes: number): string {
  return `it is longer than ${mib(bytes)}`;
}

function mib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}

async function headOf(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SNIFFED_BYTES), 0, SNIFFED_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** The first line of what was cut is a part of one. */
function afterFirstLine(text: string): string {
  return text.slice(text.indexOf("\n") + 1);
}
