/** The commands that deploy/pods/README.md shows, to be run as they stand. */
import { readFileSync } from "node:fs";

const text = readFileSync(new URL("../../deploy/pods/README.md", import.meta.url), "utf8");

/** The arguments of every `npx pointsman serve`. */
export const exampleCommands: readonly (readonly string[])[] = [...text.matchAll(/^npx pointsman serve (.*)$/gm)].map(
  ([, args = ""]) => args.split(" "),
);

/** The arguments of the one that has this flag. */
export function exampleWith(flag: string): readonly string[] {
  const found = exampleCommands.filter((args) => args.includes(flag));
  if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} examples have ${flag}`);
  return found[0];
}
