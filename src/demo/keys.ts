/** Single key presses from a terminal, without Enter. */

export interface KeyInput {
  readonly isTTY?: boolean;
  setRawMode(raw: boolean): unknown;
  on(event: "data", listener: (bytes: Buffer) => void): unknown;
  off(event: "data", listener: (bytes: Buffer) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

/** In raw mode the terminal sends Ctrl-C and Ctrl-D as characters. */
const endingKeys = new Set(["q", "Q", "\x03", "\x04"]);

/** Calls back per key until the function it returns is called; `onKey` gets "q" for every way to end. */
export function readKeys(input: KeyInput, onKey: (key: string) => void): () => void {
  if (input.isTTY !== true) return () => undefined;
  const take = (bytes: Buffer) => {
    for (const key of bytes.toString()) onKey(endingKeys.has(key) ? "q" : key);
  };
  input.setRawMode(true);
  input.on("data", take);
  input.resume();
  return () => {
    input.off("data", take);
    input.setRawMode(false);
    input.pause();
  };
}
