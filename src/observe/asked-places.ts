/** Where the members of a POST to /debug/explain stand in its bytes: found without building what may be a long prompt. */
import { OPEN_BRACE } from "../request/json-bytes.ts";
import { BAD, JsonScanner } from "../request/scan-json.ts";

const told = ["model", "messages", "input", "body", "path", "method", "headers", "subset", "seed"] as const;
export type Told = (typeof told)[number];

export interface AskedPlaces {
  /** Is all of it one JSON object that is no more work than a body may be? */
  readonly isWhole: boolean;
  /** The bytes of each value; of a name that is there twice the last counts. */
  readonly values: ReadonlyMap<Told, Buffer>;
  /** What an object under `body` has. */
  readonly inBody: ReadonlySet<Told>;
}

export function askedPlaces(bytes: Buffer): AskedPlaces {
  const scanner = new JsonScanner();
  scanner.open(bytes);
  const values = new Map<Told, Buffer>();
  const inBody = new Set<Told>();
  const key = (): Told | undefined => {
    const { keyStart, keyEnd } = scanner;
    return told.find(
      (name) => name.length === keyEnd - keyStart && bytes.toString("latin1", keyStart, keyEnd) === name,
    );
  };
  const inner = (at: number): number => {
    const name = key();
    if (name !== undefined) inBody.add(name);
    return scanner.skipValue(at);
  };
  const visit = (at: number): number => {
    const name = key();
    const isBody = name === "body" && scanner.byteAt(at) === OPEN_BRACE;
    if (isBody) inBody.clear();
    const end = isBody ? scanner.members(at, inner) : scanner.skipValue(at);
    // What stands there is told of, though it could not be read to its end.
    if (name !== undefined) values.set(name, bytes.subarray(at, end === BAD ? at : end));
    return end;
  };
  const start = scanner.skipSpace(0);
  const end = scanner.byteAt(start) === OPEN_BRACE ? scanner.members(start, visit) : BAD;
  return { isWhole: end !== BAD && scanner.skipSpace(end) === bytes.length, values, inBody };
}
