import { describe, expect, test } from "vitest";
import { Discovery, type PodChange } from "../../../src/discovery/discovery.ts";
import type { PodSource, SourceEvents } from "../../../src/discovery/pod-source.ts";
import { type PodSpec, PodTable } from "../../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../../src/pods/pool.ts";
import { Pools } from "../../../src/pods/pools.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";

class ScriptedSource implements PodSource {
  readonly name: string;
  readonly pool: string;
  perishable = true;
  stopped = false;
  tell: SourceEvents = { publish: () => {}, confirm: () => {}, fail: () => {} };
  readonly #first: readonly PodSpec[] | string;

  constructor(name: string, first: readonly PodSpec[] | string, pool = "default") {
    this.name = name;
    this.pool = pool;
    this.#first = first;
  }

  async start(events: SourceEvents): Promise<void> {
    this.tell = events;
    await Promise.resolve();
    if (typeof this.#first === "string") events.fail(this.#first);
    else events.publish(this.#first);
  }

  stop(): void {
    this.stopped = true;
  }
}

function spec(name: string, address = `${name}:1`): PodSpec {
  return { name, address };
}

async function discover(...sources: ScriptedSource[]) {
  const table = new PodTable();
  const pools = new Pools({ table, models: new ServedModels() });
  const clock = { ms: 0 };
  const said: string[] = [];
  const changes: string[] = [];
  const names = (pods: PodChange["joined"]) => pods.map((pod) => pod.name).join(" ");
  const discovery = new Discovery({
    table,
    pools,
    sources: sources.map((source) => ({ source, pool: source.pool, settings: defaultPoolSettings })),
    now: () => clock.ms,
    events: {
      changed: ({ source, joined, left }) => changes.push(`${source.name}: +${names(joined)} -${names(left)}`),
      failed: ({ name }, problem, again, known) =>
        said.push(`${name} failed${again ? " again" : ""}${known ? "" : " at first"}: ${problem}`),
      recovered: ({ name }) => said.push(`${name} recovered`),
    },
  });
  await discovery.start();
  const membersOf = (name: string) => {
    const { slots, size } = pools.byName(name)!.members;
    return [...slots.subarray(0, size)].map((slot) => table.pods().find((pod) => pod.slot === slot)?.name);
  };
  return { discovery, table, pools, membersOf, clock, said, changes, names: () => table.pods().map((pod) => pod.name) };
}

describe("Discovery", () => {
  test("fills the table with the union of its sources and reports per source", async () => {
    const { names, changes } = await discover(
      new ScriptedSource("one", [spec("a"), spec("b")]),
      new ScriptedSource("two", [spec("c")]),
    );
    expect(names()).toEqual(["a", "b", "c"]);
    expect(changes).toEqual(["one: +a b -", "two: +c -"]);
  });

  test("follows a source that publishes again, and leaves the others' pods alone", async () => {
    const one = new ScriptedSource("one", [spec("a"), spec("b")]);
    const { names, changes } = await discover(one, new ScriptedSource("two", [spec("c")]));
    one.tell.publish([spec("b"), spec("d")]);
    expect(names()).toEqual(["b", "c", "d"]);
    expect(changes.at(-1)).toBe("one: +d -a");
  });

  test("is silent when a source publishes what is known", async () => {
    const one = new ScriptedSource("one", [spec("a")]);
    const { changes } = await discover(one);
    one.tell.publish([spec("a")]);
    expect(changes).toHaveLength(1);
  });

  test("reports a change that only removes", async () => {
    const one = new ScriptedSource("one", [spec("a")]);
    const { names, changes } = await discover(one);
    one.tell.publish([]);
    expect(names()).toEqual([]);
    expect(changes.at(-1)).toBe("one: + -a");
  });

  test("takes a pod that two sources name from the first, and keeps it while one of them names it", async () => {
    const one = new ScriptedSource("one", [spec("mine", "10.0.0.1:1")]);
    const two = new ScriptedSource("two", [spec("yours", "10.0.0.1:1")]);
    const { names } = await discover(one, two);
    expect(names()).toEqual(["mine"]);
    one.tell.publish([]);
    expect(names()).toEqual(["yours"]);
    two.tell.publish([]);
    expect(names()).toEqual([]);
  });

  test("says a source's problem, that it lasts, and that it is over, and starts the others", async () => {
    const broken = new ScriptedSource("broken", "no such file");
    const { said, names } = await discover(broken, new ScriptedSource("two", [spec("c")]));
    broken.tell.fail("no such file");
    broken.tell.fail("not readable");
    broken.tell.confirm();
    broken.tell.confirm();
    expect(said).toEqual([
      "broken failed at first: no such file",
      "broken failed again at first: no such file",
      "broken failed at first: not readable",
      "broken recovered",
    ]);
    expect(names()).toEqual(["c"]);
  });

  test("outlives a source that breaks its contract", async () => {
    const rude = new ScriptedSource("rude", []);
    rude.start = () => Promise.reject(new Error("oh"));
    const { said, names } = await discover(rude, new ScriptedSource("two", [spec("c")]));
    expect([said, names()]).toEqual([["rude failed at first: oh"], ["c"]]);
  });

  test("knows which sources have told, and how old that is", async () => {
    const one = new ScriptedSource("one", [spec("a")]);
    const fixed = new ScriptedSource("fixed", [spec("b")]);
    fixed.perishable = false;
    const { discovery, clock } = await discover(one, new ScriptedSource("mute", "later"), fixed);
    clock.ms = 5000;
    expect(discovery.states()).toEqual([
      { name: "one", pool: "default", known: true, pods: 1, ageMs: 5000, problem: "" },
      { name: "mute", pool: "default", known: false, pods: 0, ageMs: 5000, problem: "later" },
      { name: "fixed", pool: "default", known: true, pods: 1, ageMs: 0, problem: "" },
    ]);
    one.tell.confirm();
    clock.ms = 6000;
    expect(discovery.states()[0]).toMatchObject({ ageMs: 1000 });
  });

  test("tells the pools when every source has told", async () => {
    const late = new ScriptedSource("late", "not yet");
    const { pools } = await discover(new ScriptedSource("one", [spec("a")]), late);
    expect(pools.complete).toBe(false);
    late.tell.publish([]);
    expect(pools.complete).toBe(true);
  });

  test("fills each source's pool, and those that a source names itself", async () => {
    const aibrix = new ScriptedSource(
      "aibrix",
      [
        { ...spec("c"), pool: "llama" },
        { ...spec("d"), pool: "qwen" },
      ],
      "",
    );
    const { membersOf, pools } = await discover(new ScriptedSource("one", [spec("a"), spec("b")], "small"), aibrix);
    expect(["small", "llama", "qwen"].map(membersOf)).toEqual([["a", "b"], ["c"], ["d"]]);
    aibrix.tell.publish([{ ...spec("c"), pool: "qwen" }]);
    expect(["small", "llama", "qwen"].map(membersOf)).toEqual([["a", "b"], [], ["c"]]);
    expect(pools.all.map(({ name }) => name)).toEqual(["small", "llama", "qwen"]);
  });

  test("forgets a pool that only a source named, once it has been empty for minutes", async () => {
    const aibrix = new ScriptedSource("aibrix", [{ ...spec("c"), pool: "llama" }], "");
    const { pools, clock } = await discover(new ScriptedSource("one", [], "small"), aibrix);
    aibrix.tell.publish([]);
    clock.ms = 4 * 60_000;
    aibrix.tell.confirm();
    expect(pools.all.map(({ name }) => name)).toEqual(["small", "llama"]);
    clock.ms = 6 * 60_000;
    aibrix.tell.confirm();
    expect(pools.all.map(({ name }) => name)).toEqual(["small"]);
  });

  test("holds a pod of two pools once, in both", async () => {
    const two = new ScriptedSource("two", [spec("a"), spec("b")], "large");
    const { membersOf, names } = await discover(new ScriptedSource("one", [spec("a")], "small"), two);
    expect([names(), membersOf("small"), membersOf("large")]).toEqual([["a", "b"], ["a"], ["a", "b"]]);
  });

  test("keeps what a source published before it failed", async () => {
    const source = new ScriptedSource("flaky", [spec("a")]);
    const { names } = await discover(source);
    source.tell.fail("lost");
    expect(names()).toEqual(["a"]);
  });

  test("copies the published set, which stays the source's own", async () => {
    const pods = [spec("a")];
    const { names } = await discover(new ScriptedSource("one", pods), new ScriptedSource("two", []));
    pods.length = 0;
    expect(names()).toEqual(["a"]);
  });

  test("stops its sources and ignores what they say afterwards", async () => {
    const one = new ScriptedSource("one", [spec("a")]);
    const { discovery, names } = await discover(one);
    discovery.stop();
    expect(one.stopped).toBe(true);
    one.tell.publish([]);
    expect(names()).toEqual(["a"]);
  });
});

describe("Discovery with other sources", () => {
  const never = new Promise(() => {});
  const inPool = (source: ScriptedSource) => ({ source, pool: source.pool, settings: defaultPoolSettings });

  test("changes nothing until it is told to, and then lets go of those that are gone", async () => {
    const old = new ScriptedSource("old", [spec("a"), spec("b")]);
    const stays = new ScriptedSource("stays", [spec("c")]);
    const { discovery, names, changes } = await discover(old, stays);
    const fresh = new ScriptedSource("new", [spec("b"), spec("d")]);
    const replace = await discovery.prepare([stays, fresh].map(inPool), never);
    expect(names()).toEqual(["a", "b", "c"]);
    replace();
    expect(names().sort()).toEqual(["b", "c", "d"]);
    expect(changes.at(-1)).toBe("the configuration: +d -a");
    expect([old.stopped, stays.stopped, fresh.stopped]).toEqual([true, false, false]);
    old.tell.publish([spec("z")]);
    expect(names().sort()).toEqual(["b", "c", "d"]);
  });

  test("keeps a pod that another source names now, with all that is known of it", async () => {
    const { discovery, table } = await discover(new ScriptedSource("old", [spec("a")]));
    const [before] = table.pods();
    (await discovery.prepare([inPool(new ScriptedSource("new", [spec("a")]))], never))();
    expect(table.pods()).toEqual([before]);
  });

  test("believes the old source of a pool until the new one can tell its pods", async () => {
    const old = new ScriptedSource("old", [spec("a")]);
    const { discovery, names } = await discover(old);
    const broken = new ScriptedSource("new", "no route");
    (await discovery.prepare([inPool(broken)], never))();
    expect([names(), old.stopped]).toEqual([["a"], false]);
    expect(discovery.states()).toMatchObject([{ name: "new", known: false, problem: "no route" }]);
    broken.tell.publish([spec("b")]);
    expect([names(), old.stopped]).toEqual([["b"], true]);
  });

  test("does not wait for a source that says nothing", async () => {
    const { discovery, names } = await discover(new ScriptedSource("old", [spec("a")]));
    const silent = new ScriptedSource("silent", []);
    silent.start = () => new Promise(() => {});
    (await discovery.prepare([inPool(silent)], Promise.resolve()))();
    expect(names()).toEqual(["a"]);
  });

  test("leaves no source running that came too late, after the stop", async () => {
    const { discovery, names } = await discover(new ScriptedSource("old", [spec("a")]));
    const fresh = new ScriptedSource("new", [spec("b")]);
    const replace = await discovery.prepare([inPool(fresh)], never);
    discovery.stop();
    replace();
    expect([names(), fresh.stopped]).toEqual([["a"], true]);
  });

  test("takes a pool that is gone away at once", async () => {
    const old = new ScriptedSource("old", [spec("a")], "old");
    const { discovery, names } = await discover(old);
    (await discovery.prepare([inPool(new ScriptedSource("new", "no route", "new"))], never))();
    expect([names(), old.stopped]).toEqual([[], true]);
  });
});
