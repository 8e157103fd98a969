/** An API server of our own, which has some of the kinds and grants some of them. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { evidenceOf } from "../../../../src/doctor/diagnose.ts";
import { readCluster } from "../../../../src/doctor/gather/read-cluster.ts";
import { titleOf } from "../../../../src/doctor/kube/kube-object.ts";

const named = (name: string, more: object = {}) => ({ metadata: { name, namespace: "gw" }, ...more });
const unreached = named("istiod-1", { spec: { containers: [{ name: "discovery" }] } });
const pod = named("envoy-gateway-1", {
  spec: { containers: [{ name: "envoy-gateway" }] },
  status: { containerStatuses: [{ name: "envoy-gateway", restartCount: 2 }] },
});
const list = (kind: string, apiVersion: string, ...items: object[]) => ({ kind: `${kind}List`, apiVersion, items });
const gateway = "gateway.networking.k8s.io";
const istio = "networking.istio.io";
const group = (name: string, ...versions: readonly string[]) => {
  const all = versions.map((version) => ({ groupVersion: `${name}/${version}` }));
  return { name, versions: all, preferredVersion: all[0] };
};

/** By path: what is not here is 404. */
const answers: Readonly<Record<string, unknown>> = {
  "/apis": {
    groups: [group(gateway, "v1"), group("apps", "v1"), group(istio, "v1", "v1alpha3"), group("other", "v1")],
  },
  [`/apis/${gateway}/v1`]: { resources: [{ name: "gateways" }] },
  "/apis/apps/v1": { resources: [{ name: "deployments" }] },
  [`/apis/${istio}/v1`]: { resources: [{ name: "destinationrules" }] },
  [`/apis/${istio}/v1alpha3`]: { resources: [{ name: "destinationrules" }, { name: "envoyfilters" }] },
  "/api/v1/pods": list("Pod", "v1", pod, unreached),
  "/api/v1/services": 403,
  "/api/v1/namespaces/own/services": list("Service", "v1", named("picker")),
  "/api/v1/nodes": 403,
  "/api/v1/namespaces/own/nodes": 404,
  [`/apis/${gateway}/v1/gateways`]: list("Gateway", `${gateway}/v1`, named("llm"), named("other")),
  "/apis/apps/v1/deployments": 500,
  [`/apis/${istio}/v1/destinationrules`]: list("DestinationRule", `${istio}/v1`),
  [`/apis/${istio}/v1alpha3/envoyfilters`]: list("EnvoyFilter", `${istio}/v1alpha3`, named("epp")),
  "/api/v1/namespaces/gw/pods/istiod-1/log": 502,
  "/api/v1/namespaces/gw/pods/envoy-gateway-1/log":
    "2026-01-01T00:00:00Z error mkdir /var/lib: no space left on device\n",
};

const asked: string[] = [];
const server = http.createServer((request, response) => {
  const url = new URL(request.url ?? "", "http://api");
  asked.push(`${request.method} ${url.pathname}`);
  const answer = answers[url.pathname] ?? 404;
  response.statusCode = typeof answer === "number" ? answer : 200;
  response.end(typeof answer === "string" ? answer : JSON.stringify(typeof answer === "number" ? {} : answer));
});
let folder: string;
let kubeconfig: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  folder = await mkdtemp(join(tmpdir(), "pointsman-cluster-"));
  kubeconfig = join(folder, "config");
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await writeFile(
    kubeconfig,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "c",
      clusters: [{ name: "c", cluster: { server: at } }],
      users: [{ name: "u", user: {} }],
      contexts: [{ name: "c", context: { cluster: "c", user: "u", namespace: "own" } }],
    }),
  );
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

test("readCluster lists the kinds that exist, reads logs, and says which rights are missing", async () => {
  const { sources, unread } = await readCluster(kubeconfig);
  const { objects, logs } = evidenceOf(sources);
  expect(objects.map(titleOf).sort()).toEqual([
    "EnvoyFilter gw/epp",
    "Gateway gw/llm",
    "Gateway gw/other",
    "Pod gw/envoy-gateway-1",
    "Pod gw/istiod-1",
    "Service gw/picker",
  ]);
  expect(objects.find(({ kind }) => kind === "Gateway")?.group).toBe(gateway);
  // Also what it said before its restart.
  expect(logs.map(({ sign, quote }) => [sign.name, quote.source])).toEqual([
    ["disk-full", "log of pod gw/envoy-gateway-1, envoy-gateway"],
    ["disk-full", "log of pod gw/envoy-gateway-1, envoy-gateway before its restart"],
  ]);
  expect([...unread].sort((a, b) => a.source.localeCompare(b.source))).toEqual([
    { source: "deployments.apps", why: "the API server answers 500" },
    { source: "log of pod gw/istiod-1, discovery", why: "the API server answers 502" },
    { source: "nodes", why: "no right to list them in any namespace" },
    { source: "services", why: "no right to list them in all namespaces but own" },
  ]);
  expect(asked.filter((each) => !each.startsWith("GET "))).toEqual([]);
  expect(asked.filter((each) => each.includes("secrets"))).toEqual([]);
  // Who may not ask for a kind is refused, whether there is one or not.
  expect(asked.filter((each) => /v1\/envoyfilters|httproutes|\/other\//.test(each))).toEqual([]);
});

test("readCluster says so where there is no API server", async () => {
  const missing = join(folder, "dead");
  await writeFile(
    missing,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "c",
      clusters: [{ name: "c", cluster: { server: "http://127.0.0.1:1" } }],
      contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
      users: [{ name: "u", user: {} }],
    }),
  );
  const { sources, unread } = await readCluster(missing);
  expect(sources).toEqual([]);
  expect(unread).toEqual([{ source: "kubeconfig", why: expect.stringContaining("ECONNREFUSED") }]);
});
