/** Prompts as tests want to see them: texts by part. */
import type { InferenceRequest, JsonApi } from "../../src/request/inference-request.ts";
import { parseBody } from "../../src/request/parse-body.ts";
import { ADAPTER, PART, partsCaches, STRUCTURE } from "../../src/request/prompt-ranges.ts";

/** A list of texts is a part; what parts caches is "salt ..." or "adapter ...". */
export type PromptParts = (string | string[])[];

export function requestOf(api: JsonApi, text: string): InferenceRequest {
  const request = parseBody(api, Buffer.from(text), false);
  if ("code" in request) throw new Error(`${request.code}: ${text}`);
  return request;
}

/** As the texts are spelt. */
export function rangesOf(request: InferenceRequest): PromptParts {
  return partsOf(request, (text) => text);
}

/** Strings without their escapes, other values as JSON.stringify spells them. */
export function decodedPartsOf(request: InferenceRequest): PromptParts {
  return partsOf(request, (text, isString) => {
    if (isString) return JSON.parse(`"${text}"`) as string;
    // The opening brace of a block stands alone, and token ids stand without their brackets.
    return text === "{" ? text : (respelt(text) ?? respelt(`[${text}]`)?.slice(1, -1) ?? text);
  });
}

function partsOf({ prompt }: InferenceRequest, show: (text: string, isString: boolean) => string): PromptParts {
  const parts: PromptParts = [];
  for (let i = 0; i < (prompt?.count ?? 0); i++) {
    const bytes = prompt?.body.subarray(prompt.starts[i], prompt.ends[i]);
    const mark = prompt?.marks[i] ?? 0;
    const text = show(Buffer.from(bytes ?? []).toString(), (mark & STRUCTURE) === 0);
    const part = parts.at(-1);
    if (partsCaches(mark)) parts.push(`${mark === ADAPTER ? "adapter" : "salt"} ${text}`);
    else if ((mark & PART) !== 0 || typeof part !== "object") parts.push([text]);
    else part.push(text);
  }
  return parts;
}

function respelt(text: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return undefined;
  }
}
