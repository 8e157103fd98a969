/** Names of metrics are an API: the committed list holds, and what Prometheus is given to read uses nothing else. */
import { describe, expect, test } from "vitest";
import { lineOf, listedLines, metricsOfCode, namesPath } from "./metric-names.ts";

const ofCode = await metricsOfCode();
const listed = listedLines();
const inCode = new Set(ofCode.map(lineOf));

describe(namesPath, () => {
  test("lists nothing that is gone or was changed: what is listed is what dashboards are made of", () => {
    expect(listed.filter((line) => !inCode.has(line))).toEqual([]);
    expect(listed.length).toBeGreaterThan(100);
  });

  test("lists every metric there is (npm run docs adds new ones), each once, in order", () => {
    expect([...inCode].filter((line) => !listed.includes(line))).toEqual([]);
    expect(listed).toEqual([...new Set(listed)].sort());
  });

  test("has a help of one line for each, and names as Prometheus wants them", () => {
    for (const { name, kind, labels, help } of ofCode) {
      expect(help, name).toMatch(/^\S.*\S$/);
      expect([name, ...labels].filter((word) => !/^[a-z][a-z0-9_]*$/.test(word))).toEqual([]);
      expect(["counter", "gauge", "histogram"]).toContain(kind);
      if (name.startsWith("pointsman_")) expect(name.endsWith("_total"), name).toBe(kind === "counter");
    }
  });
});
