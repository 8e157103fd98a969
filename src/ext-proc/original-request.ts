/**
 * What the client's request was before any attempt changed it. It travels in Envoy's own dynamic metadata, which no
 * client can write and no backend sees: never in a header, and in no memory of ours, so that any process can serve any
 * attempt. The first phase that sees the request writes it; Envoy shows it to every later one.
 */
import type { StreamMessage } from "./decode-message.ts";
import { headerValue } from "./header-map.ts";
import { DYNAMIC_METADATA, structField, structText, structValue } from "./metadata-fields.ts";
import { metadataText } from "./read-metadata.ts";
import { field } from "./wire.ts";

/** Texts hold a byte of the header each; "" is absent. */
export interface OriginalRequest {
  readonly path: string;
  readonly host: string;
  readonly contentEncoding: string;
  /** As the body of the request names it. */
  readonly model: string;
  /** Kept only where a backend gets it: whoever prints this namespace, such as an access log, prints it too. */
  readonly authorization: string;
  /** Who pays, by the header that an option names. */
  readonly payer: string;
}

const ORIGINAL_NAMESPACE = "pointsman";

const keys: Readonly<Record<keyof OriginalRequest, string>> = {
  path: "original_path",
  host: "original_host",
  contentEncoding: "original_content_encoding",
  model: "original_model",
  authorization: "original_authorization",
  payer: "original_payer",
};

const AUTHORITY = Buffer.from(":authority");
const HOST = Buffer.from("host");
const AUTHORIZATION = Buffer.from("authorization");

/** What is kept only where somebody wants it. */
export interface KeptToo {
  readonly authorization: boolean;
  readonly payerHeader: Buffer | undefined;
}

/** As the headers before us have it. */
export function originalIn(message: StreamMessage, model: string, too: KeptToo): OriginalRequest {
  return {
    path: message.path,
    host: headerValue(message, AUTHORITY) || headerValue(message, HOST),
    contentEncoding: message.contentEncoding,
    model,
    authorization: too.authorization ? headerValue(message, AUTHORIZATION) : "",
    payer: too.payerHeader === undefined ? "" : headerValue(message, too.payerHeader),
  };
}

/** As an earlier phase has kept it; undefined where none has, or Envoy does not show it. */
export function keptOriginal(message: StreamMessage): OriginalRequest | undefined {
  if (message.metadataEnd === 0) return undefined;
  const kept = (name: keyof OriginalRequest) => metadataText(message, ORIGINAL_NAMESPACE, keys[name]);
  const path = kept("path");
  if (path === "") return undefined;
  return {
    path,
    host: kept("host"),
    contentEncoding: kept("contentEncoding"),
    model: kept("model"),
    authorization: kept("authorization"),
    payer: kept("payer"),
  };
}

/** The entry of a reply's dynamic metadata that keeps it. */
export function originalEntry(original: OriginalRequest): Buffer {
  const told = (Object.keys(keys) as (keyof OriginalRequest)[]).filter((name) => original[name] !== "");
  const struct = structValue(told.map((name) => structField(keys[name], structText(original[name]))));
  return structField(ORIGINAL_NAMESPACE, struct);
}

/** The same as a field of a ProcessingResponse. */
export function originalMetadata(original: OriginalRequest): Buffer {
  return field(DYNAMIC_METADATA, originalEntry(original));
}
