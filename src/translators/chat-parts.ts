/** Reads the content of one message: a string, or an array of text, images, audio and files. */
import type { AudioPart, BinarySource, FilePart, ImagePart, TextPart, UserPart } from "./chat-messages.ts";
import { cachePointOf } from "./chat-tools.ts";
import { isPresent, itemsOf, member, objectAt, textAt } from "./checked-json.ts";
import { type JsonObject, type JsonValue, Untranslatable } from "./translator.ts";

/** Texts of nothing, or of nothing but space, say nothing, and some providers refuse them: they are left out. */
export function readContent(value: JsonValue | undefined, at: string): UserPart[] {
  if (typeof value === "string") return ownText(value, at);
  return itemsOf(value, at, readPart).filter((part) => part.kind !== "text" || isSaid(part.text));
}

/** Of messages that consist of text alone. */
export function readText(value: JsonValue | undefined, at: string): TextPart[] {
  return readContent(value, at).map((part) => {
    if (part.kind !== "text") throw new Untranslatable(part.at, "only text can stand in a message of this role");
    return part;
  });
}

/** A text that is no part of a list: one part, or none where it says nothing. */
export function ownText(text: string, at: string): TextPart[] {
  return isSaid(text) ? [{ kind: "text", text, cachePoint: undefined, at }] : [];
}

function isSaid(text: string): boolean {
  return /\S/.test(text);
}

function readPart(value: JsonValue | undefined, at: string): UserPart {
  const part = objectAt(value, at);
  switch (part["type"]) {
    case "text":
      return { kind: "text", text: textAt(part["text"], `${at}.text`), cachePoint: cachePointOf(part), at };
    case "refusal":
      return { kind: "text", text: textAt(part["refusal"], `${at}.refusal`), cachePoint: undefined, at };
    case "image_url":
      return imagePart(part, at);
    case "input_audio":
      return audioPart(part, at);
    case "file":
      return filePart(part, at);
    default:
      throw new Untranslatable(`${at}.type`, "must be text, image_url, input_audio or file");
  }
}

function imagePart(part: JsonObject, at: string): ImagePart {
  const place = `${at}.image_url`;
  const url = textAt(objectAt(part["image_url"], place)["url"], `${place}.url`);
  return { kind: "image", source: sourceOf(url, `${place}.url`), cachePoint: cachePointOf(part), at };
}

function audioPart(part: JsonObject, at: string): AudioPart {
  const place = `${at}.input_audio`;
  const audio = objectAt(part["input_audio"], place);
  const format = textAt(audio["format"], `${place}.format`);
  return { kind: "audio", format, base64: textAt(audio["data"], `${place}.data`), at };
}

function filePart(part: JsonObject, at: string): FilePart {
  const place = `${at}.file`;
  const file = objectAt(part["file"], place);
  if (!isPresent(file["file_data"])) {
    throw new Untranslatable(`${place}.file_id`, "a file that was uploaded to OpenAI is not known elsewhere");
  }
  const source = sourceOf(textAt(file["file_data"], `${place}.file_data`), `${place}.file_data`);
  return {
    kind: "file",
    name: member(file, "filename", place, textAt) ?? "",
    source,
    cachePoint: cachePointOf(part),
    at,
  };
}

/** The base64 is handed on as it is: what it holds is the provider's to judge. */
const dataUrl = /^data:([\w.+-]+\/[\w.+-]+)(?:;[\w.+-]+=[^;,]*)*;base64,/i;

function sourceOf(url: string, at: string): BinarySource {
  const data = dataUrl.exec(url);
  if (data !== null) {
    return { kind: "data", mediaType: (data[1] ?? "").toLowerCase(), base64: url.slice(data[0].length) };
  }
  if (/^(https?|gs|s3):\/\//i.test(url)) return { kind: "url", url };
  throw new Untranslatable(at, "must be a data URL in base64, or an address");
}
