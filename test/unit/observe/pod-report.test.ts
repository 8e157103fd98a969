import { expect, test } from "vitest";
import { Metrics } from "../../../src/observe/metrics.ts";
import { readPodGauges } from "../../../src/observe/pod-report.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { sumOf } from "../../support/picker-process.ts";

function rig(...names: string[]) {
  const table = new PodTable();
  const specs = (wanted: readonly string[]) => wanted.map((name) => ({ name, address: `${name}:8000` }));
  table.reconcile(specs(names));
  const metrics = new Metrics("1.0.0");
  readPodGauges(table, { ageMs: (pod) => (pod.name === "a" ? 1500 : Number.NaN) }, metrics.instruments);
  const samples = async () => (await metrics.render()).split("\n").filter((line) => /^pointsman_pod_\w+{/.test(line));
  return { table, metrics, samples, reconcile: (...wanted: string[]) => table.reconcile(specs(wanted)) };
}

test("readPodGauges tells every pod's readings, and nothing of those that are unknown", async () => {
  const { table, samples } = rig("a", "b");
  const [a, b] = table.pods();
  table.columns.waiting[a!.slot] = 3;
  table.columns.running[a!.slot] = 4;
  table.columns.kvUsage[a!.slot] = 0.5;
  table.columns.inFlight[a!.slot] = 6;
  table.reachable[b!.slot] = 0;
  table.setAside[b!.slot] = 1;
  expect(await samples()).toEqual([
    'pointsman_pod_waiting{pod="a"} 3',
    'pointsman_pod_running{pod="a"} 4',
    'pointsman_pod_kv_usage{pod="a"} 0.5',
    'pointsman_pod_in_flight{pod="a"} 6',
    'pointsman_pod_in_flight{pod="b"} 0',
    'pointsman_pod_scrape_age_seconds{pod="a"} 1.5',
    'pointsman_pod_set_aside{pod="a"} 0',
    'pointsman_pod_set_aside{pod="b"} 1',
    'pointsman_pod_reachable{pod="a"} 1',
    'pointsman_pod_reachable{pod="b"} 0',
  ]);
});

test("readPodGauges forgets a pod that left", async () => {
  const { samples, reconcile } = rig("a", "b");
  reconcile("b");
  expect(await samples()).toEqual([
    'pointsman_pod_in_flight{pod="b"} 0',
    'pointsman_pod_set_aside{pod="b"} 0',
    'pointsman_pod_reachable{pod="b"} 1',
  ]);
});

test("readPodGauges follows a table that grows", async () => {
  const { metrics, reconcile } = rig("a");
  await metrics.render();
  reconcile(...Array.from({ length: 200 }, (_, i) => `pod-${i}`));
  expect(sumOf(await metrics.render(), "pointsman_pod_reachable")).toBe(200);
});
