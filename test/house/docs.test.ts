/** The documents say what the code says: generated parts are in step, links lead somewhere, and nothing is left out. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { generatorNames, partsOf, regenerate } from "./generated-docs.ts";
import { listFiles, readSource, root } from "./tree.ts";

const documents = listFiles("**/*.md");

describe("regenerate", () => {
  test("replaces what stands between the markers and nothing else", () => {
    const text = "a\n<!-- generated: pick-reasons -->\nstale words\n<!-- /generated -->\nb\n";
    const fresh = regenerate(text);
    expect(fresh).toMatch(/^a\n<!-- generated: pick-reasons -->\n\n\| Reason[\s\S]*\n\n<!-- \/generated -->\nb\n$/);
    expect(fresh).not.toContain("stale words");
    expect(regenerate(fresh)).toBe(fresh);
  });

  test("refuses a name without a generator", () => {
    expect(() => regenerate("<!-- generated: nothing -->\n<!-- /generated -->")).toThrow('no generator "nothing"');
  });
});

describe("partsOf", () => {
  test.each(["<!-- generated: metrics -->\ntext", "text\n<!-- /generated -->"])("refuses a lone marker: %j", (text) => {
    expect(() => partsOf(text)).toThrow("no partner");
  });
});

describe("the documents", () => {
  test.each(documents)("%s is in step with the code (npm run docs rewrites it)", (path) => {
    expect(readSource(path)).toBe(regenerate(readSource(path)));
  });

  test("hold every generated part exactly once", () => {
    expect(documents.flatMap((path) => partsOf(readSource(path))).sort()).toEqual([...generatorNames].sort());
  });

  test("README.md stays within 250 lines", () => {
    expect(readSource("README.md").split("\n").length).toBeLessThanOrEqual(250);
  });

  test("link only to files that exist", () => {
    const linksOf = (path: string) =>
      [...readSource(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(([, target = ""]) => ({
        path,
        target,
      }));
    const isDead = ({ path, target }: { path: string; target: string }) =>
      !existsSync(join(root, dirname(path), target));
    expect(documents.flatMap(linksOf).filter(isDead)).toEqual([]);
  });

  test("name only npm scripts that exist", () => {
    const { scripts } = JSON.parse(readSource("package.json")) as { scripts: Record<string, string> };
    const named = documents.flatMap((path) => [...readSource(path).matchAll(/npm run ([\w:-]+)/g)]);
    expect(named.filter(([, name = ""]) => !(name in scripts)).map(([all]) => all)).toEqual([]);
  });

  test("announce every body that they have curl send as the JSON that vLLM insists on", () => {
    const sent = documents.flatMap((path) => [...readSource(path).matchAll(/\bcurl .* -d .*/g)].map(([line]) => line));
    expect(sent.length).toBeGreaterThan(2);
    expect(sent.filter((line) => !line.includes("-H 'content-type: application/json'"))).toEqual([]);
  });

  test("point to no source file that is gone", () => {
    const named = documents.flatMap((path) =>
      [...readSource(path).matchAll(/`((?:src|scorers|test|bench|deploy|proto)\/[\w./-]+\.\w+)`/g)].map(
        ([, file = ""]) => file,
      ),
    );
    // my-... is a file that the reader is to write.
    expect(named.filter((file) => !existsSync(join(root, file)) && !file.includes("/my-"))).toEqual([]);
  });
});
