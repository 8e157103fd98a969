/** The tree reads like the path of a request: names say what a file is, and every list of files is complete. */
import { basename, dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { builtInScorers } from "../../scorers/index.ts";
import { importsOf, listFiles, readSource } from "./tree.ts";

const stem = (path: string) => basename(path).replace(/(\.test)?\.ts$/, "");

describe("scorers", () => {
  const files = listFiles("scorers/*.ts").filter((path) => path !== "scorers/index.ts");

  test("scorers/index.ts lists exactly the files of the folder", () => {
    expect(
      importsOf("scorers/index.ts")
        .filter((path) => path.startsWith("scorers/"))
        .sort(),
    ).toEqual(files);
    expect(builtInScorers.map(({ name }) => name).sort()).toEqual(files.map(stem).sort());
  });

  test("are named by a noun, without the suffix -scorer", () => {
    expect(files.filter((path) => /-?scorer\.ts$|^scorers\/(get|compute|score)-/.test(path))).toEqual([]);
  });
});

describe("file names", () => {
  test("none is a drawer for everything", () => {
    const drawer = /(^|\/)([\w-]+-)?(utils?|common|helpers?|types|core|misc|shared)(\/|\.[\w.]+$)/;
    expect(["src/utils.ts", "src/a-helper.ts", "src/types/x.ts"].filter((path) => !drawer.test(path))).toEqual([]);
    expect(listFiles("{src,scorers,test,bench,deploy}/**/*").filter((path) => drawer.test(path))).toEqual([]);
  });

  test("no word is there that says nothing", () => {
    const hollow = /(^|[/-])(manager|handler|data|info|impl)([/.-]|$)/;
    expect(listFiles("{src,scorers}/**/*.ts").filter((path) => hollow.test(path))).toEqual([]);
  });

  test("every source file opens with what it is responsible for", () => {
    const files = listFiles("{src,test,bench,deploy}/**/*.ts").filter((path) => !path.endsWith(".test.ts"));
    const isOpened = (path: string) => /^(#!.*\n)?\/\*\*/.test(readSource(path));
    expect(files.filter((path) => !isOpened(path))).toEqual([]);
  });
});

describe("unit tests", () => {
  const folderOf = (path: string) => dirname(path).replace(/^test\/unit/, "");
  /** test/unit/x mirrors src/x; scorers and bench stand at the top of the tree already. */
  const mirrored = (path: string) => {
    const folder = folderOf(path);
    return /^\/(scorers|bench)(\/|$)/.test(folder) ? folder.slice(1) : `src${folder}`;
  };
  const files = listFiles("test/unit/**/*.test.ts");

  test("stand where the file they test stands", () => {
    const sources = new Set(listFiles("{src,scorers,bench}/**/*.ts"));
    const isAtHome = (path: string) =>
      sources.has(`${mirrored(path)}/${stem(path)}.ts`) || importsOf(path).some((to) => dirname(to) === mirrored(path));
    expect(files.filter((path) => !isAtHome(path))).toEqual([]);
    expect(files.length).toBeGreaterThan(10);
  });

  test("that carry a source file's name in another folder are misplaced", () => {
    const homes = new Map(listFiles("{src,scorers,bench}/**/*.ts").map((path) => [stem(path), dirname(path)]));
    const isElsewhere = (path: string) =>
      homes.has(stem(path)) && listFiles(`${mirrored(path)}/${stem(path)}.ts`).length === 0;
    expect(files.filter(isElsewhere)).toEqual([]);
  });
});
