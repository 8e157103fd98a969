/**
 * `npm run build`: what an installed package runs, in dist/: JavaScript emitted by tsc, and the files it reads beside it.
 * Another folder than dist/ may be named.
 */
import { spawnSync } from "node:child_process";
import { cpSync, globSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = resolve(process.argv[2] ?? join(root, "dist"));

/** Found from dist/ by the same relative paths as from the root. */
const readAtRunTime = ["package.json", "proto", "deploy/envoy", ...globSync("src/**/*", { cwd: root }).filter(isAsset)];

function isAsset(path: string): boolean {
  return !/\.(ts|md)$/.test(path) && statSync(join(root, path)).isFile();
}

function emit(): void {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const { status, error } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json", "--outDir", dist], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) throw error ?? new Error(`tsc ended with code ${status}`);
}

/** tsc rewrites imports, but not the names of files that are started as threads or processes. */
function assertNoSourceNames(): void {
  const named = globSync("**/*.js", { cwd: dist }).filter((path) =>
    /new URL\((["'`])[^"'`]*\.ts\1/.test(readFileSync(join(dist, path), "utf8")),
  );
  if (named.length > 0)
    throw new Error(`in ${dist} there is no .ts file to start, but these name one: ${named.join(", ")}`);
}

rmSync(dist, { recursive: true, force: true });
emit();
for (const path of readAtRunTime) cpSync(join(root, path), join(dist, path), { recursive: true });
assertNoSourceNames();
console.error(`${dist} is built`);
