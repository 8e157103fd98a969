/** The checkout as the house tests see it: its files, and what each source file imports. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Made or fetched by programs, and in no commit: what .gitignore names. */
const unowned = new Set([".git", "node_modules", ".cache", "dist", "coverage"]);
const isUnowned = (part: string) => unowned.has(part) || part.endsWith(".log");

/** Paths from the root, with forward slashes. */
export function listFiles(pattern: string): string[] {
  const exclude = (name: string) => name.split(sep).some(isUnowned);
  // In a worktree .git is a file, of which globs ask only where they read its folder.
  const found = globSync(pattern, { cwd: root, exclude }).filter((path) => !exclude(path));
  return found.map((path) => path.replaceAll(sep, "/")).sort();
}

export function readSource(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

const importing = /^(?:import|export)\s(?:[^;"]*?\sfrom\s)?"([^"]+)"|\bimport\("([^"]+)"\)|^\} from "([^"]+)"/gm;

/** What a file imports: own files as paths from the root, packages by their names. */
export function importsOf(path: string, text = readSource(path)): string[] {
  return [...text.matchAll(importing)]
    .map((match) => match[1] ?? match[2] ?? match[3] ?? "")
    .map((wanted) => (wanted.startsWith(".") ? relative(root, join(root, dirname(path), wanted)) : wanted))
    .map((wanted) => wanted.replaceAll(sep, "/"));
}
