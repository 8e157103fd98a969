/** The API server that tests start: the one named by the environment, else one built once from test/kube/apiserver. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { constants as fileModes, readdirSync, readFileSync } from "node:fs";
import { access, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { holdLock } from "./file-lock.ts";
import { findGo, lastWords } from "./find-go.ts";

const run = promisify(execFile);
const source = fileURLToPath(new URL("../kube/apiserver", import.meta.url));
const defaultCache = fileURLToPath(new URL("../../.cache", import.meta.url));

const workPrefix = ".build-";

/** A long build should look different from a hang. */
const sayEveryMs = 20_000;

export interface FindKubeOptions {
  readonly say: (line: string) => void;
  readonly env?: NodeJS.ProcessEnv;
}

export interface KubeBinary {
  /** Undefined where there is none and none can be built. */
  readonly path: string | undefined;
  /** Why there is none, on one line. */
  readonly reason: string;
}

/** Looks at POINTSMAN_KUBE_APISERVER, then the cache, which is filled by a build where it lacks this version of the source. */
export async function findKubeBinary({ say, env = process.env }: FindKubeOptions): Promise<KubeBinary> {
  const { POINTSMAN_KUBE_APISERVER: named, POINTSMAN_CACHE_DIR: cacheNamed } = env;
  const cache = cacheNamed ? resolve(cacheNamed) : defaultCache;
  const path = named || join(cache, "kube-apiserver", sourceKey(), "apiserver");
  try {
    if (named) {
      await run(named, ["-h"], { env }).catch((error: unknown) => {
        throw new Error(`POINTSMAN_KUBE_APISERVER=${named} cannot be run: ${lastWords(error)}`);
      });
    } else if (!(await isExecutable(path))) {
      await buildOnce(path, cache, say, env);
    }
    return { path, reason: "" };
  } catch (error) {
    return { path: undefined, reason: lastWords(error) };
  }
}

export interface TestKube {
  /** To be used only in tests that are not skipped. */
  readonly binary: string;
  readonly isMissing: boolean;
  /** To be appended to the title of what is skipped without the server; "" where there is one. */
  readonly note: string;
}

/** For a test file: says why on a line that the count at the end repeats, where the server is missing. */
export async function findTestKube(): Promise<TestKube> {
  const { path, reason } = await findKubeBinary({ say: (line) => console.info(line) });
  if (path !== undefined) return { binary: path, isMissing: false, note: "" };
  console.warn(`Skipped: no Kubernetes API server. ${reason}`);
  return { binary: "", isMissing: true, note: ` (skipped: ${reason})` };
}

/** Another source, another version of Kubernetes or another kind of machine is another binary. */
function sourceKey(): string {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  const files = readdirSync(source).filter((name) => /\.go$|^go\.(mod|sum)$/.test(name));
  for (const name of files.sort()) hash.update(`${name}\n`).update(readFileSync(join(source, name)));
  return hash.digest("hex").slice(0, 16);
}

/** One process builds while others wait for it; should two build after all, the later rename replaces like with like. */
async function buildOnce(path: string, cache: string, say: (line: string) => void, env: NodeJS.ProcessEnv) {
  const folder = join(cache, "kube-apiserver");
  await mkdir(folder, { recursive: true });
  const release = await holdLock(join(folder, "build.lock"), () =>
    say("Waiting for another process that builds the Kubernetes API server ..."),
  );
  try {
    if (await isExecutable(path)) return;
    await sweepAbandoned(folder);
    const go = await findGo({ folder: join(cache, "go"), say, env });
    await build(go, path, folder, say, env);
  } finally {
    await release();
  }
}

/** Whoever worked there was killed: only the holder of the lock works there. */
async function sweepAbandoned(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(workPrefix));
  for (const name of names) await rm(join(folder, name), { recursive: true, force: true });
}

async function build(go: string, path: string, folder: string, say: (line: string) => void, env: NodeJS.ProcessEnv) {
  say("Building the Kubernetes API server of the tests (once: half a minute, or about 5 with empty Go caches) ...");
  const startedAt = performance.now();
  const seconds = () => Math.round((performance.now() - startedAt) / 1000);
  const waiting = setInterval(() => say(`... still building the Kubernetes API server, ${seconds()} s`), sayEveryMs);
  const work = await mkdtemp(join(folder, workPrefix));
  try {
    const binary = join(work, "apiserver");
    await runGo(go, ["build", "-trimpath", "-buildvcs=false", "-ldflags", linkerFlags(), "-o", binary, "."], env);
    await run(binary, ["-h"], { env });
    await mkdir(resolve(path, ".."), { recursive: true });
    await rename(binary, path);
    say(`The Kubernetes API server is in ${path} (${seconds()} s)`);
  } catch (error) {
    throw new Error(`the Kubernetes API server could not be built: ${lastWords(error)}`);
  } finally {
    clearInterval(waiting);
    await rm(work, { recursive: true, force: true });
  }
}

/** Without them the server takes itself for a development version, and refuses some of what a released one serves. */
function linkerFlags(): string {
  const version = /^\s*k8s\.io\/kubernetes v(\d+)\.(\d+)\.\S+/m.exec(readFileSync(join(source, "go.mod"), "utf8"));
  if (version === null) throw new Error("go.mod names no version of k8s.io/kubernetes");
  const [line, major, minor] = version;
  const facts = { gitVersion: line.trim().split(" ")[1], gitMajor: major, gitMinor: minor };
  const set = Object.entries(facts).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  return ["-s", "-w", ...set].join(" ");
}

const building = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of building) child.kill();
});

/** Politely: tests run meanwhile. */
function runGo(go: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  // The checked-in go.mod decides about versions, nothing else does; and no C compiler is needed.
  const settings = { GOTOOLCHAIN: "local", GOFLAGS: "-mod=readonly", GOWORK: "off", CGO_ENABLED: "0" };
  return new Promise((resolve, reject) => {
    const child = spawn(go, args, { cwd: source, env: { ...env, ...settings }, stdio: ["ignore", "ignore", "pipe"] });
    building.add(child);
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      said = (said + chunk).slice(-4_000);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      building.delete(child);
      if (code === 0) resolve();
      else reject(Object.assign(new Error(`go build ended with ${signal ?? code}`), { stderr: said }));
    });
  });
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, fileModes.X_OK).then(
    () => true,
    () => false,
  );
}
