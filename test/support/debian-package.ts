/** A program of Debian's for tests, without root: it and what it needs are fetched by apt and unpacked into .cache/debian. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { holdLock } from "./file-lock.ts";
import { lastWords } from "./find-go.ts";

const run = promisify(execFile);
const cache = resolve(
  process.env["POINTSMAN_CACHE_DIR"] || fileURLToPath(new URL("../../.cache", import.meta.url)),
  "debian",
);
const INSTALLED = "/var/lib/dpkg/status";

export interface DebianPackage {
  /** What stands for / : the package's own files, and those of packages it needs that the machine lacks. */
  readonly folder: string;
  /** The environment its programs find their libraries with. */
  readonly env: NodeJS.ProcessEnv;
}

export interface DebianOptions {
  readonly say: (line: string) => void;
  /** Further packages to be unpacked into the same folder. */
  readonly also?: readonly string[];
}

/** Fetched and unpacked once; throws with the reason where it cannot be had. */
export async function debianPackage(name: string, { say, also = [] }: DebianOptions): Promise<DebianPackage> {
  const folder = join(cache, name);
  if (existsSync(folder)) return unpackedIn(folder);
  if (!existsSync(INSTALLED)) throw new Error("packages of Debian's can be had on a Debian only");
  await mkdir(cache, { recursive: true });
  const release = await holdLock(`${folder}.lock`, () => say(`Waiting for another download of ${name} ...`));
  try {
    if (!existsSync(folder)) await fetchTo(folder, [name, ...also], say);
  } catch (error) {
    throw new Error(`Debian's package ${name} could not be fetched: ${lastWords(error)}`);
  } finally {
    await release();
  }
  return unpackedIn(folder);
}

/** A work folder of its own for each, as the lock may fail to keep two apart. */
async function fetchTo(folder: string, names: readonly string[], say: (line: string) => void): Promise<void> {
  say(`Fetching ${names.join(", ")} of Debian's packages (once) ...`);
  const work = await mkdtemp(join(cache, ".download-"));
  try {
    const aptGet = await aptIn(work);
    await aptGet("update");
    await aptGet("install", "--download-only", "--reinstall", "--no-install-recommends", "--yes", ...names);
    const archives = join(work, "cache", "archives");
    const root = join(work, "root");
    await mkdir(root);
    for (const file of await readdir(archives)) {
      if (file.endsWith(".deb")) await run("dpkg-deb", ["--extract", join(archives, file), root]);
    }
    await rename(root, folder).catch((error: unknown) => {
      // Somebody else's, unpacked meanwhile, is as good.
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** An apt-get with the system's sources and keys that keeps everything it writes in the folder. */
async function aptIn(work: string): Promise<(...args: string[]) => Promise<unknown>> {
  await mkdir(join(work, "cache", "archives", "partial"), { recursive: true });
  await mkdir(join(work, "state", "lists", "partial"), { recursive: true });
  // A copy, as apt locks the folder it is in.
  await copyFile(INSTALLED, join(work, "state", "status"));
  const config = join(work, "apt.conf");
  const settings = [
    `Dir::State "${join(work, "state")}";`,
    `Dir::State::status "${join(work, "state", "status")}";`,
    `Dir::Cache "${join(work, "cache")}";`,
    'APT::Sandbox::User "";',
    'Acquire::http::Timeout "15";',
    'Acquire::Retries "1";',
    // Images tidy the system's own folders after each run, which takes root.
    "#clear APT::Update::Post-Invoke;",
    "#clear APT::Update::Post-Invoke-Success;",
    "#clear DPkg::Post-Invoke;",
  ];
  await writeFile(config, `${settings.join("\n")}\n`);
  const env = { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
  return (...args) => run("apt-get", ["-qq", "-c", config, ...args], { env, maxBuffer: 1 << 24 });
}

function unpackedIn(folder: string): DebianPackage {
  const libraries = ["lib", "usr/lib"].flatMap((at) => {
    const path = join(folder, at);
    const machines = existsSync(path) ? readdirSync(path).filter((name) => name.includes("-linux-")) : [];
    return [...machines.map((machine) => join(path, machine)), path];
  });
  const found = [...libraries.filter((path) => existsSync(path)), process.env["LD_LIBRARY_PATH"] ?? ""];
  return { folder, env: { ...process.env, LD_LIBRARY_PATH: found.filter((path) => path !== "").join(":") } };
}
