import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ApiProblem } from "../../../../src/discovery/kubernetes/api-problem.ts";
import { Malformed } from "../../../../src/discovery/kubernetes/kube-json.ts";
import { ListWatch, listWatchDefaults } from "../../../../src/discovery/kubernetes/list-watch.ts";
import { type ApiObject, ScriptedApi } from "./scripted-api.ts";

const thing = (name: string, extra: ApiObject = {}) => ({ metadata: { name, resourceVersion: "7", ...extra } });

/** A list-watch of things, and what it told: the names it holds, with "*" while a watch is open. */
function run({ random = 0 } = {}) {
  const api = new ScriptedApi();
  const log: string[] = [];
  const skipped: string[] = [];
  const problems: ApiProblem[] = [];
  const watch = new ListWatch<string>(
    api,
    { group: "g", version: "v1", plural: "things", namespace: "ns", labelSelector: "a=b" },
    {
      read(object) {
        if ("bad" in object) return new Malformed("is bad");
        return "unwanted" in object ? undefined : "kept";
      },
      synced: () =>
        void log.push([...(watch.items?.keys() ?? [])].map((key) => key.slice(1)).join() + (watch.healthy ? "*" : "")),
      failed(problem) {
        problems.push(problem);
        log.push(problem.kind);
      },
      skipped: (problem) => void skipped.push(problem),
    },
    { ...listWatchDefaults, random: () => random },
  );
  watch.start();
  /** The first list and an open watch. */
  const begin = async (...names: string[]) => {
    (await api.next()).list(
      names.map((name) => thing(name)),
      "10",
    );
    return (await api.next()).open();
  };
  return { api, watch, log, skipped, problems, begin };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

describe("ListWatch", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("lists in pages, then watches from the list's version with bookmarks and an end", async () => {
    const { api, log } = run();
    const first = await api.next();
    expect(first.path).toBe("/apis/g/v1/namespaces/ns/things");
    expect(first.query).toEqual({ labelSelector: "a=b", limit: "50" });
    first.list([thing("a")], "9", "more");
    const second = await api.next();
    expect(second.query).toEqual({ labelSelector: "a=b", limit: "50", continue: "more" });
    second.list([thing("b")], "10");
    const watching = await api.next();
    expect(watching.query).toEqual({
      ...{ labelSelector: "a=b", watch: "1", allowWatchBookmarks: "true" },
      ...{ resourceVersion: "10", timeoutSeconds: "15" },
    });
    expect(log).toEqual(["a,b"]);
    watching.open();
    await settle();
    expect(log).toEqual(["a,b", "a,b*"]);
  });

  test("asks all namespaces and the core group under their own paths", async () => {
    const api = new ScriptedApi();
    const quiet = { read: () => undefined, synced() {}, failed() {}, skipped() {} };
    new ListWatch(
      api,
      { group: "", version: "v1", plural: "pods", fieldSelector: "f" },
      quiet,
      listWatchDefaults,
    ).start();
    expect(await api.next()).toMatchObject({ path: "/api/v1/pods", query: { fieldSelector: "f", limit: "50" } });
  });

  test("follows what joins, changes and leaves, several events at a time", async () => {
    const { log, begin } = run();
    const watching = await begin("a", "b");
    watching.send(["ADDED", thing("c")], ["DELETED", thing("a")]);
    await settle();
    expect(log.at(-1)).toBe("b,c*");
    watching.send(["MODIFIED", { ...thing("b"), unwanted: 1 }]);
    await settle();
    expect(log.at(-1)).toBe("c*");
  });

  test("reads an event that comes in pieces, in the middle of a character too", async () => {
    const { log, begin } = run();
    const watching = await begin();
    const bytes = Buffer.from(`${JSON.stringify({ type: "ADDED", object: thing("é") })}\n`);
    const cut = bytes.indexOf(0xa9);
    watching.body.write(bytes.subarray(0, cut));
    await settle();
    expect(log.at(-1)).toBe("*");
    watching.body.write(bytes.subarray(cut));
    await settle();
    expect(log.at(-1)).toBe("é*");
  });

  test("watches on from the last version after a clean end, which it tells as a heartbeat", async () => {
    const { api, log, begin } = run();
    const watching = await begin("a");
    watching.send(["BOOKMARK", { metadata: { resourceVersion: "42" } }]);
    await vi.advanceTimersByTimeAsync(15_000);
    const before = log.length;
    watching.end();
    const next = await api.next();
    expect(next.query["resourceVersion"]).toBe("42");
    expect(log.slice(before)).toEqual(["a*"]);
  });

  test("lists anew after five minutes, and so finds a swallowed end of an object", async () => {
    const { api, log, begin } = run({ random: 0.5 });
    let watching = await begin("a", "b");
    for (let second = 15; second < 300; second += 15) {
      await vi.advanceTimersByTimeAsync(15_000);
      watching.end();
      watching = (await api.next()).open();
      expect(watching.isWatch, `at ${second} s`).toBe(true);
    }
    await vi.advanceTimersByTimeAsync(15_000);
    watching.end();
    await vi.advanceTimersByTimeAsync(100);
    const relist = await api.next();
    expect(relist.isWatch).toBe(false);
    relist.list([thing("b")], "50");
    expect((await api.next()).query["resourceVersion"]).toBe("50");
    expect(log.at(-1)).toBe("b*");
  });

  test.each([
    ["is cut", (request: { fail(message: string): void }) => request.fail("other side closed"), "other"],
    ["ends in the middle of an event", (request) => request.tail('{"type":'), "other"],
    ["sends what is no JSON", (request) => request.body.write("nonsense\n"), "other"],
    ["sends an event of a type nobody knows", (request) => request.send(["RENAMED", thing("x")]), "other"],
    ["ends with another error", (request) => request.send(["ERROR", { code: 500, message: "etcd" }]), "other"],
    ["ends long before its time", (request) => request.end(), undefined],
    ["has expired", (request) => request.send(["ERROR", { code: 410, reason: "Expired" }]), undefined],
  ] as [string, (request: Awaited<ReturnType<ReturnType<typeof run>["begin"]>>) => void, string | undefined][])(
    "lists anew after a watch that %s",
    async (_title, upset, told) => {
      const { api, problems, begin, watch } = run();
      const watching = await begin("a", "b");
      await vi.advanceTimersByTimeAsync(2_000);
      upset(watching);
      await vi.advanceTimersByTimeAsync(1);
      const relist = await api.next();
      expect(relist.isWatch).toBe(false);
      expect(problems.map(({ kind }) => kind)).toEqual(told === undefined ? [] : [told]);
      relist.list([thing("b")], "60");
      (await api.next()).open();
      await settle();
      expect([...(watch.items?.keys() ?? [])]).toEqual(["/b"]);
    },
  );

  test("lists anew when the version to watch from is refused as expired, and tells nothing", async () => {
    const { api, log } = run();
    (await api.next()).list([], "1");
    (await api.next()).answer(410, { message: "too old resource version" });
    await vi.advanceTimersByTimeAsync(1);
    expect((await api.next()).isWatch).toBe(false);
    expect(log).toEqual([""]);
  });

  test("starts the list again when a page of it has expired", async () => {
    const { api, watch } = run();
    (await api.next()).list([thing("a")], "1", "more");
    (await api.next()).answer(410);
    await vi.advanceTimersByTimeAsync(1);
    const again = await api.next();
    expect(again.query["continue"]).toBeUndefined();
    again.list([thing("b")]);
    await api.next();
    expect([...(watch.items?.keys() ?? [])]).toEqual(["/b"]);
  });

  test("gives up a watch that is silent past its end, and says so", async () => {
    const { api, log, problems, begin } = run();
    const watching = await begin("a");
    await vi.advanceTimersByTimeAsync(19_999);
    expect(watching.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(watching.signal.aborted).toBe(true);
    expect(log.at(-1)).toBe("hung");
    expect(problems[0]?.message).toBe(
      "the Kubernetes API has fallen silent about things.g in namespace ns: no end within 20 s",
    );
    await vi.advanceTimersByTimeAsync(1);
    expect((await api.next()).isWatch).toBe(false);
  });

  test("gives up a list that does not come", async () => {
    const { api, log } = run();
    const list = await api.next();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(list.signal.aborted).toBe(true);
    expect(log).toEqual(["hung"]);
  });

  test("is not healthy between trouble and the next open watch, and keeps what it holds", async () => {
    const { api, log, watch, begin } = run();
    const watching = await begin("a");
    await settle();
    expect(watch.healthy).toBe(true);
    watching.fail("gone");
    await vi.advanceTimersByTimeAsync(1);
    expect(watch.healthy).toBe(false);
    expect([...(watch.items?.keys() ?? [])]).toEqual(["/a"]);
    (await api.next()).list([thing("a")]);
    const next = await api.next();
    expect(log.at(-1)).toBe("a");
    next.open();
    await settle();
    expect(log.at(-1)).toBe("a*");
  });

  test("tries again at once, then after half a second doubling to ten, with jitter", async () => {
    const { api } = run({ random: 1 });
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      const request = await api.next();
      request.fail("refused");
      const from = performance.now();
      const asked = api.asked.length;
      while (api.asked.length === asked) await vi.advanceTimersByTimeAsync(50);
      waits.push(performance.now() - from);
    }
    expect(waits).toEqual([100, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    const half = run({ random: 0 });
    (await half.api.next()).fail("refused");
    await vi.advanceTimersByTimeAsync(1);
    (await half.api.next()).fail("refused");
    await vi.advanceTimersByTimeAsync(249);
    expect(half.api.asked).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(half.api.asked).toHaveLength(3);
  });

  test("does not hammer a server that ends every watch at once", async () => {
    const { api } = run({ random: 1 });
    for (let i = 0; i < 5; i++) {
      (await api.next()).list([]);
      (await api.next()).open().end();
      await vi.advanceTimersByTimeAsync(10_000);
    }
    const asked = api.asked.length;
    (await api.next()).list([]);
    (await api.next()).open().end();
    await vi.advanceTimersByTimeAsync(7_900);
    expect(api.asked).toHaveLength(asked + 1);
    await vi.advanceTimersByTimeAsync(100);
    expect(api.asked).toHaveLength(asked + 2);
  });

  test.each([
    [401, "refused", [1_000], "the Kubernetes API does not accept the credentials (401) for things.g in namespace ns"],
    [
      403,
      "refused",
      [30_000],
      'things is forbidden: User "u" cannot list: needs list and watch on things.g in namespace ns (see deploy/kubernetes/rbac.yaml)',
    ],
    [404, "absent", [10_000], "the Kubernetes API has no things.g"],
    [
      503,
      "other",
      [10_000],
      'the Kubernetes API answers 503 for things.g in namespace ns: things is forbidden: User "u" cannot list',
    ],
  ])("tells %i as one sentence and has old credentials read anew", async (status, kind, renewals, message) => {
    const { api, problems } = run();
    (await api.next()).answer(status, { message: 'things is forbidden: User "u"\n cannot list' });
    await settle();
    expect(problems).toEqual([expect.objectContaining({ kind, message, status })]);
    expect(api.renewals).toEqual(renewals);
    await vi.advanceTimersByTimeAsync(1);
    (await api.next()).list([]);
  });

  test("tells a refusal that is no Status object too", async () => {
    const { api, problems } = run();
    const request = await api.next();
    request.raw(403, "<html>");
    request.end();
    await settle();
    expect(problems[0]?.message).toMatch(/^things.g is forbidden: needs list and watch/);
  });

  test.each([["nonsense"], ["{}"], ['{"items":{}}']])("takes the answer %j for no list", async (text) => {
    const { api, problems } = run();
    const request = await api.next();
    request.raw(200, text);
    request.end();
    await settle();
    expect(problems[0]?.message).toMatch(/^cannot ask the Kubernetes API for things.g in namespace ns: /);
  });

  test("passes over objects that make no sense, and forgets what they were", async () => {
    const { skipped, watch, begin } = run();
    const watching = await begin("a", "b");
    watching.send(["MODIFIED", { ...thing("a"), bad: 1 }], ["ADDED", {}], ["DELETED", {}], ["ADDED", thing("c")]);
    await settle();
    expect([...(watch.items?.keys() ?? [])]).toEqual(["/b", "/c"]);
    expect(skipped).toEqual(["things /a: is bad", "an object among things has no name"]);
  });

  test("keeps objects of the same name in several namespaces apart", async () => {
    const { watch, begin } = run();
    const watching = await begin();
    watching.send(["ADDED", thing("a", { namespace: "x" })], ["ADDED", thing("a", { namespace: "y" })]);
    await settle();
    expect([...(watch.items?.keys() ?? [])]).toEqual(["x/a", "y/a"]);
  });

  test.each([
    ["a list", async (rig: ReturnType<typeof run>) => void (await rig.api.next())],
    ["a watch", async (rig: ReturnType<typeof run>) => void (await rig.begin("a"))],
    ["a pause", async (rig: ReturnType<typeof run>) => (await rig.api.next()).fail("refused")],
  ])("ends everything when stopped during %s", async (_title, reach) => {
    const rig = run();
    await reach(rig);
    await settle();
    const told = rig.log.length;
    rig.watch.stop();
    await settle();
    expect(rig.api.asked.at(-1)?.signal.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(rig.log).toHaveLength(told);
  });

  test("asks for nothing when it is stopped between two pages", async () => {
    const { api, watch, log } = run();
    (await api.next()).list([], "1", "more");
    const page = await api.next();
    watch.stop();
    page.list([]);
    await settle();
    expect(api.asked).toHaveLength(2);
    expect(log).toEqual([]);
  });
});
