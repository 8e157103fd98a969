/**
 * AWS's Signature Version 4, by node:crypto: an attempt's headers are made at once, and AWS's own library, which signs
 * asynchronously, would bring 8 MB for what its published test vectors pin down to the last byte.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { createHash, createHmac } from "node:crypto";
import type { AwsKeys } from "./aws-keys.ts";

export interface SigningScope {
  readonly region: string;
  readonly service: string;
}

export interface SignedRequest {
  readonly method: string;
  /** As it goes out, query included. */
  readonly path: string;
  /** All that are signed, by lower-case name: host and x-amz-date among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body in hexadecimal digits. */
  readonly bodyHash: string;
}

const ALGORITHM = "AWS4-HMAC-SHA256";

/** The value of `authorization`. */
export function signRequest(request: SignedRequest, keys: AwsKeys, { region, service }: SigningScope): string {
  const time = request.headers["x-amz-date"] ?? "";
  const day = time.slice(0, 8);
  const scope = [day, region, service, "aws4_request"];
  const said = [ALGORITHM, time, scope.join("/"), sha256([canonicalRequest(request)])].join("\n");
  const key = scope.reduce<Buffer | string>(hmac, `AWS4${keys.secretAccessKey}`);
  const names = Object.keys(request.headers).sort().join(";");
  const signature = hmac(key, said).toString("hex");
  return `${ALGORITHM} Credential=${keys.accessKeyId}/${scope.join("/")}, SignedHeaders=${names}, Signature=${signature}`;
}

/** In hexadecimal digits. */
export function sha256(pieces: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
}

/** As x-amz-date has it: 20150830T123600Z. */
export function amzDate(date: Date): string {
  return date.toISOString().replace(/[-:]|\.\d+/g, "");
}

/** The one way of writing a request that both sides come to, whatever lies between them. */
export function canonicalRequest({ method, path, headers, bodyHash }: SignedRequest): string {
  const at = path.indexOf("?");
  const [place, query] = at === -1 ? [path, ""] : [path.slice(0, at), path.slice(at + 1)];
  const names = Object.keys(headers).sort();
  const lines = names.map((name) => `${name}:${headers[name]?.trim().replace(/\s+/g, " ")}\n`);
  return [method, canonicalPath(place), canonicalQuery(query), lines.join(""), names.join(";"), bodyHash].join("\n");
}

/** Without empty and dotted segments, and encoded once more than it goes out: every service but S3 has it so. */
function canonicalPath(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(encode(segment));
  }
  return kept.length === 0 ? "/" : `/${kept.join("/")}${path.endsWith("/") ? "/" : ""}`;
}

/** Sorted by name, then by value, as they look when encoded. */
function canonicalQuery(query: string): string {
  const pairs = query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const at = pair.indexOf("=");
      const [name, value] = at === -1 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
      return [encode(decode(name)), encode(decode(value))] as const;
    });
  const order = (one: string, other: string) => (one === other ? 0 : one < other ? -1 : 1);
  pairs.sort(([name, value], [otherName, otherValue]) => order(name, otherName) || order(value, otherValue));
  return pairs.map((pair) => pair.join("=")).join("&");
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** All but the letters, digits and signs that RFC 3986 calls unreserved. */
function encode(text: string): string {
  const hex = (letter: string) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text.toWellFormed()).replace(/[!'()*]/g, hex);
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
