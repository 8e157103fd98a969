/** Reads the answer to GET /v1/models. */
import type { ModelEntry } from "../pods/served-models.ts";
import { LONGEST_MODEL } from "../request/inference-request.ts";
import type { BodyReader } from "./page-request.ts";

export const MODELS_LIMIT_BYTES = 1024 * 1024;
const MODELS_LIMIT = 1000;

export class ModelsBody implements BodyReader {
  #chunks: Buffer[] = [];

  reset(): void {
    this.#chunks = [];
  }

  write(chunk: Buffer): void {
    // What undici hands over is its own again afterwards.
    this.#chunks.push(Buffer.from(chunk));
  }

  /** undefined: this is no list of models. An entry without an id, or with one that no request may ask for, is left out. */
  entries(): ModelEntry[] | undefined {
    const list = listIn(Buffer.concat(this.#chunks).toString("utf8"));
    this.#chunks = [];
    return list?.filter(isEntry).slice(0, MODELS_LIMIT);
  }
}

function listIn(text: string): unknown[] | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    const data = typeof answer === "object" && answer !== null && "data" in answer ? answer.data : undefined;
    return Array.isArray(data) ? data : undefined;
  } catch {
    return undefined;
  }
}

function isEntry(entry: unknown): entry is ModelEntry {
  if (typeof entry !== "object" || entry === null || !("id" in entry)) return false;
  return typeof entry.id === "string" && entry.id !== "" && Buffer.byteLength(entry.id) <= LONGEST_MODEL;
}
