/** Objects of the doctor's fixtures in a real API server: it checks them, and hands them out as it keeps them. */
import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import type { KubeObject } from "./kube-client.ts";
import type { KubeNamespace } from "./kube-namespace.ts";
import type { KubeServer } from "./kube-server.ts";

/** Those that are in no namespace. */
const OF_CLUSTER = /^(Node|GatewayClass|Namespace)$/;

/** All of a file, in this namespace whatever the file says; the status is written as the controller would write it. */
export async function applyFixture(server: KubeServer, namespace: KubeNamespace, name: string): Promise<void> {
  const text = readFileSync(new URL(`../fixtures/doctor/${name}`, import.meta.url), "utf8");
  const documents = parseAllDocuments(text).map((each) => each.toJS() as KubeObject);
  for (const object of documents.flatMap((each) => (each["items"] as KubeObject[] | undefined) ?? [each])) {
    await applyWithStatus(server, namespace, object);
  }
}

async function applyWithStatus(server: KubeServer, namespace: KubeNamespace, object: KubeObject): Promise<void> {
  const { status, ...rest } = object;
  // These are given by the server.
  const { generation, managedFields, ...metadata } = rest.metadata;
  const place = OF_CLUSTER.test(object.kind) ? {} : { namespace: namespace.name };
  const whole: KubeObject = { ...rest, metadata: { ...metadata, ...place } };
  const { clusterIP, ...spec } = (whole["spec"] ?? {}) as Record<string, unknown>;
  await server.admin.apply({ ...whole, spec });
  if (status !== undefined) await server.admin.patchStatus(whole, stamped(status));
}

/** Every condition has a time, which the fixtures leave out. */
function stamped(status: unknown): unknown {
  if (Array.isArray(status)) return status.map(stamped);
  if (typeof status !== "object" || status === null) return status;
  const entries = Object.entries(status).map(([key, value]) => [key, stamped(value)] as const);
  const isCondition = "type" in status && "status" in status;
  return { ...(isCondition && { lastTransitionTime: "2026-10-03T04:11:52Z" }), ...Object.fromEntries(entries) };
}
