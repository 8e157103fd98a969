/**
 * Writes the messages of a chat as Converse's: blocks of text, images, documents, audio, reasoning, calls and results.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
 */
import type { BinarySource, ChatTurn, ToolResultPart, UserPart } from "../chat-messages.ts";
import type { CachePoint } from "../chat-tools.ts";
import { plainCallId } from "../plain-call-id.ts";
import { type JsonObject, Untranslatable } from "../translator.ts";

/** Gives each document of a request a name that Bedrock takes and that no other has. */
export type NameDocument = (name: string) => string;

export function messageOf({ role, parts }: ChatTurn, nameDocument: NameDocument): JsonObject {
  return { role, content: parts.flatMap((part) => blocksOf(part, nameDocument)) };
}

/** A mark for the cache is a block of its own, behind what it is for. */
export function withCachePoint(block: JsonObject, point: CachePoint | undefined): JsonObject[] {
  if (point === undefined) return [block];
  const ttl = point.ttl === "5m" || point.ttl === "1h" ? { ttl: point.ttl } : {};
  return [block, { cachePoint: { type: "default", ...ttl } }];
}

function blocksOf(part: ChatTurn["parts"][number], nameDocument: NameDocument): JsonObject[] {
  switch (part.kind) {
    case "tool-call":
      return [{ toolUse: { toolUseId: plainCallId(part.id), name: part.name, input: part.args } }];
    case "tool-result":
      return withCachePoint(resultBlock(part, nameDocument), part.cachePoint);
    case "thinking":
      if (part.encrypted !== "") return [{ reasoningContent: { redactedContent: part.encrypted } }];
      return [{ reasoningContent: { reasoningText: { text: part.text, signature: part.signature } } }];
    case "audio":
      return [userBlock(part, nameDocument)];
    default:
      return withCachePoint(userBlock(part, nameDocument), part.cachePoint);
  }
}

function resultBlock({ id, content }: ToolResultPart, nameDocument: NameDocument): JsonObject {
  const blocks = content.map((part) => {
    if (part.kind === "audio") throw new Untranslatable(part.at, "Bedrock takes no audio as a tool's result");
    return userBlock(part, nameDocument);
  });
  return { toolResult: { toolUseId: plainCallId(id), content: blocks } };
}

function userBlock(part: UserPart, nameDocument: NameDocument): JsonObject {
  switch (part.kind) {
    case "text":
      return { text: part.text };
    case "image":
      return {
        image: { format: formatOf(part.source, imageFormats, part.at), source: sourceOf(part.source, part.at) },
      };
    case "audio":
      return { audio: { format: part.format, source: { bytes: part.base64 } } };
    case "file": {
      const format = formatOf(part.source, documentFormats, part.at);
      return { document: { format, name: nameDocument(part.name), source: sourceOf(part.source, part.at) } };
    }
  }
}

/** Bedrock's own names, by media type and by how an address ends. */
type Formats = Readonly<Record<string, string>>;

const imageFormats: Formats = {
  "image/png": "png",
  "image/jpeg": "jpeg",
  "image/jpg": "jpeg",
  "image/gif": "gif",
  "image/webp": "webp",
  png: "png",
  jpeg: "jpeg",
  jpg: "jpeg",
  gif: "gif",
  webp: "webp",
};

const office = "application/vnd.openxmlformats-officedocument";
const documentFormats: Formats = {
  "application/pdf": "pdf",
  "text/csv": "csv",
  "text/html": "html",
  "text/plain": "txt",
  "text/markdown": "md",
  "application/msword": "doc",
  [`${office}.wordprocessingml.document`]: "docx",
  "application/vnd.ms-excel": "xls",
  [`${office}.spreadsheetml.sheet`]: "xlsx",
  ...Object.fromEntries(["pdf", "csv", "html", "txt", "md", "doc", "docx", "xls", "xlsx"].map((name) => [name, name])),
};

function formatOf(source: BinarySource, formats: Formats, at: string): string {
  const name =
    source.kind === "data" ? source.mediaType : source.url.slice(source.url.lastIndexOf(".") + 1).toLowerCase();
  const format = Object.hasOwn(formats, name) ? formats[name] : undefined;
  if (format === undefined) throw new Untranslatable(at, "Bedrock takes no images or files of this kind");
  return format;
}

function sourceOf(source: BinarySource, at: string): JsonObject {
  if (source.kind === "data") return { bytes: source.base64 };
  if (source.url.toLowerCase().startsWith("s3://")) return { s3Location: { uri: source.url } };
  throw new Untranslatable(at, "Bedrock fetches nothing but from s3://: send it as a data URL");
}

/**
 * Latin letters, digits, single spaces and -()[] are all that a document's name may consist of. It is part of the prompt, so it
 * stays the same from request to request.
 */
export function documentNames(): NameDocument {
  const given = new Map<string, number>();
  return (name) => {
    const plain =
      name
        .replace(/[^a-z0-9\s()[\]-]/gi, "-")
        .replace(/\s+/g, " ")
        .trim()
        .slice(0, 190) || "document";
    const before = given.get(plain) ?? 0;
    given.set(plain, before + 1);
    return before === 0 ? plain : `${plain} (${before + 1})`;
  };
}
