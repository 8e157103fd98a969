import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readFiles } from "../../../../src/doctor/gather/read-files.ts";

let folder: string;
const limits = { logBytes: 2_000, wholeBytes: 20_000, unpackedBytes: 200_000, allBytes: 100_000, files: 20 };
const line = (index: number) => `2026-01-01T00:00:00Z line ${index}\n`;
const lines = (count: number) => Array.from({ length: count }, (_, index) => line(index)).join("");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-files-"));
  await mkdir(join(folder, "deep/er"), { recursive: true });
  await mkdir(join(folder, "node_modules"));
  await mkdir(join(folder, "long"));
  await writeFile(join(folder, "stats.txt"), "cluster.a.b: 1\n");
  await writeFile(join(folder, "deep/er/any.name"), '{"configs": []}');
  await writeFile(join(folder, "packed.json.gz"), gzipSync('{"configs": [1]}'));
  await writeFile(join(folder, "picture.png"), "x");
  await writeFile(join(folder, "program"), Buffer.from([1, 0, 2]));
  await writeFile(join(folder, "node_modules/more.txt"), "x");
  await writeFile(join(folder, "long/proxy.log"), lines(1_000));
  await writeFile(join(folder, "long/proxy.log.1.gz"), gzipSync(lines(3_000)));
  await writeFile(join(folder, "long/dump.json"), JSON.stringify({ configs: ["x".repeat(30_000)] }, null, 1));
  await writeFile(
    join(folder, "long/dump2.json.gz"),
    gzipSync(JSON.stringify({ configs: ["x".repeat(90_000)] }, null, 1)),
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("readFiles reads a folder and those below it, unpacks, and passes over what is no text", async () => {
  const { sources, unread } = await readFiles(
    ["deep", "packed.json.gz", "picture.png", "program", "stats.txt"].map((name) => join(folder, name)),
  );
  expect(sources.map(({ name, text }) => [name.slice(folder.length + 1), text])).toEqual([
    ["deep/er/any.name", '{"configs": []}'],
    ["packed.json", '{"configs": [1]}'],
    ["picture.png", "x"],
    ["stats.txt", "cluster.a.b: 1\n"],
  ]);
  // What is no text is not read, and that is said.
  expect(unread.map(({ source, why }) => [source.slice(folder.length + 1), why])).toEqual([
    ["program", "it is no text"],
  ]);
});

test("readFiles passes over the folders of tools", async () => {
  const { sources } = await readFiles([folder], limits);
  expect(sources.some(({ name }) => name.includes("node_modules"))).toBe(false);
});

test("readFiles keeps the end of a long log, from the beginning of a line, and no part of a long tree", async () => {
  const { sources, unread } = await readFiles([join(folder, "long")], limits);
  const texts = new Map(sources.map(({ name, text }) => [name.slice(folder.length + 6), text]));
  expect([...texts.keys()]).toEqual(["proxy.log", "proxy.log.1"]);
  for (const [name, last] of [
    ["proxy.log", 999],
    ["proxy.log.1", 2_999],
  ] as const) {
    const text = texts.get(name) ?? "";
    expect(text.length).toBeLessThanOrEqual(limits.logBytes);
    expect(text.length).toBeGreaterThan(limits.logBytes / 2);
    expect(text.startsWith("2026-01-01T")).toBe(true);
    expect(text.endsWith(line(last))).toBe(true);
  }
  expect(unread.map(({ source, why }) => [source.slice(folder.length + 6), why])).toEqual([
    ["dump.json", "it is longer than 0 MiB"],
    ["dump2.json.gz", "it is longer than 0 MiB"],
  ]);
});

test("readFiles ends at the limit of files, and says where", async () => {
  const { sources, unread } = await readFiles([folder], { ...limits, files: 1 });
  expect(sources).toHaveLength(1);
  expect(unread).toEqual([
    { source: expect.stringContaining(folder), why: expect.stringMatching(/^1 files were found before it/) },
  ]);
});

test("readFiles ends at the limit of all bytes together, and says so of each file behind it", async () => {
  const { sources, unread } = await readFiles([join(folder, "long")], { ...limits, allBytes: 3_000 });
  expect(sources.map(({ name }) => name.endsWith("proxy.log"))).toEqual([true]);
  expect(unread.map(({ why }) => why)).toContain("0 MiB were read before it, and more are not read");
});

describe("readFiles of a folder that is not as it should be", () => {
  const made = async (name: string) => {
    const path = join(folder, "odd", name);
    await mkdir(path, { recursive: true });
    return path;
  };
  const names = (sources: readonly { readonly name: string }[]) => sources.map(({ name }) => basename(name));

  test("with links to itself and to its files opens each file once", async () => {
    const path = await made("links");
    await writeFile(join(path, "a.txt"), "x");
    for (const index of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) await symlink(".", join(path, `l${index}`));
    await symlink("a.txt", join(path, "b.txt"));
    expect(names((await readFiles([path, path])).sources)).toEqual(["a.txt"]);
  });

  test("which is a volume of Kubernetes names its files as they are seen, once", async () => {
    const path = await made("volume");
    await mkdir(join(path, "..2026"));
    await writeFile(join(path, "..2026/access.log"), "x");
    await symlink("..2026", join(path, "..data"));
    await symlink("..data/access.log", join(path, "access.log"));
    const { sources } = await readFiles([path]);
    expect(sources.map(({ name }) => name)).toEqual([join(path, "access.log")]);
  });

  test("says what may not be entered, leads nowhere or lies too deep, and reads the rest", async () => {
    const path = await made("closed");
    await writeFile(join(path, "a.txt"), "x");
    await symlink("nowhere", join(path, "broken"));
    await mkdir(join(path, "1/2/3/4/5/6"), { recursive: true });
    await mkdir(join(path, "shut"));
    await chmod(join(path, "shut"), 0);
    try {
      const { sources, unread } = await readFiles([path]);
      expect(names(sources)).toEqual(["a.txt"]);
      const said = new Map(unread.map(({ source, why }) => [basename(source), why]));
      expect(said.get("broken")).toMatch(/^ENOENT/);
      expect(said.get("6")).toMatch(/deeper$/);
      // Root may enter.
      if (process.getuid?.() !== 0) expect(said.get("shut")).toMatch(/^EACCES/);
    } finally {
      await chmod(join(path, "shut"), 0o700);
    }
  });
});

describe("readFiles of a file of another form", () => {
  const read = async (name: string, content: Buffer | string) => {
    await writeFile(join(folder, name), content);
    return readFiles([join(folder, name)], limits);
  };

  test.each([
    { form: "utf-16 with a mark", bytes: Buffer.from("\ufefflisten: é", "utf16le") },
    { form: "utf-16 without one", bytes: Buffer.from("listen: e", "utf16le") },
    { form: "utf-16 the other way round", bytes: Buffer.from("\ufefflisten: é", "utf16le").swap16() },
    { form: "utf-8 with a mark", bytes: Buffer.from("\ufefflisten: é") },
  ])("$form is read as text", async ({ bytes }) => {
    const { sources, unread } = await read("form.txt", bytes);
    expect([sources[0]?.text.replace("é", "e"), unread]).toEqual(["listen: e", []]);
  });

  test.each([
    { form: "zip", bytes: Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), Buffer.alloc(20)]) },
    { form: "tar", bytes: Buffer.concat([Buffer.from("a"), Buffer.alloc(256), Buffer.from("ustar"), Buffer.alloc(9)]) },
  ])("$form is said to be an archive, packed too", async ({ bytes }) => {
    for (const each of [bytes, gzipSync(bytes)]) {
      expect((await read("form.bin", each)).unread).toMatchObject([{ why: "it is an archive: unpack it first" }]);
    }
  });

  test("a long log in any form of time is read from its end", async () => {
    const { sources } = await read("go.txt", "2026/11/21 10:00:00 it is well\n".repeat(2_000));
    expect(sources[0]?.text.length).toBeGreaterThan(limits.logBytes / 2);
  });

  test("what unpacks to more than the limit is left, zeros at once", async () => {
    expect((await read("bomb.gz", gzipSync(Buffer.alloc(300_000)))).unread).toMatchObject([{ why: "it is no text" }]);
    expect((await read("bomb.gz", gzipSync("a".repeat(300_000)))).unread).toMatchObject([
      { why: expect.stringMatching(/^it is longer/) },
    ]);
  });
});
