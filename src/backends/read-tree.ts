/** A body as a tree, for translators: what is wrong with it is said as the readers of bytes say it. */
import type { ErrorCode } from "../errors.ts";
import { LONGEST_MODEL } from "../request/inference-request.ts";
import type { JsonObject } from "../translators/translator.ts";

export interface ReadTree {
  readonly object: JsonObject;
  readonly model: string;
}

/** `mayLackModel` says that the backend has a name of its own for every model. */
export function readTree(body: Buffer, mayLackModel: boolean): ReadTree | { readonly code: ErrorCode } {
  const object = parsed(body);
  if (typeof object !== "object" || object === null || Array.isArray(object)) return { code: "malformed_json" };
  const { model } = object as JsonObject;
  if (typeof model !== "string" || model === "") {
    return mayLackModel ? { object: object as JsonObject, model: "" } : { code: "model_missing" };
  }
  if (Buffer.byteLength(model) > LONGEST_MODEL) return { code: "model_too_long" };
  return { object: object as JsonObject, model };
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString().replace(/^\ufeff/, ""));
  } catch {
    return undefined;
  }
}
