/** The models that a list in OpenAI's form names. */
import { isRecord } from "../place.ts";

/** None where it is no such list. */
export function modelNames(body: string): string[] {
  try {
    const tree: unknown = JSON.parse(body);
    const list = isRecord(tree) && Array.isArray(tree["data"]) ? tree["data"] : [];
    return list.flatMap((each) => (isRecord(each) && typeof each["id"] === "string" ? [each["id"]] : []));
  } catch {
    return [];
  }
}
