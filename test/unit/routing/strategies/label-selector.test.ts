import { describe, expect, test } from "vitest";
import { PodTable } from "../../../../src/pods/pod-table.ts";
import { selected } from "../../../../src/routing/strategies/label-selector.ts";

const table = new PodTable();
table.reconcile([
  { name: "a", address: "10.0.0.1:1", labels: { app: "chat", zone: "a" } },
  { name: "b", address: "10.0.0.2:1", labels: { app: "chat", zone: "b", "x.io/old": "" } },
  { name: "c", address: "10.0.0.3:1", labels: { app: "code" } },
]);
const among = { slots: table.live, size: table.size };

function namesBy(text: string): string | undefined {
  const slots = selected(table, among, text);
  const pods = table.pods();
  return slots && [...slots.slots].map((slot) => pods.find((pod) => pod.slot === slot)?.name).join("");
}

describe("selected", () => {
  test.each([
    ["app=chat", "ab"],
    ["app == chat", "ab"],
    ["app!=chat", "c"],
    ["zone != a", "bc"],
    ["app=chat,zone=b", "b"],
    ["zone in (a, c)", "a"],
    ["zone in (a,b),app=chat", "ab"],
    ["zone notin (a)", "bc"],
    ["zone", "ab"],
    ["!zone", "c"],
    ["x.io/old", "b"],
    ["x.io/old=", "b"],
    ["app=video", ""],
    ["constructor", ""],
  ])("by %j", (text, expected) => {
    expect(namesBy(text)).toBe(expected);
  });

  test.each(["", ",", "app=chat,", "zone in a", "zone in (a", "zone within (a)", "=a", "a=b=c", "a b", "a=ü", "a>1"])(
    "is nothing by %j, which is no selector",
    (text) => {
      expect(namesBy(text)).toBeUndefined();
    },
  );

  test("reads a long text that fits nothing in no time", () => {
    const begun = performance.now();
    for (const text of [`zone in (${", ".repeat(500)}`, `${" ".repeat(1023)}(`, `a in ${" ".repeat(1000)}(`]) {
      expect(namesBy(text)).toBeUndefined();
    }
    expect(namesBy(`app=${"a".repeat(2000)}`)).toBeUndefined();
    expect(performance.now() - begun).toBeLessThan(500);
  });
});
