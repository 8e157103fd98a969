/** What a file of pods says: reads its bytes, tells its forms apart by their content, and finds every fault. */
import { readFileSync, statSync } from "node:fs";
import { type ConfigFault, codeOf } from "../errors.ts";
import { type PodFileContent, PodRoll } from "./pod-roll.ts";
import { parsePodYaml } from "./pod-yaml.ts";

/** The Go picker's limit, and far more than a thousand pods need. */
export const POD_FILE_LIMIT_BYTES = 1_048_576;

/** A first line that is one word ending in a port begins no YAML worth reading: that has a key, a dash or a bracket. */
const plainLine = /^[^\s#{"'][^\s]*:\d+$/;

/**
 * Every fault of the file as it is now. A file that is not there has none: it is waited for, as the source does.
 * `option` names the setting for what is wrong with the path itself.
 */
export function podFileFaults(path: string, option = "--pods-file"): readonly ConfigFault[] {
  const wrongPath = (got: string) => [{ path: option, expected: `a file that can be read, at ${path}`, got }];
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return wrongPath("something else");
    const content = stat.size > POD_FILE_LIMIT_BYTES ? tooLarge(path) : parsePodFile(readFileSync(path), path);
    return "faults" in content ? content.faults : [];
  } catch (error) {
    return codeOf(error) === "ENOENT" ? [] : wrongPath(codeOf(error));
  }
}

/** `path` opens the place of every fault. */
export function parsePodFile(bytes: Uint8Array, path: string): PodFileContent {
  if (bytes.length > POD_FILE_LIMIT_BYTES) return tooLarge(path);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { faults: [{ path, expected: "text in UTF-8", got: "other bytes" }] };
  }
  const first = text.split("\n", 100).map(contentOf).find(Boolean) ?? "";
  return plainLine.test(first) ? parseLines(text, path) : parsePodYaml(text, path);
}

function tooLarge(path: string): PodFileContent {
  return { faults: [{ path, expected: `at most ${POD_FILE_LIMIT_BYTES} bytes`, got: "more" }] };
}

/** One pod a line, as in `--pods`; what follows a # is a comment. */
function parseLines(text: string, path: string): PodFileContent {
  const roll = new PodRoll();
  for (const [i, line] of text.split("\n").entries()) {
    const word = contentOf(line);
    if (word !== "") roll.addText(word, `${path}:${i + 1}:${line.indexOf(word) + 1}`);
  }
  return roll.content();
}

function contentOf(line: string): string {
  return line.replace(/(^|\s)#.*/, "").trim();
}
