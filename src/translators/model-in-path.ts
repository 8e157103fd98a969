/** The model's name as a part of a path: it is the client's where the backend has no other. */
import { Untranslatable } from "./translator.ts";

/** Escapes all but the plainest characters, as Amazon's signature does; refuses what would lead to another path. */
export function modelInPath(model: string): string {
  if (/^\.{0,2}$/.test(model)) throw new Untranslatable("model", "cannot be a model's name there");
  return encodeURIComponent(model).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
