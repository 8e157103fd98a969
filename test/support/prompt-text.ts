/** Prompts as tests want to see them: texts by part. */
import type { InferenceRequest } from "../../src/request/inference-request.ts";
import { type BodyApi, parseBody } from "../../src/request/parse-body.ts";
import { PART, SALT } from "../../src/request/prompt-ranges.ts";

export function requestOf(api: BodyApi, text: string): InferenceRequest {
  const request = parseBody(api, Buffer.from(text), false);
  if ("code" in request) throw new Error(`${request.code}: ${text}`);
  return request;
}

/** One list of texts per part; a salt as "salt ...". */
export function rangesOf(request: InferenceRequest): (string | string[])[] {
  const parts: (string | string[])[] = [];
  const { prompt } = request;
  for (let i = 0; i < (prompt?.count ?? 0); i++) {
    const text = Buffer.from(prompt?.body.subarray(prompt.starts[i], prompt.ends[i]) ?? []).toString();
    const part = parts.at(-1);
    if (prompt?.marks[i] === SALT) parts.push(`salt ${text}`);
    else if (prompt?.marks[i] === PART || typeof part !== "object") parts.push([text]);
    else part.push(text);
  }
  return parts;
}
