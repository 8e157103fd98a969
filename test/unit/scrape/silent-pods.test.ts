import { describe, expect, test } from "vitest";
import { type Pod, PodTable } from "../../../src/pods/pod-table.ts";
import { SilentPods } from "../../../src/scrape/silent-pods.ts";

/** Pods a, b, c... asked with the same options; those that are out, by name. */
function setUp(names: string) {
  const table = new PodTable();
  table.reconcile([...names].map((name) => ({ name, address: `${name}:1` })));
  const silent = new SilentPods(table);
  const options = {};
  for (const pod of table.pods()) silent.watch(pod, options);
  const pod = (name: string) => table.byAddress(`${name}:1`) as Pod;
  const timeOut = (of: string, times = 3, known = false) => {
    for (let i = 0; i < times; i++) for (const name of of) silent.scraped(pod(name), "timeout", known);
  };
  const out = () =>
    table
      .pods()
      .filter(({ slot }) => table.reachable[slot] === 0)
      .map(({ name }) => name)
      .join("");
  return { table, silent, options, pod, timeOut, out };
}

describe("SilentPods", () => {
  test("takes a pod out after three timeouts in a row, and back with the first answer", () => {
    const { silent, pod, timeOut, out } = setUp("abcd");
    timeOut("b", 2);
    silent.scraped(pod("b"), "ok", true);
    timeOut("b", 2);
    expect(out()).toBe("");
    timeOut("b", 1);
    expect(out()).toBe("b");
    silent.reached(pod("b"), true);
    silent.scraped(pod("b"), "ok", true);
    expect(out()).toBe("");
    timeOut("b", 2);
    expect(out()).toBe("");
  });

  test("waits while readings of the pod are still believed", () => {
    const { timeOut, out } = setUp("abcd");
    timeOut("b", 5, true);
    expect(out()).toBe("");
    timeOut("b", 1);
    expect(out()).toBe("b");
  });

  test.each(["partial", "denied", "redirect", "status", "too_large", "unreadable", "tls"] as const)(
    "leaves a pod in its place that never had a page but answers, if only: %s",
    (outcome) => {
      const { silent, pod, out } = setUp("abcd");
      for (let i = 0; i < 10; i++) silent.scraped(pod("b"), outcome, false);
      expect(out()).toBe("");
    },
  );

  test("does not go by faults of our own, neither way", () => {
    const { silent, pod, timeOut, out } = setUp("abcd");
    for (let i = 0; i < 10; i++) silent.scraped(pod("a"), "fault", false);
    timeOut("b", 2);
    silent.scraped(pod("b"), "fault", false);
    expect(out()).toBe("");
    timeOut("b", 1);
    silent.scraped(pod("b"), "fault", false);
    expect(out()).toBe("b");
  });

  test("takes out half of the pods, and none where more fall silent: then the asking is slow", () => {
    const { silent, pod, timeOut, out } = setUp("abcd");
    timeOut("ab");
    expect(out()).toBe("ab");
    timeOut("c");
    expect(out()).toBe("");
    timeOut("abcd");
    expect(out()).toBe("");
    silent.scraped(pod("c"), "ok", true);
    silent.scraped(pod("d"), "ok", true);
    expect(out()).toBe("ab");
  });

  test("counts those that refuse neither way, and keeps them out", () => {
    const { silent, pod, timeOut, out } = setUp("abcd");
    silent.reached(pod("a"), false);
    silent.reached(pod("b"), false);
    expect(out()).toBe("ab");
    timeOut("bc");
    expect(out()).toBe("abc");
    timeOut("d");
    expect(out()).toBe("ab");
    silent.reached(pod("a"), true);
    expect(out()).toBe("b");
  });

  test("judges anew when pods leave or join", () => {
    const { table, silent, options, timeOut, out } = setUp("abcd");
    table.onLeave((pod) => silent.drop(pod));
    timeOut("ab");
    const specs = (names: string) => [...names].map((name) => ({ name, address: `${name}:1` }));
    table.reconcile(specs("abc"));
    expect(out()).toBe("");
    for (const pod of table.reconcile(specs("abcd")).joined) silent.watch(pod, options);
    expect(out()).toBe("ab");
    table.reconcile(specs("cd"));
    const { joined } = table.reconcile(specs("cde"));
    expect([joined[0]?.slot, out()]).toEqual([1, ""]);
  });

  test("judges the pods of every pool by themselves", () => {
    const { table, silent, pod, timeOut, out } = setUp("ab");
    const specs = [..."abcdef"].map((name) => ({ name, address: `${name}:1` }));
    const other = {};
    for (const one of table.reconcile(specs).joined) silent.watch(one, other);
    timeOut("ab");
    expect(out()).toBe("");
    timeOut("c");
    expect(out()).toBe("c");
    silent.scraped(pod("a"), "status", false);
    expect(out()).toBe("bc");
  });

  test("knows nothing of pods that it was not told of", () => {
    const { table, silent, pod, timeOut, out } = setUp("ab");
    silent.drop(pod("a"));
    silent.drop(pod("a"));
    timeOut("a");
    silent.reached(pod("a"), false);
    expect([out(), table.size]).toEqual(["", 2]);
  });
});
