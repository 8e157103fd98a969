import { describe, expect, test } from "vitest";
import { ToldPods } from "../../../../src/discovery/kubernetes/told-pods.ts";
import type { PodSpec } from "../../../../src/pods/pod-table.ts";
import { HeardEvents } from "../../../support/heard-events.ts";

const a: PodSpec = { name: "a", address: "10.0.0.1:80", uid: "1", pool: "p", labels: { x: "1" } };
const b: PodSpec = { name: "b", address: "10.0.0.2:80" };

function tell() {
  const heard = new HeardEvents();
  const told = new ToldPods();
  told.listen(heard);
  return { heard, told };
}

describe("ToldPods", () => {
  test("publishes the first set, an empty one too, and confirms it from then on", () => {
    const { heard, told } = tell();
    told.offer([], true);
    told.offer([], true);
    expect(heard.log).toEqual(["nobody", "confirm"]);
  });

  test("takes the same pods in another order, or with other objects, for the same set", () => {
    const { heard, told } = tell();
    told.offer([a, b], true);
    told.offer([b, { ...a, labels: { ...a.labels } }], true);
    expect(heard.log).toEqual(["10.0.0.1:80 10.0.0.2:80", "confirm"]);
  });

  test.each<[string, Partial<PodSpec>]>([
    ["uid", { uid: "2" }],
    ["name", { name: "c" }],
    ["address", { address: "10.0.0.3:80" }],
    ["pool", { pool: "q" }],
    ["label", { labels: { x: "2" } }],
    ["number of labels", { labels: { x: "1", y: "1" } }],
  ])("publishes when the %s of a pod has changed", (_title, change) => {
    const { heard, told } = tell();
    told.offer([a], true);
    told.offer([{ ...a, ...change }], true);
    expect(heard.published[1]).toEqual([{ ...a, ...change }]);
  });

  test("publishes one pod of those that claim the same address", () => {
    const { heard, told } = tell();
    told.offer([b, { ...a, address: b.address }], true);
    expect(heard.published).toEqual([[{ ...a, address: b.address }]]);
  });

  test("publishes a change, but confirms nothing, while changes might be missed", () => {
    const { heard, told } = tell();
    told.offer([a], false);
    told.offer([a], false);
    told.offer([b], false);
    expect(heard.log).toEqual(["10.0.0.1:80", "10.0.0.2:80"]);
  });

  test.each<[string, (told: ToldPods) => void]>([
    ["publish", (told) => told.offer([], false)],
    ["failure", (told) => told.fail("x")],
    ["end", (told) => told.close()],
  ])("resolves with the first %s", async (_title, act) => {
    const { told } = tell();
    let isSettled = false;
    void told.first.then(() => {
      isSettled = true;
    });
    await Promise.resolve();
    expect(isSettled).toBe(false);
    act(told);
    await told.first;
    expect(isSettled).toBe(true);
  });

  test("tells nothing once closed", () => {
    const { heard, told } = tell();
    expect(told.isClosed).toBe(false);
    told.close();
    expect(told.isClosed).toBe(true);
    told.offer([a], true);
    told.fail("x");
    expect(heard.log).toEqual([]);
  });
});
