import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { PodFile, type PodFileParts } from "../../../src/discovery/pod-file.ts";
import { POD_FILE_LIMIT_BYTES } from "../../../src/discovery/read-pod-file.ts";

const never = 3_600_000;
const rest = async () => undefined;
/** Nothing but events leads to a look. */
const byEvents = { lookMs: never, settleMs: 1, rest };
/** No event leads to a look. */
const byTime = { lookMs: 10, settleMs: never, rest };
const ways: [string, PodFileParts][] = [
  ["by its events", byEvents],
  ["by looking now and then", byTime],
];

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-pods-"));
  ended.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function follow(path: string, parts: PodFileParts) {
  const published: string[] = [];
  const problems: string[] = [];
  let confirms = 0;
  const source = new PodFile(path, parts);
  ended.unshift(() => source.stop());
  await source.start({
    publish: (pods) => published.push(pods.map(({ name }) => name).join(" ")),
    confirm: () => confirms++,
    fail: (problem) => problems.push(problem),
  });
  const until = (check: () => void) => vi.waitFor(check, { timeout: 8_000, interval: 5 });
  return {
    published,
    problems,
    untilPods: (names: string) => until(() => expect(published.at(-1)).toBe(names)),
    untilProblem: (problem: RegExp) => until(() => expect(problems.at(-1)).toMatch(problem)),
    untilConfirmed: () => {
      const before = confirms;
      return until(() => expect(confirms).toBeGreaterThan(before));
    },
  };
}

const pods = (...names: string[]) => `pods: [${names.map((name, i) => `${name}=10.0.0.${i + 1}:80`).join(", ")}]\n`;

describe.each(ways)("PodFile follows %s", (_way, parts) => {
  test("a file that is replaced by rename", async () => {
    const path = join(newFolder(), "pods.yaml");
    writeFileSync(path, pods("a"));
    const { untilPods } = await follow(path, parts);
    for (const names of [["b"], ["b", "c"], ["d"]]) {
      writeFileSync(`${path}.tmp`, pods(...names));
      renameSync(`${path}.tmp`, path);
      await untilPods(names.join(" "));
    }
  });

  test("a file that is written in place", async () => {
    const path = join(newFolder(), "pods.yaml");
    writeFileSync(path, pods("a"));
    const { untilPods } = await follow(path, parts);
    writeFileSync(path, pods("b"));
    await untilPods("b");
    writeFileSync(path, pods("c"));
    await untilPods("c");
  });

  test("a ConfigMap, whose folder of a version is swapped behind the link ..data", async () => {
    const folder = newFolder();
    const update = (version: string, text: string) => {
      mkdirSync(join(folder, `..${version}`));
      writeFileSync(join(folder, `..${version}`, "pods.yaml"), text);
      symlinkSync(`..${version}`, join(folder, "..data_tmp"));
      renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    };
    update("1", pods("a"));
    symlinkSync(join("..data", "pods.yaml"), join(folder, "pods.yaml"));
    const { untilPods } = await follow(join(folder, "pods.yaml"), parts);
    update("2", pods("b"));
    rmSync(join(folder, "..1"), { recursive: true });
    await untilPods("b");
    update("3", pods("c"));
    rmSync(join(folder, "..2"), { recursive: true });
    await untilPods("c");
  });

  test("a file behind a link into another folder, and the link itself", async () => {
    const [links, files] = [newFolder(), newFolder()];
    writeFileSync(join(files, "one"), pods("a"));
    writeFileSync(join(files, "two"), pods("c"));
    symlinkSync(join(files, "one"), join(links, "pods.yaml"));
    const { untilPods } = await follow(join(links, "pods.yaml"), parts);
    writeFileSync(join(files, "one"), pods("b"));
    await untilPods("b");
    symlinkSync(join(files, "two"), join(links, "new"));
    renameSync(join(links, "new"), join(links, "pods.yaml"));
    await untilPods("c");
  });

  test("a file that is deleted and made again, keeping the last pods meanwhile", async () => {
    const path = join(newFolder(), "pods.yaml");
    writeFileSync(path, pods("a"));
    const { published, untilPods, untilProblem } = await follow(path, parts);
    unlinkSync(path);
    await untilProblem(/pods\.yaml is not there$/);
    expect(published).toEqual(["a"]);
    writeFileSync(path, pods("b"));
    await untilPods("b");
  });

  test("a file that comes after the start", async () => {
    const path = join(newFolder(), "pods.yaml");
    const { problems, untilPods } = await follow(path, parts);
    expect(problems).toEqual([expect.stringMatching(/pods\.yaml is not there$/)]);
    writeFileSync(path, pods("a"));
    await untilPods("a");
  });

  test("a faulty file only when it is right, and says what is wrong in one sentence", async () => {
    const path = join(newFolder(), "pods.yaml");
    writeFileSync(path, pods("a"));
    const { published, untilPods, untilProblem } = await follow(path, parts);
    writeFileSync(path, "pods: [x, y, 10.0.0.1:80]");
    await untilProblem(/pods\.yaml:1:8 pods\[0\]: expected .*, got "x" \(and 1 more\)$/);
    writeFileSync(path, "");
    await untilProblem(/pods\.yaml:1:1: expected a list of pods .*, got nothing$/);
    expect(published).toEqual(["a"]);
    writeFileSync(path, pods());
    await untilPods("");
  });
});

describe("PodFile, while the file is being written", () => {
  const text = pods("a", "b", "c");
  const start = async (whole: string) => {
    const path = join(newFolder(), "pods.yaml");
    writeFileSync(path, whole);
    utimesSync(path, 1, 1);
    /** What happens to the file while it has to keep still. */
    const steps: (() => void)[] = [];
    let rests = 0;
    const told = await follow(path, {
      lookMs: 5,
      settleMs: never,
      rest: async () => {
        rests++;
        steps.shift()?.();
      },
    });
    return { path, steps, told, rests: () => rests };
  };

  test.each([
    ["deleted and written anew", (path: string) => unlinkSync(path)],
    ["written in place", () => undefined],
  ])("keeps the last pods, however well the half of it reads: %s", async (_way, before) => {
    const { path, steps, told } = await start("10.0.0.1:8000\n10.0.0.2:8000\n");
    steps.push(
      () => appendFileSync(path, "1:8000\n10.0.0.2"),
      () => appendFileSync(path, ":8000\n"),
    );
    before(path);
    writeFileSync(path, "10.0.0.3:8000\n10.0.0.1");
    await told.untilPods("10.0.0.3:8000 10.0.0.11:8000 10.0.0.2:8000");
    expect(told.published).toHaveLength(2);
    expect(told.problems).toEqual([]);
  });

  test("does not wait where it lay there long before, nor where nothing has changed", async () => {
    const { told, rests } = await start(text);
    await told.untilConfirmed();
    expect([told.published, rests()]).toEqual([["a b c"], 0]);
  });

  test("waits at the start for a file that was touched just now", async () => {
    const path = join(newFolder(), "pods.yaml");
    writeFileSync(path, "10.0.0.1:8");
    const steps = [() => appendFileSync(path, "000\n")];
    const { published } = await follow(path, { ...byTime, rest: async () => steps.shift()?.() });
    expect(published).toEqual(["10.0.0.1:8000"]);
  });
});

describe("PodFile", () => {
  test("reads a large file in a thread of its own, with its faults", async () => {
    const path = join(newFolder(), "pods.yaml");
    const names = Array.from({ length: 200 }, (_, i) => `pod-${i}`);
    writeFileSync(path, pods(...names));
    const { published, untilPods, untilProblem } = await follow(path, byTime);
    expect(published).toEqual([names.join(" ")]);
    writeFileSync(path, `${pods(...names)}# ${"x".repeat(4096)}\nx: 1\n`);
    await untilProblem(/pods\.yaml:3:1 x: expected one of pods, endpoints, got the key "x"/);
    writeFileSync(path, pods("a"));
    await untilPods("a");
  });

  test("finds a folder again that is deleted and made anew, and its events", async () => {
    const folder = join(newFolder(), "inner");
    const path = join(folder, "pods.yaml");
    const make = (...names: string[]) => {
      mkdirSync(folder);
      writeFileSync(path, pods(...names));
    };
    make("a");
    const { untilPods, untilProblem } = await follow(path, { lookMs: 20, settleMs: 1, rest });
    rmSync(folder, { recursive: true });
    await untilProblem(/is not there$/);
    make("b");
    await untilPods("b");
  });

  test("confirms at every look that finds the file unchanged", async () => {
    const path = join(newFolder(), "pods.yaml");
    writeFileSync(path, pods("a"));
    const { published, problems, untilConfirmed } = await follow(path, byTime);
    await untilConfirmed();
    await untilConfirmed();
    expect([published, problems]).toEqual([["a"], []]);
  });

  test.each([
    ["a folder", (path: string) => mkdirSync(path), /is not a file$/],
    [
      "a pipe, without waiting for its writer",
      (path: string) => execFileSync("sh", ["-c", `mkfifo "$0"`, path]),
      /is not a file$/,
    ],
    ["a link to itself", (path: string) => symlinkSync(path, path), /cannot be read: ELOOP$/],
    [
      "a file that is too large",
      (path: string) => writeFileSync(path, Buffer.alloc(2 * POD_FILE_LIMIT_BYTES, " ")),
      /expected at most 1048576 bytes, got more$/,
    ],
  ])("refuses %s", async (_what, make, problem) => {
    const path = join(newFolder(), "pods.yaml");
    make(path);
    const { problems } = await follow(path, byTime);
    expect(problems[0]).toMatch(problem);
  });
});
