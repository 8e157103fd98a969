/** The manifests for gateways can be read, all of them are in the version matrix, and what it calls run is a test that exists. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { gatewayRows } from "../../deploy/gateways/versions.ts";
import { listFiles, readSource, root } from "./tree.ts";

const folder = "deploy/gateways";
const manifests = listFiles(`${folder}/*/*.yaml`);
/** They are no objects: values of a chart, and a patch. */
const fragments = [`${folder}/envoy-ai-gateway/values.yaml`, `${folder}/aibrix/plugin-deployment.yaml`];

describe("deploy/gateways/versions.ts", () => {
  test("names only tests that exist", () => {
    const named = gatewayRows.flatMap(({ shape, whole }) => [shape, whole].flatMap((p) => ("by" in p ? [p.by] : [])));
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test("has a row for every manifest, and no row for one that is gone", () => {
    const named = new Set(gatewayRows.flatMap((row) => row.manifests.map((path) => join(folder, path))));
    expect(manifests.filter((path) => !named.has(path))).toEqual([]);
    expect([...named].filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

describe("the manifests for gateways", () => {
  test.each(manifests)("%s is YAML without a key said twice", (path) => {
    const documents = parseAllDocuments(readSource(path));
    expect(Array.isArray(documents) ? documents.flatMap(({ errors }) => errors) : documents).toEqual([]);
  });

  test.each(manifests.filter((path) => !fragments.includes(path)))("every object of %s has kind and name", (path) => {
    const objects = parseAllDocuments(readSource(path)).map((document) => document.toJS() as Record<string, unknown>);
    expect(objects.length).toBeGreaterThan(0);
    for (const object of objects) {
      expect(object).toMatchObject({
        apiVersion: expect.any(String),
        kind: expect.any(String),
        metadata: { name: expect.any(String) },
      });
    }
  });

  test("every folder has a page with the same parts", () => {
    const pages = listFiles(`${folder}/*/README.md`);
    expect(pages.map((path) => path.split("/")[2])).toEqual([...new Set(manifests.map((path) => path.split("/")[2]))]);
    const parts = ["Apply", "Check", "What failure looks like", "Bypass the picker now", "Upgrade, roll back", "From "];
    const lacking = pages.flatMap((path) => {
      const text = readSource(path);
      return parts.filter((part) => !text.includes(`\n## ${part}`)).map((part) => `${path}: ${part}`);
    });
    expect(lacking).toEqual([]);
  });
});
