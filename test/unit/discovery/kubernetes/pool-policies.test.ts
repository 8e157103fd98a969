import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { PoolPolicies } from "../../../../src/discovery/kubernetes/pool-policies.ts";
import { watchParts } from "../../../../src/discovery/kubernetes/source-parts.ts";
import type { PodSource } from "../../../../src/discovery/pod-source.ts";
import { RewriteBook } from "../../../../src/rewrite/rewrite-rules.ts";
import { Objectives } from "../../../../src/routing/objectives.ts";
import { HeardEvents } from "../../../support/heard-events.ts";
import { type ApiObject, type ApiRequest, ScriptedApi } from "./scripted-api.ts";

const groups = { new: "/apis/llm-d.ai/v1alpha2", old: "/apis/inference.networking.x-k8s.io/v1alpha2" } as const;
type Group = keyof typeof groups;

const metadata = (name: string) => ({ name, namespace: "ns", creationTimestamp: "2026-01-02T03:04:05Z" });
const rewrite = (name: string, target: string, pool = "pool"): ApiObject => ({
  metadata: metadata(name),
  spec: {
    poolRef: { name: pool },
    rules: [{ matches: [{ model: { value: "alias" } }], targets: [{ modelRewrite: target }] }],
  },
});
const objective = (name: string, priority: number): ApiObject => ({
  metadata: metadata(name),
  spec: { poolRef: { name: "pool" }, priority },
});

const settle = () => vi.advanceTimersByTimeAsync(1);

function run() {
  const api = new ScriptedApi();
  const problems: string[] = [];
  const skipped: string[] = [];
  const calls: string[] = [];
  const pods: PodSource = {
    name: "InferencePool ns/pool",
    perishable: true,
    start: async () => void calls.push("start"),
    stop: () => void calls.push("stop"),
  };
  const books = {
    rewrites: new RewriteBook(),
    objectives: new Objectives(),
    onProblem: (problem: string) => void problems.push(problem),
  };
  const parts = watchParts({ api, options: { random: () => 0 }, onSkipped: (problem) => void skipped.push(problem) });
  const source = new PoolPolicies(pods, { namespace: "ns", name: "pool", pool: "p" }, books, parts);
  let isStarted = false;
  const started = source.start(new HeardEvents()).then(() => {
    isStarted = true;
  });
  const pathOf = (group: Group, plural: string) => `${groups[group]}/namespaces/ns/${plural}`;
  const listed = async (group: Group, plural: string, ...objects: ApiObject[]): Promise<ApiRequest> => {
    const path = pathOf(group, plural);
    (await api.next(path)).list(objects);
    const watch = (await api.next(path)).open();
    await settle();
    return watch;
  };
  const answered = async (group: Group, plural: string, status: number) => {
    (await api.next(pathOf(group, plural))).answer(status, { message: "said" });
    await settle();
  };
  return {
    ...{ api, problems, skipped, calls, books, source, started, listed, answered },
    isStarted: () => isStarted,
    target: () => books.rewrites.exactRule("alias", "p")?.targets[0],
    priority: (name: string) => books.objectives.priorityOf("p", name),
  };
}

const REWRITES = "inferencemodelrewrites";
const OBJECTIVES = "inferenceobjectives";

describe("PoolPolicies", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("keeps what the new group has, follows its changes, and passes over objects of other pools", async () => {
    const { listed, answered, target, priority, books } = run();
    await answered("old", REWRITES, 404);
    await answered("old", OBJECTIVES, 404);
    const watch = await listed("new", REWRITES, rewrite("r", "x"), rewrite("s", "y", "other"));
    const objectives = await listed("new", OBJECTIVES, objective("batch", -3));
    expect([target(), priority("batch"), priority("other")]).toEqual(["x", -3, 0]);
    watch.send(["MODIFIED", rewrite("r", "z")]);
    objectives.send(["DELETED", objective("batch", -3)], ["ADDED", objective("live", 2)]);
    await settle();
    expect([target(), priority("batch"), priority("live")]).toEqual(["z", 0, 2]);
    watch.send(["DELETED", rewrite("r", "z")]);
    await settle();
    expect(books.rewrites.isEmpty).toBe(true);
  });

  test("reads the old group where the new one is not there, and turns to the new one when it comes", async () => {
    const { listed, answered, target } = run();
    await listed("old", REWRITES, rewrite("r", "old"));
    expect(target()).toBeUndefined();
    await answered("new", REWRITES, 404);
    expect(target()).toBe("old");
    await vi.advanceTimersByTimeAsync(1_000);
    await listed("new", REWRITES, rewrite("r", "new"));
    expect(target()).toBe("new");
  });

  test("reads the new group alone where both are there", async () => {
    const { listed, target } = run();
    await listed("old", REWRITES, rewrite("r", "old"));
    await listed("new", REWRITES);
    expect(target()).toBeUndefined();
  });

  test("asks once a minute at most for a kind that is in no group, and tells nobody", async () => {
    const { api, problems, isStarted, calls } = run();
    const answerAll = async (ms: number) => {
      const before = api.asked.length;
      for (let passed = 0; passed < ms; passed += 1_000) {
        for (const request of api.asked) request.answer(404);
        await vi.advanceTimersByTimeAsync(1_000);
      }
      return api.asked.length - before;
    };
    await answerAll(300_000);
    expect(await answerAll(600_000)).toBeLessThanOrEqual(4 * 21);
    expect([problems, isStarted(), calls]).toEqual([[], true, ["start"]]);
  });

  test("tells once of a right that is missing, and goes on with the other group", async () => {
    const { api, listed, target, problems, isStarted, answered } = run();
    await listed("old", REWRITES, rewrite("r", "old"));
    await answered("new", OBJECTIVES, 404);
    await answered("old", OBJECTIVES, 404);
    for (let tries = 0; tries < 3; tries++) {
      (await api.next(`${groups.new}/namespaces/ns/${REWRITES}`)).answer(403, { message: "no" });
      await vi.advanceTimersByTimeAsync(1_500);
    }
    expect(problems).toEqual([expect.stringMatching(/^no: needs list and watch on inferencemodelrewrites.llm-d.ai /)]);
    expect([target(), isStarted()]).toEqual(["old", true]);
  });

  test("passes over an object that makes no sense, and says which", async () => {
    const { listed, answered, skipped, target } = run();
    await answered("old", REWRITES, 404);
    const broken = { metadata: metadata("bad"), spec: { poolRef: { name: "pool" }, rules: [{ targets: [] }] } };
    await listed("new", REWRITES, broken, rewrite("r", "x"));
    expect(skipped).toEqual(["inferencemodelrewrites ns/bad: has a rule without targets"]);
    expect(target()).toBe("x");
  });

  test("forgets everything at its end, and ends with its pods", async () => {
    const { listed, answered, source, calls, target, started, priority } = run();
    await answered("old", REWRITES, 404);
    await listed("new", REWRITES, rewrite("r", "x"));
    await listed("new", OBJECTIVES, objective("batch", 1));
    expect(target()).toBe("x");
    source.stop();
    await started;
    expect([target(), priority("batch"), calls]).toEqual([undefined, 0, ["start", "stop"]]);
  });
});
