import { describe, expect, test } from "vitest";
import { AdapterColumn } from "../../../src/affinity/adapter-column.ts";
import { PodTable, type Slot } from "../../../src/pods/pod-table.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";
import type { PodFacts } from "../../../src/scrape/pod-facts.ts";

const { NaN: unknown } = Number;
const [full, waits, room, loaded] = [0, 1, 2, 3];

type Lora = NonNullable<PodFacts["lora"]>;
const lora = (max: number, running: readonly string[] = [], waiting: readonly string[] = []): Lora => ({
  max,
  running: new Set(running),
  waiting: new Set(waiting),
});

/** Pods with what their pages say of adapters; the last may be told again as another process. */
function setUp(pages: (Lora | undefined)[]) {
  const table = new PodTable();
  const models = new ServedModels();
  table.reconcile(pages.map((_, i) => ({ name: `p${i}`, address: `p:${i}` })));
  const startedAt = pages.map(() => 100);
  const column = new AdapterColumn({
    table,
    models,
    facts: ({ slot }) => ({ startedAtSeconds: startedAt[slot] ?? unknown, lora: pages[slot] }),
  });
  const states = (model: string, adapter = ""): number[] => {
    const out = new Float64Array(pages.length);
    const slots = Int32Array.from(pages, (_, slot) => slot);
    column.fill({ ...bodylessRequest, model, adapter }, slots, pages.length, out);
    return [...out];
  };
  /** A request for this model goes to that pod. */
  const send = (model: string, slot: number, adapter = ""): void => {
    states(model, adapter);
    column.learn(slot as Slot);
  };
  /** The same, where the pod is told after another request. */
  const sendLater = (model: string, slot: number): void => {
    states(model);
    const lesson = column.keep();
    states("base");
    lesson?.(slot as Slot, 1);
  };
  const list = (id: string, parent?: string): void => {
    for (const pod of table.pods()) models.set(pod, { kind: "listed", entries: [{ id, ...(parent && { parent }) }] });
  };
  const restart = (slot: number) => {
    startedAt[slot] = 200;
  };
  return { states, send, sendLater, list, restart, pages, table };
}

describe("by the page", () => {
  test("the adapter is loaded, has room, waits for room, or there is none", () => {
    const { states } = setUp([
      lora(2, ["x"], ["y"]),
      lora(2, ["y"]),
      lora(2, ["y", "z"], ["x"]),
      lora(2, ["y", "z"]),
      lora(4, ["y"], ["x"]),
    ]);
    expect(states("x")).toEqual([loaded, room, waits, full, room]);
  });

  test("a pod that tells nothing of adapters, and a request without a model, are unknown", () => {
    const { states } = setUp([undefined, lora(unknown)]);
    expect(states("x")).toEqual([unknown, unknown]);
    expect(states("")).toEqual([unknown, unknown]);
  });

  test("an adapter that a field of its own names counts, not the model", () => {
    expect(setUp([lora(1, ["x"]), lora(1, ["base"])]).states("base", "x")).toEqual([loaded, full]);
  });
});

describe("what was sent", () => {
  test("counts for the pod that is found to have served it, and nothing of a base model does", () => {
    const { states, sendLater, list } = setUp([lora(2, ["u", "v"]), lora(2, ["u", "v"])]);
    list("x", "base");
    sendLater("x", 1);
    sendLater("base", 0);
    expect(states("x")).toEqual([full, loaded]);
    expect(states("base")).toEqual([full, full]);
  });

  test("is held to be loaded after the page names it no longer, as many as the pod holds", () => {
    const { states, send, list } = setUp([lora(2, ["u", "v"]), lora(2, ["u", "v"])]);
    list("x", "base");
    send("x", 0);
    expect(states("x")).toEqual([loaded, full]);
    list("y", "base");
    send("y", 0);
    list("z", "base");
    send("z", 0);
    list("x", "base");
    // Two are held: y and z have pushed x out.
    expect([states("x"), states("y"), states("z")]).toEqual([
      [full, full],
      [loaded, full],
      [loaded, full],
    ]);
  });

  test("is one adapter where the pod does not say how many it holds", () => {
    const { states, send } = setUp([undefined]);
    send("base", 0, "x");
    expect(states("base", "x")).toEqual([loaded]);
    send("base", 0, "y");
    expect(states("base", "x")).toEqual([unknown]);
  });

  test("is forgotten with the process it was sent to, and with the pod", () => {
    const { states, send, restart, table } = setUp([lora(4), lora(4)]);
    send("base", 0, "x");
    send("base", 1, "x");
    expect(states("base", "x")).toEqual([loaded, loaded]);
    restart(0);
    expect(states("base", "x")).toEqual([room, loaded]);
    table.reconcile([{ name: "p0", address: "p:0" }]);
    table.reconcile([
      { name: "p0", address: "p:0" },
      { name: "new", address: "p:9" },
    ]);
    expect(states("base", "x")).toEqual([room, room]);
  });

  test("is not remembered of a base model, which takes no place among the adapters", () => {
    const { states, send, list } = setUp([lora(1)]);
    list("base");
    send("base", 0);
    expect(states("base")).toEqual([room]);
  });
});
