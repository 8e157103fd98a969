import { describe, expect, test } from "vitest";
import { covers, leadsToPods, unboundBy } from "../../../../src/doctor/kube/gateway-bindings.ts";
import { type KubeObject, readObjects } from "../../../../src/doctor/kube/kube-object.ts";

const gateway = (name: string, more = "") => `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: ${name}, namespace: llm }
spec: { gatewayClassName: any${more} }`;
const route = (gateways: readonly string[], pool: string) => `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: to-${pool}-${gateways.join("-")}, namespace: llm }
spec:
  parentRefs: [${gateways.map((name) => `{ name: ${name} }`).join(", ")}]
  rules: [{ backendRefs: [{ kind: InferencePool, name: ${pool} }] }]`;
const policy = (spec: string, namespace = "llm") => `
apiVersion: any/v1
kind: Policy
metadata: { name: p, namespace: ${namespace} }
spec: { ${spec} }`;
const pod = (of: string, labels: string) => `
apiVersion: v1
kind: Pod
metadata: { name: ${of}-1, namespace: llm, labels: { gateway.networking.k8s.io/gateway-name: ${of}, ${labels} } }`;

function objectsOf(...texts: readonly string[]): KubeObject[] {
  return readObjects(texts.join("\n---"), "objects.yaml");
}

describe("covers", () => {
  test.each([
    { of: "a targetRef to it", spec: "targetRef: { kind: Gateway, name: a }", is: true },
    { of: "targetRefs to another", spec: "targetRefs: [{ kind: Gateway, name: b }]", is: false },
    { of: "targetRefs to a route", spec: "targetRefs: [{ kind: HTTPRoute, name: r }]", is: true },
    { of: "a selector of its pods", spec: "workloadSelector: { labels: { app: edge } }", is: true },
    { of: "a selector of others", spec: "workloadSelector: { labels: { app: inner } }", is: false },
    { of: "nothing, in its namespace", spec: "", is: true },
    { of: "nothing, in another namespace", spec: "", namespace: "else", is: false },
    { of: "nothing, in the root namespace", spec: "", namespace: "istio-system", is: true },
  ])("is $is for $of", ({ spec, namespace, is }) => {
    const objects = objectsOf(gateway("a"), pod("a", "app: edge"), policy(spec, namespace));
    expect(covers(objects[2]!, objects[0]!, objects)).toBe(is);
  });

  test("goes by the labels that a controller gives, where there are no pods to be seen", () => {
    const named = policy("workloadSelector: { labels: { gateway.networking.k8s.io/gateway-name: a } }");
    const objects = objectsOf(gateway("a"), gateway("b"), named);
    expect(objects.slice(0, 2).map((each) => covers(objects[2]!, each, objects))).toEqual([true, false]);
  });
});

describe("unboundBy", () => {
  const bound = policy("targetRefs: [{ kind: Gateway, name: a }]");
  const unbound = (...texts: readonly string[]) => {
    const objects = objectsOf(gateway("a"), gateway("b"), bound, ...texts);
    return unboundBy([objects[2]!], objects).map(({ gateway: { name }, backend }) => `${name} to ${backend}`);
  };

  test("names the gateway that leads to the same pool, by one route or by two", () => {
    expect(unbound(route(["a", "b"], "m"))).toEqual(["b to InferencePool llm/m"]);
    expect(unbound(route(["a"], "m"), route(["b"], "m"))).toEqual(["b to InferencePool llm/m"]);
  });

  test("leaves out a gateway that leads elsewhere, or nowhere", () => {
    expect(unbound(route(["a"], "m"), route(["b"], "other"))).toEqual([]);
    expect(unbound(route(["a"], "m"))).toEqual([]);
  });

  test("has nothing to say where the policy holds for none of them", () => {
    const objects = objectsOf(gateway("a"), gateway("b"), route(["a", "b"], "m"));
    expect(unboundBy([], objects)).toEqual([]);
  });
});

describe("leadsToPods", () => {
  const service = (gateways: readonly string[], name: string) =>
    route(gateways, name).replace("{ kind: InferencePool, name", "{ name").replace("to-", "service-");
  const asking = (spec: string) =>
    policy(`extProc: [{ backendRefs: [] }], ${spec}`).replace("Policy", "EnvoyExtensionPolicy");

  test.each([
    { name: "a pool behind it", texts: [route(["a"], "vllm")], is: true },
    { name: "a pool behind another", texts: [route(["b"], "vllm")], is: false },
    { name: "a Service", texts: [service(["a"], "web")], is: false },
    {
      name: "a Service, and a policy that asks a picker",
      texts: [service(["a"], "web"), asking("targetRef: { kind: Gateway, name: a }")],
      is: true,
    },
    {
      name: "a Service, and such a policy on its route",
      texts: [service(["a"], "web"), asking("targetRef: { kind: HTTPRoute, name: service-web-a }")],
      is: true,
    },
    {
      name: "a Service, and such a policy on the route of another",
      texts: [
        service(["a"], "web"),
        service(["b"], "web"),
        asking("targetRef: { kind: HTTPRoute, name: service-web-b }"),
      ],
      is: false,
    },
  ])("is $is for $name", ({ texts, is }) => {
    const objects = objectsOf(gateway("a"), gateway("b"), ...texts);
    const [a] = objects;
    expect(a && leadsToPods(a, objects)).toBe(is);
  });

  test("unboundBy is not sure of a Service that is one of several", () => {
    const texts = [
      gateway("a"),
      gateway("b"),
      service(["a", "b"], "web"),
      policy("targetRef: { kind: Gateway, name: a }"),
    ];
    const sure = objectsOf(...texts);
    expect(unboundBy(sure.slice(3), sure).map(({ isPicked }) => isPicked)).toEqual([true]);
    const objects = objectsOf(...texts, service(["a"], "llm"));
    expect(unboundBy(objects.slice(3, 4), objects).map(({ isPicked }) => isPicked)).toEqual([false]);
  });
});
