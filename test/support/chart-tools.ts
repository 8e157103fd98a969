/** helm and kustomize for tests, built once from the modules that test/kube/helm/go.mod names. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { holdLock } from "./file-lock.ts";
import { findGo, lastWords } from "./find-go.ts";

const run = promisify(execFile);
const source = fileURLToPath(new URL("../kube/helm", import.meta.url));
const cache = resolve(
  process.env["POINTSMAN_CACHE_DIR"] || fileURLToPath(new URL("../../.cache", import.meta.url)),
  "chart-tools",
);
const programs = ["helm.sh/helm/v3/cmd/helm", "sigs.k8s.io/kustomize/kustomize/v5"];
const say = (line: string) => console.info(line);

export interface ChartTools {
  readonly isMissing: boolean;
  /** To be appended to the title of what is skipped without them; "" where they are there. */
  readonly note: string;
  /** Rejects with what helm says against it. */
  helm(...args: string[]): Promise<string>;
  kustomize(...args: string[]): Promise<string>;
}

export async function findChartTools(): Promise<ChartTools> {
  const { folder, reason } = await findOrBuild().then(
    (path) => ({ folder: path, reason: "" }),
    (error: unknown) => ({ folder: "", reason: lastWords(error) }),
  );
  if (reason !== "") console.warn(`Skipped: no helm and kustomize. ${reason}`);
  return {
    isMissing: reason !== "",
    note: reason === "" ? "" : ` (skipped: ${reason})`,
    helm: (...args) => output(join(folder, "helm"), args),
    kustomize: (...args) => output(join(folder, "kustomize"), args),
  };
}

/** Neither sees what the user of the machine has configured, nor leaves anything there. */
async function output(program: string, args: readonly string[]): Promise<string> {
  const env = { PATH: process.env["PATH"], HOME: cache };
  const { stdout } = await run(program, args, { env, maxBuffer: 1 << 26 });
  return stdout;
}

async function findOrBuild(): Promise<string> {
  const sums = ["go.mod", "go.sum"].map((name) => readFileSync(join(source, name)));
  const key = createHash("sha256").update(`${process.platform} ${process.arch}\n`).update(Buffer.concat(sums));
  const folder = join(cache, key.digest("hex").slice(0, 16));
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const release = await holdLock(join(cache, "build.lock"), () => say("Waiting for another build of helm ..."));
  try {
    if (!existsSync(folder)) await build(folder);
    return folder;
  } finally {
    await release();
  }
}

async function build(folder: string): Promise<void> {
  const go = await findGo({ folder: resolve(cache, "..", "go"), say, env: process.env });
  const work = await mkdtemp(join(cache, ".build-"));
  say("Building helm and kustomize for the tests (once: a minute or two) ...");
  try {
    const env = { ...process.env, GOTOOLCHAIN: "local", GOFLAGS: "-mod=readonly", GOWORK: "off", CGO_ENABLED: "0" };
    const how = ["-trimpath", "-buildvcs=false", "-ldflags", "-s -w"];
    await run(go, ["build", ...how, "-o", `${work}/`, ...programs], { cwd: source, env });
    await rename(work, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
