/** Manifests for gateways can be read and are in the version matrix, which names only tests that exist; pages are complete. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { gatewayPromises, type Shown } from "../../deploy/gateways/promises.ts";
import { gatewayRows, olderEnvoys } from "../../deploy/gateways/versions.ts";
import { defaultEnvoyVersion } from "../../src/demo/find-envoy.ts";
import { fragments } from "../kube/crds/sources.ts";
import { shippedObjects } from "../support/shipped-objects.ts";
import { listFiles, readSource, root } from "./tree.ts";

const folder = "deploy/gateways";
const manifests = listFiles(`${folder}/*/*.yaml`);

describe("deploy/gateways/versions.ts", () => {
  test("names only tests that exist", () => {
    const named = gatewayRows.flatMap(({ shape, whole }) => [shape, whole].flatMap((p) => ("by" in p ? [p.by] : [])));
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test("names the Envoys that are run", () => {
    const named = gatewayRows.flatMap(({ shape, whole }) => [shape, whole].flatMap((p) => ("by" in p ? p.envoys : [])));
    expect([...new Set(named)].toSorted()).toEqual([...olderEnvoys, defaultEnvoyVersion].toSorted());
  });

  test("has a row for every manifest, and no row for one that is gone", () => {
    const named = new Set(gatewayRows.flatMap((row) => row.manifests.map((path) => join(folder, path))));
    expect(manifests.filter((path) => !named.has(path))).toEqual([]);
    expect([...named].filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

describe("deploy/gateways/promises.ts", () => {
  test.each(gatewayPromises.filter(({ shown }) => typeof shown !== "string"))(
    "$id is shown by tests that there are, under these titles",
    ({ shown }) => {
      expect(shown.length).toBeGreaterThan(0);
      const isGone = ({ by, title }: Shown) => !(existsSync(join(root, by)) && readSource(by).includes(`"${title}"`));
      expect([...(shown as readonly Shown[])].filter(isGone)).toEqual([]);
    },
  );

  test("has every promise once, numbered without a gap", () => {
    const ids = gatewayPromises.map(({ id }) => id);
    const counts = { AIBrix: 5, AIGW: 9, Istio: 4, OpenShift: 5 };
    const wanted = Object.entries(counts).flatMap(([name, count]) =>
      Array.from({ length: count }, (_, index) => `${name}-${index + 1}`),
    );
    expect(ids).toEqual(wanted);
  });
});

test("the pools of both groups say the same of requests that no picker has seen, and so does the filter of one", () => {
  const modesIn = (path: string, key: string) =>
    [...readSource(`deploy/${path}`).matchAll(new RegExp(`^ *${key}: (\\w+)$`, "gm"))].map(([, value]) => value);
  const pools = ["kubernetes/inference-pool.yaml", "gateways/inference-pool/pool-x.yaml"];
  expect(pools.map((path) => modesIn(path, "failureMode"))).toEqual([["FailClose"], ["FailClose"]]);
  expect(modesIn("gateways/istio/buffered.yaml", "failure_mode_allow")).toEqual(["false"]);
  expect(readSource("deploy/chart/values.yaml")).toMatch(/^ {2}failureMode: FailClose$/m);
});

describe("the manifests for gateways", () => {
  test.each(manifests)("%s is YAML without a key said twice", (path) => {
    const documents = parseAllDocuments(readSource(path));
    expect(Array.isArray(documents) ? documents.flatMap(({ errors }) => errors) : documents).toEqual([]);
  });

  test.each(manifests.filter((path) => !(path.replace("deploy/", "") in fragments)))(
    "every object of %s has kind and name",
    (path) => {
      const objects = parseAllDocuments(readSource(path)).map((document) => document.toJS() as Record<string, unknown>);
      expect(objects.length).toBeGreaterThan(0);
      for (const object of objects) {
        expect(object).toMatchObject({
          apiVersion: expect.any(String),
          kind: expect.any(String),
          metadata: { name: expect.any(String) },
        });
      }
    },
  );

  test("that hold no object are not gone", () => {
    const gone = Object.keys(fragments).filter((path) => !existsSync(join(root, "deploy", path)));
    expect(gone).toEqual([]);
  });
});

describe("the pages for gateways", () => {
  const pages = listFiles(`${folder}/*/README.md`);
  const folderOf = (path: string) => path.replace(/\/[^/]*$/, "");
  const pageOf = (path: string) => readSource(`${folderOf(path)}/README.md`);

  test("are one for each folder", () => {
    const folders = listFiles(`${folder}/*/*`).map(folderOf);
    expect(pages.map(folderOf)).toEqual([...new Set(folders)]);
  });

  test.each(pages)("%s says the versions, and has the same parts as the others, in their order", (path) => {
    const text = readSource(path);
    const [opening = ""] = text.split("\n## ");
    expect(opening, "a version before the first part").toMatch(/\b\d+\.\d+\b/);
    const parts = ["Apply", "Check", "What failure looks like", "Bypass the picker now", "Upgrade, roll back", "From "];
    const places = parts.map((part) => text.indexOf(`\n## ${part}`));
    expect(places, parts.join(", ")).toEqual([...places].sort((one, other) => one - other));
    expect(places).not.toContain(-1);
  });

  test.each(listFiles(`${folder}/*/*`).filter((path) => !path.endsWith("README.md")))(
    "%s is named by its page",
    (path) => {
      expect(pageOf(path)).toContain(basename(path));
    },
  );

  test.each(pages)("%s tells people to type what there is", (path) => {
    const text = readSource(path);
    const files = [...text.matchAll(/ (?:-f|-k|--patch-file) (deploy\/[\w./-]+)/g)].map(([, file = ""]) => file);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    const deleted = [...text.matchAll(/^kubectl (?:-n \S+ )?delete (\w+) (\S+)/gm)].map(([, ...words]) =>
      words.join(" "),
    );
    const shipped = shippedObjects().map(({ object }) => `${object.kind.toLowerCase()} ${object.metadata.name}`);
    expect(deleted.filter((each) => !shipped.includes(each))).toEqual([]);
  });

  test.each(pages)("%s: what it applies is there, and what shows it is a command", (path) => {
    const part = (name: string) => readSource(path).split(`\n## ${name}\n`)[1]?.split("\n## ")[0] ?? "";
    const commands = (text: string) =>
      [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = ""]) => block).join("");
    const applied = [...commands(part("Apply")).matchAll(/ (?:-f|-k|--patch-file) (\S+)/g)].map(
      ([, file = ""]) => file,
    );
    expect(applied.length).toBeGreaterThan(0);
    expect(applied.filter((file) => !/^https:/.test(file) && !existsSync(join(root, file)))).toEqual([]);
    // Its own commands, or those of the page that it follows.
    expect(part("Check")).toMatch(/```sh\n(kubectl|istioctl|curl)|\]\(\.\.\/\S*README\.md#check\)/);
  });

  test.each(pages)("%s says how the image is named, or names a page that does", (path) => {
    expect(readSource(path)).toMatch(/kustomize edit set image|#the-image\)|image\.repository/);
  });

  test("are all in the list of deploy/gateways", () => {
    const text = readSource(`${folder}/README.md`);
    const links = pages.map((path) => path.replace(`${folder}/`, ""));
    expect(links.filter((link) => !text.includes(`](${link})`))).toEqual([]);
  });
});
