import { expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load-config.ts";
import { serveOptions } from "../../../src/config/options.ts";
import { configOfPool, poolConfig } from "../../../src/config/pool-config.ts";

test("configOfPool finds a pool by its name, and one that labels name by the only pool without a name", () => {
  const options = loadConfig(serveOptions, [], {});
  const named = poolConfig("p", [], options);
  const labelled = poolConfig("", [{ kind: "aibrix", namespace: "" }], options);
  expect(configOfPool([labelled, named], "p")).toBe(named);
  expect(configOfPool([named, labelled], "llama")).toBe(labelled);
  expect(configOfPool([named], "llama")).toBeUndefined();
});
