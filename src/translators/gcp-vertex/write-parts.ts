/**
 * Writes the turns of a chat as Gemini's contents of parts.
 * https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
 */
import type { BinarySource, ChatTurn, ToolCallPart, ToolResultPart, UserPart } from "../chat-messages.ts";
import { type JsonObject, Untranslatable } from "../translator.ts";

/** `wantsSignatures`: the model refuses calls that come back without the signature that it gave them. */
export function contentsOf(turns: readonly ChatTurn[], wantsSignatures: boolean): JsonObject[] {
  /** Ids of the calls of the last turn, in their order. */
  let calls: string[] = [];
  return turns.flatMap((turn) => {
    if (turn.role === "user") return userContents(turn.parts, calls);
    calls = turn.parts.flatMap((part) => (part.kind === "tool-call" ? [part.id] : []));
    return modelContents(turn.parts, wantsSignatures);
  });
}

/** Results stand apart and in the order of their calls: calls have no ids there, only names, which may be equal. */
function userContents(parts: readonly (UserPart | ToolResultPart)[], calls: readonly string[]): JsonObject[] {
  const results: ToolResultPart[] = [];
  const own: JsonObject[] = [];
  for (const part of parts) {
    if (part.kind === "tool-result") results.push(part);
    else own.push(userPart(part));
  }
  results.sort((left, right) => calls.indexOf(left.id) - calls.indexOf(right.id));
  return [results.map(resultPart), own]
    .filter((some) => some.length > 0)
    .map((some) => ({ role: "user", parts: some }));
}

type ModelPart = Extract<ChatTurn, { role: "assistant" }>["parts"][number];

/** Thoughts stay here: nothing but the signatures of calls is wanted back. */
function modelContents(parts: readonly ModelPart[], wantsSignatures: boolean): JsonObject[] {
  const first = parts.find(({ kind }) => kind === "tool-call");
  const written = parts.flatMap((part) => {
    if (part.kind === "text") return [{ text: part.text }];
    return part.kind === "tool-call" ? [callPart(part, wantsSignatures && part === first)] : [];
  });
  return written.length > 0 ? [{ role: "model", parts: written }] : [];
}

/** What Google has for calls that another model made, or whose signature the client did not keep. */
const NO_SIGNATURE = "skip_thought_signature_validator";

/** Of calls made at once only the first has a signature. */
function callPart({ name, args, signature }: ToolCallPart, isWanted: boolean): JsonObject {
  const thoughtSignature = signature === "" && isWanted ? NO_SIGNATURE : signature;
  return { functionCall: { name, args }, ...(thoughtSignature !== "" && { thoughtSignature }) };
}

/** A result is an object there, whose `output` it is. */
function resultPart({ name, content }: ToolResultPart): JsonObject {
  const output = content.flatMap((part) => (part.kind === "text" ? [part.text] : [])).join("\n");
  const media = content.filter((part) => part.kind !== "text").map(userPart);
  return { functionResponse: { name, response: { output }, ...(media.length > 0 && { parts: media }) } };
}

function userPart(part: UserPart): JsonObject {
  switch (part.kind) {
    case "text":
      return { text: part.text };
    case "audio":
      return { inlineData: { mimeType: `audio/${part.format}`, data: part.base64 } };
    case "image":
    case "file":
      return dataPart(part.source, part.at);
    default:
      return part satisfies never;
  }
}

/** Addresses that Vertex fetches by itself have to say what is there. */
const mediaTypes: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  webp: "image/webp",
  gif: "image/gif",
  heic: "image/heic",
  heif: "image/heif",
  pdf: "application/pdf",
  txt: "text/plain",
};

function dataPart(source: BinarySource, at: string): JsonObject {
  if (source.kind === "data") {
    const mimeType = source.mediaType === "image/jpg" ? "image/jpeg" : source.mediaType;
    return { inlineData: { mimeType, data: source.base64 } };
  }
  if (/^s3:/i.test(source.url)) throw new Untranslatable(at, "Vertex fetches from https:// and gs:// alone");
  const ending = /\.(\w+)(?:[?#]|$)/.exec(source.url.slice(source.url.lastIndexOf("/")))?.[1]?.toLowerCase() ?? "";
  const mimeType = Object.hasOwn(mediaTypes, ending) ? mediaTypes[ending] : undefined;
  if (mimeType === undefined) {
    throw new Untranslatable(at, "Vertex has to be told what is at an address, and its ending does not say it");
  }
  return { fileData: { mimeType, fileUri: source.url } };
}
