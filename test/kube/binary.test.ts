import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { holdLock } from "../support/file-lock.ts";
import { findKubeBinary } from "../support/kube-binary.ts";

let folder: string;
let said: string[];
const say = (line: string) => said.push(line);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-kube-binary-"));
  said = [];
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function writeProgram(name: string, script: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

/** Only what the test puts there is found. */
const environment = (more: NodeJS.ProcessEnv = {}) => ({
  PATH: `${folder}:/bin:/usr/bin`,
  POINTSMAN_CACHE_DIR: join(folder, "cache"),
  ...more,
});

/** As go: tells its version, notes each build, and leaves a program where -o says. */
const fakeGo = (version: string, build: string) => `
if [ "$1" = env ]; then echo go${version}; exit 0; fi
echo "$*" >> ${folder}/builds
while [ "$1" != -o ]; do shift; done
${build}
`;
const leaveProgram = `printf '#!/bin/sh\\nexit 0\\n' > "$2" && chmod +x "$2"`;

describe("findKubeBinary", () => {
  test("takes the program that the environment names", async () => {
    const path = await writeProgram("own", "exit 0");
    const env = environment({ POINTSMAN_KUBE_APISERVER: path });
    expect(await findKubeBinary({ say, env })).toEqual({ path, reason: "" });
  });

  test("says why a named program is of no use", async () => {
    const path = await writeProgram("own", "echo no such machine >&2; exit 1");
    const env = environment({ POINTSMAN_KUBE_APISERVER: path });
    const reason = `POINTSMAN_KUBE_APISERVER=${path} cannot be run: no such machine`;
    expect(await findKubeBinary({ say, env })).toEqual({ path: undefined, reason });
  });

  test("builds once for all who ask at the same time, and not again", async () => {
    await writeProgram("go", fakeGo("1.26.0", leaveProgram));
    const env = environment();
    const found = await Promise.all([1, 2, 3].map(() => findKubeBinary({ say, env })));
    found.push(await findKubeBinary({ say, env }));
    expect(new Set(found.map(({ path }) => path)).size).toBe(1);
    expect(execFileSync(found[0]?.path ?? "", [])).toEqual(Buffer.of());
    const builds = (await readFile(join(folder, "builds"), "utf8")).trim().split("\n");
    expect(builds).toHaveLength(1);
    expect(builds[0]).toMatch(
      /^build .*version\.gitVersion=v1\.\d+\.\d+ .*version\.gitMajor=1 .*version\.gitMinor=\d+ /,
    );
    expect(said.join("\n")).toContain("Building the Kubernetes API server");
    expect(said.join("\n")).toContain("Waiting for another process");
  });

  test("says why a build fails, and leaves nothing", async () => {
    await writeProgram("go", fakeGo("1.27.1", "echo 'no space left' >&2; exit 1"));
    const env = environment();
    const missing = { path: undefined, reason: "the Kubernetes API server could not be built: no space left" };
    expect(await findKubeBinary({ say, env })).toEqual(missing);
    expect(await findKubeBinary({ say, env })).toEqual(missing);
  });

  test.each([
    ["no Go", undefined, "There is no Go on PATH"],
    ["an old Go", "1.25.9", "Go 1.25 on PATH is too old"],
  ])("says that %s is there and none could be fetched", async (_what, version, words) => {
    if (version !== undefined) await writeProgram("go", fakeGo(version, "exit 1"));
    const path = join(folder, "few");
    await mkdir(path);
    for (const name of ["go", "python3"]) {
      if (name === "python3" || version !== undefined) await symlink(join(folder, name), join(path, name));
    }
    await writeProgram("python3", "echo no registry >&2; exit 1");
    const { path: found, reason } = await findKubeBinary({ say, env: environment({ PATH: path }) });
    expect(found).toBeUndefined();
    expect(reason).toBe(`${words} (1.26 is needed), and none could be fetched: no registry`);
  });
});

describe("holdLock", () => {
  test("lets in one after the other", async () => {
    const path = join(folder, "lock");
    let waits = 0;
    const release = await holdLock(path, () => waits++);
    const hasWaited = Promise.withResolvers<void>();
    const second = holdLock(path, () => {
      waits++;
      hasWaited.resolve();
    });
    await hasWaited.promise;
    await release();
    await (await second)();
    expect(waits).toBe(1);
    await (await holdLock(path, () => waits++))();
    expect(waits).toBe(1);
  });

  test("passes over a holder that died", async () => {
    const path = join(folder, "lock");
    const dead = execFileSync("sh", ["-c", "echo $$"], { encoding: "utf8" }).trim();
    await writeFile(path, dead);
    const release = await holdLock(path, () => expect.unreachable("nobody holds it"));
    expect(await readFile(path, "utf8")).toBe(String(process.pid));
    await release();
  });
});
