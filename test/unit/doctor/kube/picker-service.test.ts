import { describe, expect, test } from "vitest";
import { readObjects } from "../../../../src/doctor/kube/kube-object.ts";
import { podTroubles, selectorOf, serviceOf } from "../../../../src/doctor/kube/picker-service.ts";

const objects = readObjects(
  `
apiVersion: v1
kind: Service
metadata: { name: picker, namespace: llm }
spec: { clusterIP: 10.43.0.7, selector: { app: pointsman, tier: edge } }
---
apiVersion: v1
kind: Service
metadata: { name: picker, namespace: other }
spec: { clusterIP: 10.43.0.8, selector: { app: nobody } }
---
apiVersion: v1
kind: Pod
metadata: { name: pointsman-1, namespace: llm, labels: { app: pointsman, tier: edge } }
status: { containerStatuses: [{ state: { waiting: { reason: CrashLoopBackOff } } }] }
---
apiVersion: v1
kind: Pod
metadata: { name: pointsman-2, namespace: llm, labels: { app: pointsman, tier: edge } }
status: { conditions: [{ type: Ready, status: "False", message: "no pods are known" }] }
---
apiVersion: v1
kind: Pod
metadata: { name: else, namespace: other, labels: { app: pointsman } }
`,
  "objects.yaml",
);

describe("serviceOf", () => {
  test.each([
    { of: "Istio's name of a cluster", to: "outbound|9002||picker.llm.svc.cluster.local", endpoints: [], is: "llm" },
    { of: "the name of an endpoint", to: "epp", endpoints: ["picker.other.svc:9002"], is: "other" },
    { of: "the address of an endpoint", to: "epp", endpoints: ["10.43.0.8:9002"], is: "other" },
    { of: "neither", to: "epp", endpoints: ["10.43.0.9:9002"], is: undefined },
  ])("finds it by $of", ({ to, endpoints, is }) => {
    expect(serviceOf({ to, cluster: { endpoints } }, objects)?.namespace).toBe(is);
  });
});

describe("podTroubles", () => {
  test("says why the pods of a Service do not answer", () => {
    expect(podTroubles(objects[0]!, objects).map(({ says }) => says)).toEqual([
      "Pod llm/pointsman-1 does not run: CrashLoopBackOff.",
      "Pod llm/pointsman-2 is not ready.",
    ]);
    expect(selectorOf(objects[0]!)).toBe("app=pointsman,tier=edge");
  });

  test("says that a Service selects none, and nothing where no pods are known", () => {
    const [trouble] = podTroubles(objects[1]!, objects);
    expect(trouble?.says).toBe("Service other/picker selects none of the 1 pods of its namespace.");
    expect(trouble?.evidence.text).toBe('Service other/picker.spec.selector: {"app":"nobody"}');
    expect(podTroubles(objects[1]!, objects.slice(0, 2))).toEqual([]);
  });
});
