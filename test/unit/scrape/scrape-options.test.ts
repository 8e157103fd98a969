import { describe, expect, test } from "vitest";
import { engineNamed } from "../../../src/scrape/engines.ts";
import { originsOf, scrapeOptions, trustsAnyone } from "../../../src/scrape/scrape-options.ts";

describe("scrapeOptions", () => {
  test("fills in every default, frozen", () => {
    const options = scrapeOptions();
    expect(options).toEqual({
      ...{ scheme: "http", path: "/metrics", port: 0, intervalMs: 1000, timeoutMs: 1000, stalenessMs: 3000 },
      ...{ bearerToken: "", tokenFile: "", caFile: "", serverName: "", insecureSkipVerify: false, engine: "auto" },
      ...{ modelsPath: "/v1/models", modelsIntervalMs: 5000, pageLimitBytes: 8388608 },
    });
    expect(Object.isFrozen(options)).toBe(true);
  });

  test.each([
    [50, 2000],
    [1000, 3000],
    [4000, 12_000],
  ])("an interval of %d ms makes readings stale after %d", (intervalMs, stalenessMs) => {
    expect(scrapeOptions({ intervalMs }).stalenessMs).toBe(stalenessMs);
  });

  test("takes an engine by name, by another's name for it, or as it is", () => {
    const vllm = engineNamed("vllm");
    expect(scrapeOptions({ engine: "vllm" }).engine).toBe(vllm);
    expect(scrapeOptions({ engine: "llm-d-inference-sim" }).engine).toBe(vllm);
    const own = { name: "own", numbers: {}, rankLabel: "" };
    expect(scrapeOptions({ engine: own }).engine).toBe(own);
  });

  test.each([
    [{ intervalMs: 49 }, "intervalMs: expected at least 50, got 49"],
    [{ intervalMs: Number.NaN }, "intervalMs: expected at least 50, got NaN"],
    [{ engine: "vlm" }, "engine: expected auto, vllm, "],
  ])("refuses %j", (given, problem) => {
    expect(() => scrapeOptions(given)).toThrow(problem);
  });
});

describe("originsOf", () => {
  test.each([
    ["10.0.0.1:8000", {}, "http://10.0.0.1:8000", "http://10.0.0.1:8000"],
    ["10.0.0.1:8000", { scheme: "https", port: 9090 }, "https://10.0.0.1:9090", "https://10.0.0.1:8000"],
    ["[fd00::1]:8000", { port: 9090 }, "http://[fd00::1]:9090", "http://[fd00::1]:8000"],
  ] as const)("%s %j", (address, given, metrics, models) => {
    expect(originsOf(address, scrapeOptions(given))).toEqual({ metrics, models });
  });
});

test.each([
  [{ scheme: "https", insecureSkipVerify: true, tokenFile: "/t" }, true],
  [{ scheme: "https", insecureSkipVerify: true, bearerToken: "t" }, true],
  [{ scheme: "https", insecureSkipVerify: true }, false],
  [{ scheme: "https", insecureSkipVerify: false, tokenFile: "/t" }, false],
  [{ scheme: "http", insecureSkipVerify: true, tokenFile: "/t" }, false],
] as const)("trustsAnyone says of %j %s", (given, is) => {
  expect(trustsAnyone(scrapeOptions(given))).toBe(is);
});
