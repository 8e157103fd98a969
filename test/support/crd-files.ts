/** Definitions of foreign kinds for tests: taken once from the modules that test/kube/crds/sources.ts pins. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parseAllDocuments } from "yaml";
import { type CrdSource, crdSources, isShipped, type ShippedCrds } from "../kube/crds/sources.ts";
import { holdLock } from "./file-lock.ts";
import { findGo, lastWords } from "./find-go.ts";
import { type KubeObject, pluralOf } from "./kube-client.ts";

const run = promisify(execFile);
const cache = resolve(
  process.env["POINTSMAN_CACHE_DIR"] || fileURLToPath(new URL("../../.cache", import.meta.url)),
  "crds",
);
const ownFolder = fileURLToPath(new URL("../kube/crds", import.meta.url));
const say = (line: string) => console.info(line);

export interface CrdFiles {
  readonly isMissing: boolean;
  /** To be appended to the title of what is skipped without them; "" where they are there. */
  readonly note: string;
}

/** What `go mod download -json` says of each module. */
interface Downloaded {
  readonly Path: string;
  readonly Version: string;
  readonly Dir?: string;
  readonly Sum?: string;
  readonly Error?: string;
}

export async function findCrdFiles(): Promise<CrdFiles> {
  try {
    await fetchMissing();
    return { isMissing: false, note: "" };
  } catch (error) {
    const reason = lastWords(error);
    console.warn(`Skipped: no definitions of the gateways' kinds. ${reason}`);
    return { isMissing: true, note: ` (skipped: ${reason})` };
  }
}

/** The CustomResourceDefinition of a kind; to be asked only where `findCrdFiles` found them. */
export function readCrd(source: CrdSource, kind: string): KubeObject {
  const path = isShipped(source) ? join(folderOf(source), fileName(source, kind)) : join(ownFolder, source.file);
  const definitions = parseAllDocuments(readFileSync(path, "utf8")).map((each) => each.toJS() as KubeObject | null);
  const found = definitions.find(
    (each) => (each?.["spec"] as { names: { kind: string } } | undefined)?.names.kind === kind,
  );
  if (!found) throw new Error(`${path} defines no ${kind}`);
  return found;
}

/** The newest that defines the group's kinds. */
export function newestCrd(group: string, kind: string): KubeObject {
  const source = crdSources.find((each) => each.group === group);
  if (source === undefined) throw new Error(`nobody defines kinds of ${group}`);
  return readCrd(source, kind);
}

/** Another pin is another folder. */
const folderOf = ({ module, version }: ShippedCrds) => join(cache, `${module.replaceAll("/", "_")}@${version}`);

const fileName = ({ file }: ShippedCrds, kind: string) =>
  file.replace(/^.*\//, "").replace("*", pluralOf(kind.toLowerCase()));

const lacking = () => crdSources.filter(isShipped).filter((source) => !existsSync(folderOf(source)));

async function fetchMissing(): Promise<void> {
  if (lacking().length === 0) return;
  await mkdir(cache, { recursive: true });
  const release = await holdLock(join(cache, "fetch.lock"), () => say("Waiting for another fetch of definitions ..."));
  const work = await mkdtemp(join(cache, ".fetch-"));
  try {
    const sources = lacking();
    if (sources.length > 0) await fetchAll(sources, work);
  } finally {
    await rm(work, { recursive: true, force: true });
    await release();
  }
}

async function fetchAll(sources: readonly ShippedCrds[], work: string): Promise<void> {
  const go = await findGo({ folder: resolve(cache, "..", "go"), say, env: process.env });
  say(`Fetching the definitions of the gateways' kinds from ${sources.length} modules (once, about 40 MB in all) ...`);
  // The sums are checked here: no further server is asked.
  const env = { ...process.env, GOTOOLCHAIN: "local", GOFLAGS: "-mod=mod", GOWORK: "off", GOSUMDB: "off" };
  const wanted = sources.map(({ module, version }) => `${module}@${version}`);
  const how = { cwd: work, env, maxBuffer: 1 << 24 };
  // Where one of them fails it ends with an error, and has said which in its output.
  const { stdout } = await run(go, ["mod", "download", "-json", ...wanted], how).catch(
    (error: Error & { stdout?: string }) => {
      if (!error.stdout?.startsWith("{")) throw error;
      return { stdout: error.stdout };
    },
  );
  const told = stdout.split(/^(?<=^\}\n)/m).filter((text) => text.trim() !== "");
  const modules = told.map((text) => JSON.parse(text) as Downloaded);
  for (const [index, source] of sources.entries()) await keep(source, modules, join(work, String(index)));
}

async function keep(source: ShippedCrds, modules: readonly Downloaded[], work: string): Promise<void> {
  const { module, version, sum, file } = source;
  const found = modules.find(({ Path, Version }) => Path === module && Version === version);
  if (found?.Dir === undefined) throw new Error(found?.Error ?? `${module}@${version} was not downloaded`);
  if (found.Sum !== sum) throw new Error(`${module}@${version} has the sum ${found.Sum}, not ${sum}`);
  await cp(join(found.Dir, dirname(file)), work, { recursive: true });
  // The module cache is read-only, a folder of ours that cannot be renamed or removed would stay for ever.
  await run("chmod", ["-R", "u+w", work]);
  await rename(work, folderOf(source));
}
