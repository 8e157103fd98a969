/** Values for the chart that tests render: those of its page, and each at its end. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";

/** The values by which the chart's page has it stand beside AIBrix. */
export function besideAibrix(): object {
  const page = readFileSync(new URL("../../deploy/chart/README.md", import.meta.url), "utf8");
  const row = page.split("\n").find((line) => line.startsWith("| stand beside AIBrix |")) ?? "";
  const values: Record<string, unknown> = {};
  for (const [, path = "", text = ""] of row.matchAll(/`([\w.]+): ([^`]+)`/g)) {
    const [first = "", second] = path.split(".");
    values[first] = second === undefined ? parse(text) : { [second]: parse(text) };
  }
  return values;
}

/** Everything at once that a value can switch on, and every number at its end. */
export const extreme = {
  fullnameOverride: "a".repeat(63),
  image: {
    repository: "registry.example:5000/team/pointsman",
    digest: `sha256:${"0".repeat(64)}`,
    pullPolicy: "Always",
  },
  imagePullSecrets: [{ name: "pull" }],
  replicas: 0,
  config: {
    pools: [
      { name: "one", pods: { inferencePool: "models/one" } },
      { name: "three", pods: { inferencePool: { name: "large" } } },
      { name: "two", pods: { selector: { namespace: "models", labels: "app=vllm,track!=canary", ports: [8000] } } },
    ],
    limits: { streams: 1_000_000, body: "64Mi" },
    seed: 2_147_483_647,
  },
  args: ["-v=5", "--model-headers=model"],
  env: [{ name: "POINTSMAN_PREFIX_INDEX_LIMIT", value: "1Gi" }],
  ports: { grpc: 50_052, grpcHealth: 65_535, metrics: 1024 },
  tls: { secretName: "cert", only: true, clientCaSecretName: "client-ca" },
  inferencePool: {
    create: true,
    name: "large",
    matchLabels: { app: "vllm", tier: "gpu" },
    targetPorts: [8000, 8001, 8002, 8003, 8004, 8005, 8006, 8007],
    failureMode: "FailOpen",
  },
  serviceAccount: { annotations: { "example.com/role": "reader" } },
  rbac: { create: true, namespaces: ["models", "default"], allNamespaces: true },
  service: { clusterIP: "None", annotations: { "example.com/note": "true" } },
  resources: { limits: { cpu: "8" } },
  terminationGracePeriodSeconds: 3600,
  podDisruptionBudget: { maxUnavailable: "50%" },
  networkPolicy: {
    gateways: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "envoy-gateway-system" } } }],
    monitoring: [{ podSelector: { matchLabels: { app: "prometheus" } } }],
    modelServers: [{ ipBlock: { cidr: "10.0.0.0/8" } }],
  },
  autoscaling: { create: true, minReplicas: 1, maxReplicas: 100, streamsOpen: 1_000_000, cpu: 1000 },
  podLabels: { team: "serving" },
  podAnnotations: { "example.com/scrape": "false" },
  nodeSelector: { pool: "cpu" },
  tolerations: [{ key: "cpu", operator: "Exists" }],
  affinity: { nodeAffinity: {} },
  priorityClassName: "system-cluster-critical",
  volumes: [{ name: "pods-ca", configMap: { name: "pods-ca" } }],
  volumeMounts: [{ name: "pods-ca", mountPath: "/etc/pods-ca" }],
};
