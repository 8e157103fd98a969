/** What a model may be called by a rule: the name ends up in bodies, forms, headers and logs. */
import { LONGEST_MODEL } from "../request/inference-request.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
const printable = /^[^\u0000-\u001f\u007f]+$/;

export const expectedModelName = `a model's name of at most ${LONGEST_MODEL} bytes`;

export function isModelName(text: unknown): text is string {
  return typeof text === "string" && printable.test(text) && Buffer.byteLength(text) <= LONGEST_MODEL;
}

/** What a header asks for, its bytes as Latin-1: "" where that is no name. */
export function askedModel(header: string): string {
  if (header === "") return "";
  const name = Buffer.from(header, "latin1").toString();
  return isModelName(name) ? name : "";
}
