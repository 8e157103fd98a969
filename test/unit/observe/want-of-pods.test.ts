import { expect, test } from "vitest";
import type { SourceState } from "../../../src/discovery/discovery.ts";
import type { Logger } from "../../../src/observe/log.ts";
import { WantOfPods } from "../../../src/observe/want-of-pods.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../../src/pods/pool.ts";
import { Pools } from "../../../src/pods/pools.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";

function rig() {
  const table = new PodTable();
  const pools = new Pools({ table, models: new ServedModels() });
  const said: string[] = [];
  const say = (level: string) => (fields: object, text: string) =>
    said.push(`${level} ${JSON.stringify(fields)} ${text.split(/[:;]/, 1)[0]}`);
  const log = { info: say("info"), warn: say("warn"), error: say("error") } as unknown as Logger;
  const sources: SourceState[] = [];
  const want = new WantOfPods({ log, table, pools: () => pools.all, sources: () => sources });
  const look = () => {
    said.length = 0;
    want.look();
    return [...said];
  };
  return { table, pools, sources, look };
}

const source: SourceState = { name: "labels app=vlmm", pool: "p", known: false, pods: 0, ageMs: 0, problem: "" };

test("WantOfPods says once that a source tells an empty set, and once that this is over", () => {
  const { sources, look } = rig();
  sources.push(source);
  expect(look()).toEqual([]);
  sources[0] = { ...source, known: true };
  expect(look()).toEqual(['warn {"source":"labels app=vlmm","pool":"p"} a source of pods tells an empty set']);
  expect(look()).toEqual([]);
  sources[0] = { ...source, known: true, pods: 2 };
  expect(look()).toEqual([
    'info {"source":"labels app=vlmm","pool":"p"} a source of pods that told an empty set has pods now',
  ]);
  expect(look()).toEqual([]);
});

test("WantOfPods says once that no pod of a pool can be used, and once that one can again", () => {
  const { table, pools, look } = rig();
  table.reconcile(["a", "b"].map((name) => ({ name, address: `${name}:1` })));
  pools.obtain("p", defaultPoolSettings).assign(table.pods());
  const [a, b] = table.pods();
  table.reachable[a!.slot] = 0;
  expect(look()).toEqual([]);
  table.setAside[b!.slot] = 1;
  expect(look()).toEqual(['error {"pool":"p","pods":2} no pod of the pool can be used']);
  expect(look()).toEqual([]);
  table.reachable[a!.slot] = 1;
  expect(look()).toEqual(['info {"pool":"p","pods":2} the pool\'s pods can be used again']);
});
