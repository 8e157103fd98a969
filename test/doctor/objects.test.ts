/** Faults of the control plane and of the gateway itself that show in objects and logs, all of them files of our own. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Source } from "../../src/doctor/diagnose.ts";
import { examined } from "../support/doctor-rig.ts";
import { replaced } from "../support/replaced.ts";

function fixture(name: string, change = (text: string) => text): Source {
  const text = readFileSync(new URL(`../fixtures/doctor/accepted/${name}`, import.meta.url), "utf8");
  return { name, text: change(text) };
}

const line = (more: object): Source => ({
  name: "access.log",
  text: JSON.stringify({ method: "POST", response_code: 200, response_flags: "-", bytes_received: 89, ...more }),
});

test("row 48: the gateway's pod does not run, and the node says why; nothing behind it is judged before", () => {
  const seen = examined([
    fixture("gateway-down.yaml"),
    fixture("no-address.yaml"),
    fixture("pools-off.yaml"),
    fixture("refused-policy.yaml"),
  ]);
  expect([seen.row, seen.also], seen.report).toEqual([48, [49, 39, 58]]);
  expect(seen.verdict.first?.says).toContain("Pod llm/llm-istio-6d5f-abcde does not run: CrashLoopBackOff");
  expect(seen.verdict.first?.because?.[0]?.says).toBe("Node worker-1 has DiskPressure=True.");
  expect(seen.report).toContain("kubectl logs --previous -n llm llm-istio-6d5f-abcde");
});

test("row 48: one pod of two that does not run is a risk", () => {
  const healthy = `
apiVersion: v1
kind: Pod
metadata: { name: llm-istio-6d5f-fghij, namespace: llm, labels: { gateway.networking.k8s.io/gateway-name: llm } }
status: { phase: Running, conditions: [{ type: Ready, status: "True" }] }`;
  const seen = examined([fixture("gateway-down.yaml"), { name: "other.yaml", text: healthy }]);
  expect([seen.row, seen.risks], seen.report).toEqual([undefined, [48]]);
});

test("row 49: a Gateway without an address, for its load balancer is pending", () => {
  const seen = examined([fixture("no-address.yaml")]);
  expect([seen.row, seen.also], seen.report).toEqual([49, []]);
  expect(seen.verdict.first?.says).toBe(
    "Gateway default/inference has no address: nobody gave one to Service default/inference-istio",
  );
  expect(seen.report).toContain("kubectl port-forward service/inference-istio -n default 8080:80");
  // Requests came through some other way.
  const reached = examined([fixture("no-address.yaml"), line({ response_code_details: "via_upstream" })]);
  expect([reached.row, reached.risks], reached.report).toEqual([undefined, [49]]);
  const programmed = (text: string) => replaced(text, /status: "False"/, 'status: "True"');
  const given = (text: string) =>
    programmed(replaced(text, /status:\n/, "status:\n  addresses: [{ value: 10.0.0.7 }]\n"));
  expect(examined([fixture("no-address.yaml", given)]).row).toBeUndefined();
});

test("row 39: Istio was not told to follow InferencePools", () => {
  const seen = examined([fixture("pools-off.yaml")]);
  expect([seen.row, seen.also], seen.report).toEqual([39, []]);
  expect(seen.report).toContain("ENABLE_GATEWAY_API_INFERENCE_EXTENSION=true on istiod");
});

describe("row 46: a pool of the other API group", () => {
  test("the route names one, and there is the other", () => {
    const seen = examined([fixture("pool-group.yaml")]);
    expect([seen.row, seen.also], seen.report).toEqual([46, []]);
    expect(seen.verdict.first?.says).toBe(
      "HTTPRoute default/llm names InferencePool vllm of group inference.networking.x-k8s.io, and there is one of inference.networking.k8s.io only",
    );
  });

  const bothOld = (text: string) =>
    replaced(
      text,
      /apiVersion: inference.networking.k8s.io\/v1\n/,
      "apiVersion: inference.networking.x-k8s.io/v1alpha2\n",
    );

  test("both are of the older group, and the mesh follows the newer", () => {
    const seen = examined([fixture("pool-group.yaml", bothOld), fixture("istiod.yaml")]);
    expect([seen.row, seen.also], seen.report).toEqual([46, []]);
    expect(seen.report).toContain("the group that Istio 1.28 follows");
  });

  test("both are of one group, and nothing is known of the mesh: only what the condition says is", () => {
    const seen = examined([fixture("pool-group.yaml", bothOld)]);
    expect([seen.row, seen.risks], seen.report).toEqual([58, []]);
  });
});

describe("row 40: rights are missing", () => {
  test.each([
    {
      file: "picker.log",
      says: "system:serviceaccount:llm:pointsman may not list pods in namespace llm",
      namespace: "llm",
    },
    {
      file: "go-picker.log",
      says: "system:serviceaccount:default:epp may not list inferencepools.inference.networking.k8s.io in namespace default",
      namespace: "default",
    },
  ])("by $file", ({ file, says, namespace }) => {
    const seen = examined([fixture(file)]);
    expect([seen.row, seen.verdict.first?.says], seen.report).toEqual([40, says]);
    expect(seen.report).toContain(`kubectl apply -n ${namespace} -f deploy/kubernetes/rbac.yaml`);
  });
});

describe("row 41: an object that an operator writes anew", () => {
  test("a change by hand is gone two minutes later", () => {
    const seen = examined([fixture("reverted.yaml")]);
    expect([seen.row, seen.also], seen.report).toEqual([41, []]);
    expect(seen.verdict.first?.says).toMatch(
      /EnvoyFilter llm\/epp-filter was changed by kubectl-edit .* written anew by scheduler-controller/,
    );
    expect(seen.report).toContain("Change it where SchedulerInstall gaie has it");
  });

  test("a change by hand that is there yet is a risk where somebody owns the object, and none where nobody does", () => {
    const later = (text: string) => replaced(text, /09:12:40/, "10:00:00");
    const owned = examined([fixture("reverted.yaml", later)]);
    expect([owned.row, owned.risks], owned.report).toEqual([undefined, [41]]);
    const free = examined([
      fixture("reverted.yaml", (text) => replaced(later(text), /ownerReferences:\n.*\n/, "finalizers: []\n")),
    ]);
    expect([free.row, free.risks], free.report).toEqual([undefined, []]);
  });
});
