/** Ids of tools' calls as providers take them that demand plain ones. */
import { createHash } from "node:crypto";

/** Where another provider's id is long or not plain, call and result get the same other one, in every request again. */
export function plainCallId(id: string): string {
  return /^[\w-]{1,64}$/.test(id) ? id : `call_${createHash("sha256").update(id).digest("hex").slice(0, 32)}`;
}
