/** Where in a file of the user's something is wrong: " (mine.ts:3:7)", as editors and terminals jump to; "" if unknown. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** What Node says of an import whose module has nothing of that name. */
const missingExport = /does not provide an export named '([^']+)'/;

/** Of what went wrong as this file was loaded: in it, or where the compiler stopped in one that it imports. */
export function placeOfFailure(error: unknown, file: string): string {
  const { stack, message } = error instanceof Error ? error : new Error(String(error), { cause: error });
  const name = missingExport.exec(message)?.[1];
  if (name !== undefined) return placeOf(file, new RegExp(`\\b${name.replaceAll(/\W/g, "\\$&")}\\b`));
  return compilerPlace(stack ?? "") || framePlace(stack ?? "", file);
}

/** Of what a module imports under this name. */
export function placeOfImport(module: string, wanted: string): string {
  return placeOf(pathOf(module), new RegExp(`["']${wanted.replaceAll(/\W/g, "\\$&")}["']`));
}

/** Of the first such text in the file. */
function placeOf(file: string, wanted: RegExp): string {
  const text = readText(file);
  const at = text.search(wanted);
  if (at === -1) return "";
  const before = text.slice(0, at).split("\n");
  return written(file, before.length, (before.at(-1) ?? "").length + 1);
}

/** A fault of syntax comes with the line above its stack, and marks below it where in the line. */
function compilerPlace(stack: string): string {
  const [, module = "", line = "", marks = ""] = /^(\S.*):(\d+)\n(?:.*\n)*?( *)\^+\s*\n/.exec(stack) ?? [];
  return module === "" ? "" : written(pathOf(module), Number(line), marks.length + 1);
}

/** Modules of one kind stand in a stack as URLs, those of the other as paths. */
function framePlace(stack: string, file: string): string {
  for (const name of [pathToFileURL(file).href, file]) {
    const at = stack.indexOf(`${name}:`);
    const [, line, column] = at === -1 ? [] : (/^(\d+):(\d+)/.exec(stack.slice(at + name.length + 1)) ?? []);
    if (line !== undefined) return written(file, Number(line), Number(column));
  }
  return "";
}

function written(file: string, line: number, column: number): string {
  return ` (${path.basename(file)}:${line}:${column})`;
}

function pathOf(module: string): string {
  return module.startsWith("file:") ? fileURLToPath(module) : module;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
