/** The objects that the shipped chart makes of values, and what tests look for in them. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import type { ChartTools } from "./chart-tools.ts";
import type { KubeObject } from "./kube-client.ts";

const chartFolder = fileURLToPath(new URL("../../deploy/chart", import.meta.url));

interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly readinessProbe: { readonly grpc: { readonly port: number } };
  readonly livenessProbe: unknown;
  readonly resources: unknown;
  readonly securityContext: unknown;
  readonly ports: readonly { readonly containerPort: number }[];
  readonly volumeMounts: readonly { readonly mountPath: string }[];
}

export const parseObjects = (text: string): KubeObject[] =>
  parseAllDocuments(text)
    .map((each) => each.toJS() as KubeObject | null)
    .filter((each) => each !== null);

/** Rejects with what helm says against the values. */
export async function renderChart(tools: ChartTools, values: object, ...flags: string[]): Promise<KubeObject[]> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-values-"));
  try {
    const file = join(folder, "values.json");
    await writeFile(file, JSON.stringify(values));
    // A helm that was built without its release's flags takes itself for one of Kubernetes 1.20.
    const how = ["--namespace", "default", "--kube-version", "1.36.0", "--values", file, ...flags];
    return parseObjects(await tools.helm("template", "pointsman", chartFolder, ...how));
  } finally {
    await rm(folder, { recursive: true });
  }
}

export function find(objects: readonly KubeObject[], kind: string): KubeObject {
  const found = objects.find((each) => each.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} among ${objects.map((each) => each.kind).join(", ")}`);
  return found;
}

export function containerOf(objects: readonly KubeObject[]): Container {
  const spec = find(objects, "Deployment")["spec"] as { template: { spec: { containers: Container[] } } };
  const [container] = spec.template.spec.containers;
  if (container === undefined) throw new Error("no container");
  return container;
}
