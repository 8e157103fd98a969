import { beforeEach, describe, expect, test } from "vitest";
import { InFlight } from "../../../src/accounting/in-flight.ts";
import { type GoFamilies, goFamilies } from "../../../src/observe/go-families.ts";
import { FlowTickets } from "../../../src/observe/go-flows.ts";
import { readGoGauges } from "../../../src/observe/go-gauges.ts";
import { Metrics } from "../../../src/observe/metrics.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../../src/pods/pool.ts";
import { Pools } from "../../../src/pods/pools.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";

let table: PodTable;
let families: GoFamilies;
let flows: FlowTickets;
let inFlight: InFlight;
const { instruments } = new Metrics("test");

beforeEach(() => {
  table = new PodTable();
  families = goFamilies();
  flows = new FlowTickets();
  table.reconcile(["a", "b", "c"].map((name, i) => ({ name, address: `10.0.0.${i + 1}:8000` })));
  const pools = new Pools({ table, models: new ServedModels() });
  pools.obtain("one", defaultPoolSettings).assign(table.pods());
  pools.obtain("empty", defaultPoolSettings).assign([]);
  inFlight = new InFlight(table, () => 0);
  readGoGauges(families, {
    ...{ version: "1.2.3", table, pools, flows, scrapes: instruments.scrapes },
    namespaceOf: (pool) => `of-${pool}`,
    indexEntries: () => 7,
    openStreams: () => 3,
  });
});

const samples = (name: keyof GoFamilies): string[] =>
  families[name]
    .text()
    .split("\n")
    .filter((line) => /^[a-z]/.test(line));

describe("the gauges of pools", () => {
  test("are means and deviations of the pods whose reading is known, absent without any", () => {
    const { waiting, kvUsage } = table.columns;
    for (const [i, pod] of table.pods().entries()) {
      waiting[pod.slot] = [2, 6, Number.NaN][i]!;
      kvUsage[pod.slot] = 0.25;
    }
    expect(samples("averageQueue")).toEqual([
      'llm_d_epp_average_queue_size{name="one"} 4',
      'inference_pool_average_queue_size{name="one"} 4',
    ]);
    expect(samples("deviationQueue")).toEqual(['llm_d_epp_std_dev_queue_size{name="one"} 2']);
    expect(samples("averageKvUsage")[0]).toBe('llm_d_epp_average_kv_cache_utilization{name="one"} 0.25');
    expect(samples("deviationKvUsage")).toEqual(['llm_d_epp_std_dev_kv_cache_utilization{name="one"} 0']);
    expect(samples("averageRunning")).toEqual([]);
    expect(samples("podQueue")).toEqual([
      'llm_d_epp_per_endpoint_queue_size{model_server_endpoint="a",name="one"} 2',
      'llm_d_epp_per_endpoint_queue_size{model_server_endpoint="b",name="one"} 6',
      'inference_pool_per_pod_queue_size{model_server_pod="a",name="one"} 2',
      'inference_pool_per_pod_queue_size{model_server_pod="b",name="one"} 6',
    ]);
  });

  test("count the pods that answer and are not set aside, 0 where there is none", () => {
    const [first, second] = table.pods();
    table.reachable[first!.slot] = 0;
    table.setAside[second!.slot] = 1;
    expect(samples("ready")).toEqual([
      'llm_d_epp_ready_endpoints{name="one"} 1',
      'llm_d_epp_ready_endpoints{name="empty"} 0',
      'inference_pool_ready_pods{name="one"} 1',
      'inference_pool_ready_pods{name="empty"} 0',
    ]);
  });
});

test("what is in flight is told by pod and flow, and adds up to the pod's own count", () => {
  const [a, b] = table.pods();
  inFlight.open(a!, 10);
  flows.add(inFlight.open(a!, 20), "t", "5");
  const moved = inFlight.open(a!, 40);
  flows.add(moved, "t", "5");
  inFlight.move(moved, b!);
  const line = (pod: string, tenant: string, priority: string, value: number) =>
    `{endpoint_name="${pod}",fairness_id="${tenant}",namespace="of-one",priority="${priority}",producer_name="inflight-load-producer"} ${value}`;
  expect(samples("podRequests").map((text) => text.replace("llm_d_epp_inflight_requests", ""))).toEqual([
    line("a", "t", "5", 1),
    line("a", "default-flow", "0", 1),
    line("b", "t", "5", 1),
    line("b", "default-flow", "0", 0),
    line("c", "default-flow", "0", 0),
  ]);
  expect(samples("podTokens")[0]).toBe(`llm_d_epp_inflight_tokens${line("a", "t", "5", 20)}`);
  expect(samples("podTokens")[1]).toBe(`llm_d_epp_inflight_tokens${line("a", "default-flow", "0", 10)}`);
});

test("scrapes that fail are errors of polling or of reading, by their outcome", () => {
  for (const outcome of ["ok", "ok", "refused", "timeout", "partial"]) instruments.scrapes.add({ outcome });
  expect(samples("pollErrors")).toEqual([
    'llm_d_epp_datalayer_poll_errors_total{source_type="metrics-data-source"} 2',
    'llm_d_inference_scheduler_datalayer_poll_errors_total{source_type="metrics-data-source"} 2',
  ]);
  expect(samples("extractErrors")[0]).toBe(
    'llm_d_epp_datalayer_extract_errors_total{extractor_type="core-metrics-extractor",source_type="metrics-data-source"} 1',
  );
});

test("version, index and open streams are told as they are", () => {
  expect(samples("info")[0]).toBe('llm_d_epp_info{build_ref="1.2.3",commit="unknown"} 1');
  expect(samples("indexSize")).toEqual([
    'llm_d_epp_prefix_indexer_size{plugin_name="approx-prefix-cache-producer",plugin_type="approx-prefix-cache-producer"} 7',
    "inference_extension_prefix_indexer_size 7",
  ]);
  expect(samples("streamsOpen")).toEqual(["llm_d_epp_extproc_streams_inflight 3"]);
});

test("FlowTickets forgets tickets that are over, and those of pods that have left", () => {
  const [a, b] = table.pods();
  const over = inFlight.open(a!, 1);
  flows.add(over, "t", "0");
  flows.add(inFlight.open(b!, 1), "t", "0");
  inFlight.close(over);
  table.reconcile([{ name: "a", address: "10.0.0.1:8000" }]);
  expect(flows.loads(table)).toEqual([]);
});
