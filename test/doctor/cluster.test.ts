/** Faults of the cluster that is to use the pick: a retry, a fallback, a second pool, an empty list. Each is made for real. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Edit, places, podsAt, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import { edits, routes } from "../support/doctor-faults.ts";
import { examined, hasEnvoy } from "../support/doctor-rig.ts";
import { scripted, seenWith } from "../support/doctor-scripts.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { goOn, type Script, withMetadata } from "../support/scripted-picker.ts";

const HEADER = "x-gateway-destination-endpoint";
const NOBODY = "127.0.0.1:1";
const { failsOpen } = edits;
const retrying: Edit = {
  op: "add",
  at: [...routes, 0, "route", "retry_policy"],
  to: { retry_on: "connect-failure", num_retries: 2, retry_back_off: { base_interval: "0.01s" } },
};

describe.skipIf(!(await hasEnvoy()))("the cluster", () => {
  let pods: EchoPods;

  beforeAll(async () => {
    pods = await startEchoPods(2);
  });

  afterAll(() => pods?.close());

  const fine: Script = (message) => goOn(message, { [HEADER]: pods.addresses[0]! });

  describe("row 36: the retry", () => {
    test("goes to the dead pod again, for one address is all that the cluster takes", async () => {
      const script: Script = (message) => goOn(message, { [HEADER]: NOBODY });
      const again = { row: 36, also: [7], status: 503, byLines: 7, byCounters: 7 };
      const seen = await scripted(script, { ...again, edits: [retrying], proof: /"URX,UF"/ });
      expect(seen.verdict.first?.evidence.map(({ text }) => text).join("\n")).toMatch(/retry_policy: .*num_retries/);
    });

    test("is a risk as long as no pod fails", async () => {
      const seen = await seenWith(fine, { edits: [retrying] });
      expect([seen.row, seen.risks], seen.report).toEqual([undefined, [36]]);
    });

    test("meets each pod twice where header and metadata are both read", async () => {
      const sources = [...places.pods, "load_balancing_policy", "policies", 0, "typed_extension_config"];
      const both: Edit = {
        op: "add",
        at: [...sources, "typed_config", "override_host_sources", 0],
        to: { header: HEADER },
      };
      const seen = await seenWith(fine, { shipped: "override-host.yaml", edits: [podsAt(pods.addresses), both] });
      expect([seen.row, seen.risks], seen.report).toEqual([undefined, [36]]);
      expect(seen.report).toContain("each pod stands in the list twice");
    });
  });

  describe("row 37: failing open with nowhere to go", () => {
    test("is a risk while the picker is well", async () => {
      const seen = await seenWith(fine, { edits: [failsOpen] });
      expect([seen.row, seen.risks], seen.report).toEqual([undefined, [37]]);
    });

    test("the pool says so, and the gateway made a filter that fails closed", async () => {
      const { sources } = await seenWith(fine, {});
      const pool = `
apiVersion: inference.networking.k8s.io/v1
kind: InferencePool
metadata: { name: vllm, namespace: default }
spec: { endpointPickerRef: { name: pointsman, failureMode: FailOpen } }`;
      const seen = examined([...sources, { name: "pool.yaml", text: pool }]);
      expect([seen.row, seen.risks], seen.report).toEqual([undefined, [37]]);
    });
  });

  describe("row 38: two pools in one rule", () => {
    const mixed = async () => {
      const second: Edit = { op: "add", at: ["static_resources", "clusters", 0], to: secondPool() };
      const clusters = ["pods", "pods-b"].map((name) => ({ name, weight: 1 }));
      const both: Edit = { op: "add", at: [...routes, 0, "route", "weighted_clusters"], to: { clusters } };
      const one: Edit = { op: "remove", at: [...routes, 0, "route", "cluster"] };
      const picks: Script = (message) => withMetadata(fine(message), pods.addresses[0]!);
      const edits = [podsAt([pods.addresses[0]!]), second, one, both];
      return seenWith(picks, { shipped: "override-host.yaml", edits }, { times: 4 });
    };

    /** The cluster of the shipped file once more, with the other pod. */
    function secondPool(): object {
      const config = renderEnvoyConfig("override-host.yaml", [podsAt([pods.addresses[1]!])]);
      const { clusters } = config["static_resources"] as { clusters: { name: string }[] };
      return { ...clusters.find(({ name }) => name === "pods"), name: "pods-b" };
    }

    test("is a risk by the configuration, and a fault with a request that found nobody", async () => {
      const seen = await mixed();
      expect([seen.row, seen.risks], seen.report).toEqual([undefined, [38]]);
      expect(seen.report).toContain("leads to pods and pods-b, and picker is asked for both");
      const lost = {
        method: "POST",
        response_code: 503,
        response_flags: "UH",
        response_code_details: "no_healthy_upstream",
        upstream_cluster: "pods-b",
      };
      const met = examined([
        ...seen.sources.filter(({ name }) => name !== "access.log"),
        { name: "access.log", text: JSON.stringify(lost) },
      ]);
      expect([met.row, met.also], met.report).toEqual([38, []]);
    });

    test("is a risk by the objects, where the gateway is Istio's", () => {
      const ref = (name: string) => `{ group: inference.networking.k8s.io, kind: InferencePool, name: ${name} }`;
      const objects = (className: string) => `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: llm, namespace: default }
spec: { gatewayClassName: ${className} }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: llm, namespace: default }
spec: { parentRefs: [{ name: llm }], rules: [{ backendRefs: [${ref("a")}, ${ref("b")}] }] }`;
      const seen = examined([{ name: "objects.yaml", text: objects("istio") }]);
      expect([seen.row, seen.risks], seen.report).toEqual([undefined, [38]]);
      expect(seen.report).toContain("leads to the pools a and b");
      expect(examined([{ name: "objects.yaml", text: objects("gke-l7") }]).risks).toEqual([]);
    });
  });

  describe("row 6: nobody in the cluster's list", () => {
    const empty = { row: 6, shipped: "override-host.yaml", status: 503, byLines: undefined, byCounters: 6 };

    test("the list is empty", async () => {
      await scripted(fine, { ...empty, edits: [podsAt([])], proof: /"UH"[\s\S]*membership_total: 0/ });
    });

    test("all of it is unhealthy", async () => {
      const check = {
        timeout: "1s",
        interval: "0.1s",
        unhealthy_threshold: 1,
        healthy_threshold: 1,
        http_health_check: { path: "/health" },
      };
      const edits: Edit[] = [
        podsAt([NOBODY]),
        { op: "add", at: [...places.pods, "health_checks"], to: [check] },
        { op: "add", at: [...places.pods, "common_lb_config"], to: { healthy_panic_threshold: { value: 0 } } },
      ];
      const seen = await scripted(fine, { ...empty, edits, proof: /health_flags::\/failed_active_hc/ });
      expect(seen.verdict.first?.says).toContain("has 1 endpoints and none healthy (/failed_active_hc");
    });

    test("by one line of Istio, with the pods that are not ready", () => {
      const line =
        '[2026-10-01T00:00:00.000Z] "POST /v1/completions HTTP/1.1" 503 UH no_healthy_upstream - "-" 89 19 0 - "-" "curl" "id" "llm" "-" outbound|8000||vllm.default.svc.cluster.local - 10.0.0.3:80 10.0.0.9:5000 - -';
      const objects = `
apiVersion: v1
kind: Service
metadata: { name: vllm, namespace: default }
spec: { selector: { app: vllm } }
---
apiVersion: v1
kind: Pod
metadata: { name: vllm-0, namespace: default, labels: { app: vllm } }
status: { conditions: [{ type: Ready, status: "False", message: "containers with unready status: [vllm]" }] }`;
      const seen = examined([
        { name: "access.log", text: line },
        { name: "objects.yaml", text: objects },
      ]);
      expect([seen.row, seen.also], seen.report).toEqual([6, []]);
      expect(seen.verdict.first?.because?.[0]?.says).toBe("Pod default/vllm-0 is not ready.");
    });
  });
});
