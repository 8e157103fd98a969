import { expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load-config.ts";
import { serveOptions } from "../../../src/config/options.ts";
import { configOfPool, namespaceOf, poolConfig } from "../../../src/config/pool-config.ts";

test("configOfPool finds a pool by its name, and one that labels name by the only pool without a name", () => {
  const options = loadConfig(serveOptions, [], {});
  const named = poolConfig("p", [], options);
  const labelled = poolConfig("", [{ kind: "aibrix", namespace: "" }], options);
  expect(configOfPool([labelled, named], "p")).toBe(named);
  expect(configOfPool([named, labelled], "llama")).toBe(labelled);
  expect(configOfPool([named], "llama")).toBeUndefined();
});

test("namespaceOf is that of the first source in Kubernetes that says one, else nothing", () => {
  const options = loadConfig(serveOptions, [], {});
  const inPool = { kind: "inference-pool", namespace: "team", name: "p", group: "auto" } as const;
  const outside = { kind: "file", path: "pods.yaml" } as const;
  expect(namespaceOf(poolConfig("p", [outside, { kind: "aibrix", namespace: "" }, inPool], options))).toBe("team");
  expect(namespaceOf(poolConfig("p", [outside], options))).toBe("");
});
