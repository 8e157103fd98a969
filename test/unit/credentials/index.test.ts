import { expect, test } from "vitest";
import { credentialKinds } from "../../../src/credentials/index.ts";
import { listFiles, readSource } from "../../house/tree.ts";

test("credentialKinds lists every file of the folder that defines a kind, by the file's name", () => {
  const files = listFiles("src/credentials/*.ts").filter((path) => /= defineCredential\(/.test(readSource(path)));
  const names = files.map((path) => path.replace(/^.*\/|\.ts$/g, ""));
  expect(names.length).toBeGreaterThan(3);
  expect([...credentialKinds.keys()].sort()).toEqual(names.sort());
  for (const [name, kind] of credentialKinds) expect(kind.name).toBe(name);
});
