/** Writes turns and their parts as Anthropic's messages of content blocks. */
import type {
  ChatTurn,
  FilePart,
  ImagePart,
  TextPart,
  ThinkingPart,
  ToolResultPart,
  UserPart,
} from "../chat-messages.ts";
import type { CachePoint } from "../chat-tools.ts";
import { plainCallId } from "../plain-call-id.ts";
import { type JsonObject, Untranslatable } from "../translator.ts";

export function messageOf({ role, parts }: ChatTurn): JsonObject {
  return { role, content: parts.map(blockOf) };
}

export function cacheControl(cachePoint: CachePoint | undefined): JsonObject {
  if (cachePoint === undefined) return {};
  const { ttl } = cachePoint;
  return { cache_control: { type: "ephemeral", ...(ttl !== "" && { ttl }) } };
}

export function textBlock({ text, cachePoint }: TextPart): JsonObject {
  return { type: "text", text, ...cacheControl(cachePoint) };
}

function blockOf(part: ChatTurn["parts"][number]): JsonObject {
  switch (part.kind) {
    case "tool-call":
      return { type: "tool_use", id: plainCallId(part.id), name: part.name, input: part.args };
    case "tool-result":
      return toolResult(part);
    case "thinking":
      return thinkingBlock(part);
    default:
      return contentBlock(part);
  }
}

/** The mark for the cache is the block's: it may stand in no part of a result's content as well. */
function toolResult({ id, content, cachePoint }: ToolResultPart): JsonObject {
  const blocks = content.map((part) => contentBlock(part.kind === "audio" ? part : { ...part, cachePoint: undefined }));
  return {
    type: "tool_result",
    tool_use_id: plainCallId(id),
    ...(blocks.length > 0 && { content: blocks }),
    ...cacheControl(cachePoint),
  };
}

function thinkingBlock({ text, signature, encrypted }: ThinkingPart): JsonObject {
  if (encrypted !== "") return { type: "redacted_thinking", data: encrypted };
  return { type: "thinking", thinking: text, signature };
}

function contentBlock(part: UserPart): JsonObject {
  switch (part.kind) {
    case "text":
      return textBlock(part);
    case "image":
      return { type: "image", source: imageSource(part), ...cacheControl(part.cachePoint) };
    case "file":
      return documentBlock(part);
    case "audio":
      throw new Untranslatable(part.at, "Anthropic's models take no audio");
    default:
      return part satisfies never;
  }
}

const imageTypes = ["image/jpeg", "image/png", "image/gif", "image/webp"];

function imageSource({ source, at }: ImagePart): JsonObject {
  if (source.kind === "url") return { type: "url", url: webAddress(source.url, at) };
  const mediaType = source.mediaType === "image/jpg" ? "image/jpeg" : source.mediaType;
  if (!imageTypes.includes(mediaType))
    throw new Untranslatable(at, `Anthropic takes images of ${imageTypes.join(", ")}`);
  return { type: "base64", media_type: mediaType, data: source.base64 };
}

function documentBlock({ source, name, cachePoint, at }: FilePart): JsonObject {
  return {
    type: "document",
    source: documentSource(source, at),
    ...(name !== "" && { title: name }),
    ...cacheControl(cachePoint),
  };
}

function documentSource(source: FilePart["source"], at: string): JsonObject {
  if (source.kind === "url") return { type: "url", url: webAddress(source.url, at) };
  const { mediaType, base64 } = source;
  if (mediaType === "application/pdf") return { type: "base64", media_type: mediaType, data: base64 };
  if (mediaType !== "text/plain") throw new Untranslatable(at, "Anthropic takes files of application/pdf, text/plain");
  return { type: "text", media_type: mediaType, data: Buffer.from(base64, "base64").toString() };
}

function webAddress(url: string, at: string): string {
  if (!/^https?:/i.test(url)) throw new Untranslatable(at, "Anthropic fetches from https addresses alone");
  return url;
}
