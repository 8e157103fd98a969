/** What /debug/explain is sent -> the request it is about: the body of an inference request alone, or with all around it. */
import type { AskedRequest } from "../ext-proc/what-if.ts";
import { QUOTE } from "../request/json-bytes.ts";
import { type AskedPlaces, askedPlaces, type Told } from "./asked-places.ts";

export interface AskedFault {
  readonly fault: string;
}

const MOST_SEED = 2 ** 32 - 1;
/** As much as proxies let through. */
const MOST_HEADERS = 200;
const HEADER_BYTES = 64 * 1024;
/** Some ten thousand addresses. */
const SUBSET_BYTES = 256 * 1024;
const SHORT_BYTES = 8 * 1024;

/** `seed` is what the query says; undefined where it says nothing. */
export function readAsked(bytes: Buffer, seed: string | undefined): AskedRequest | AskedFault {
  const given = seedOf(seed);
  if (given === "wrong") return wrong("seed", `an integer 0..${MOST_SEED}`);
  const places = askedPlaces(bytes);
  if (isWrapped(places)) return unwrapped(places, given);
  const path = pathFor((name) => places.values.has(name));
  return { method: "POST", path, headers: jsonHeaders, body: bytes, seed: given };
}

/** A body of its own has a model beside what it asks; what is around one has a body, or headers and no model. */
function isWrapped({ values }: AskedPlaces): boolean {
  if (values.has("model")) return false;
  return values.has("body") || values.has("path") || values.has("headers");
}

const jsonHeaders = { "content-type": "application/json" };

function unwrapped(places: AskedPlaces, inQuery: number | undefined): AskedRequest | AskedFault {
  const { isWhole, values } = places;
  if (!isWhole) return wrong("request", "JSON, nested at most 512 deep, of at most 131,072 values");
  const path = memberOf(values, "path", SHORT_BYTES);
  const method = memberOf(values, "method", SHORT_BYTES);
  const seed = memberOf(values, "seed", SHORT_BYTES);
  if (path !== undefined && !(typeof path === "string" && path.startsWith("/")))
    return wrong("path", "a path such as /v1/completions");
  if (method !== undefined && typeof method !== "string") return wrong("method", "a text");
  const told = headersOf(memberOf(values, "headers", HEADER_BYTES));
  if (told === undefined) return wrong("headers", `texts by name, at most ${MOST_HEADERS} and ${HEADER_BYTES} bytes`);
  const subset = memberOf(values, "subset", SUBSET_BYTES);
  if (subset !== undefined && !isTexts(subset))
    return wrong("subset", `a list of addresses, at most ${SUBSET_BYTES} bytes`);
  const own = seed === undefined ? inQuery : seedOf(String(seed));
  if (own === "wrong") return wrong("seed", `an integer 0..${MOST_SEED}`);
  const { body, has } = bodyOf(places);
  return {
    method: method ?? (body.length === 0 ? "GET" : "POST"),
    path: path ?? pathFor(has),
    headers: { ...jsonHeaders, ...told },
    body,
    subset,
    seed: own,
  };
}

/** An object is taken as it is written; a text is the body that it holds. */
function bodyOf({ values, inBody }: AskedPlaces): { body: Buffer; has: (name: Told) => boolean } {
  const written = values.get("body") ?? Buffer.alloc(0);
  if (written[0] !== QUOTE) return { body: written, has: (name) => inBody.has(name) };
  const body = Buffer.from(String(JSON.parse(written.toString())));
  const { values: inside } = askedPlaces(body);
  return { body, has: (name) => inside.has(name) };
}

const TOO_LONG = Symbol("longer than it may be");

function memberOf(values: AskedPlaces["values"], name: Told, mostBytes: number): unknown {
  const bytes = values.get(name);
  if (bytes === undefined) return undefined;
  return bytes.length > mostBytes ? TOO_LONG : JSON.parse(bytes.toString());
}

function wrong(name: string, expected: string): AskedFault {
  return { fault: `${name}: expected ${expected}` };
}

/** Where a body like this is sent. */
function pathFor(has: (name: Told) => boolean): string {
  if (has("messages")) return "/v1/chat/completions";
  return has("input") ? "/v1/embeddings" : "/v1/completions";
}

function seedOf(text: string | undefined): number | undefined | "wrong" {
  if (text === undefined) return undefined;
  return /^\d{1,10}$/.test(text) && Number(text) <= MOST_SEED ? Number(text) : "wrong";
}

function headersOf(value: unknown): Record<string, string> | undefined {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  if (entries.length > MOST_HEADERS || entries.some(([, text]) => typeof text !== "string")) return undefined;
  return Object.fromEntries(entries.map(([name, text]) => [name.toLowerCase(), text]));
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
