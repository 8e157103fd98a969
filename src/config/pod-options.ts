/** Options that say where the pods come from, how they are asked, and what of their models is told. */
import { engineNames } from "../scrape/engines.ts";
import { choice, durationMs, flagOrAuto, port, socketAddresses, text, urlPath, urlPathOrNone } from "./option-kinds.ts";
import { option } from "./option-table.ts";

export const sourceOptions = {
  configFile: option(
    "config-file",
    text("a path"),
    "",
    "Pools from a YAML file, each with its own sources of pods, scraping and settings.",
  ),
  pods: option("pods", text("a list host:port,host:port"), "", "Pods as a list host:port,[v6]:port,name=host:port."),
  podsFile: option("pods-file", text("a path"), "", "Pods from a YAML file, which is watched."),
  podsDns: option(
    "pods-dns",
    text("a list host.name:port,srv:name"),
    "",
    "Pods from DNS, asked again as their records expire: A and AAAA of host.name:port, or srv:name.",
  ),
  dnsServers: option(
    "dns-servers",
    socketAddresses(53),
    [],
    "Name servers for --pods-dns; by default those of /etc/resolv.conf.",
  ),
  inferencePool: option(
    "inference-pool",
    text("a list namespace/name"),
    "",
    "Pods of these InferencePools of Kubernetes, each a pool of its own.",
  ),
  poolName: option("pool-name", text("a name"), "", "The same for one InferencePool, as the Go picker has it."),
  poolNamespace: option(
    "pool-namespace",
    text("a namespace"),
    "",
    "Namespace of --pool-name, --endpoint-selector and names without one; by default the picker's own.",
  ),
  poolGroup: option(
    "pool-group",
    text("an API group"),
    "auto",
    "API group of the InferencePools; auto takes inference.networking.k8s.io, else the older group with x-k8s.io.",
  ),
  endpointSelector: option(
    "endpoint-selector",
    text("a label selector"),
    "",
    "Pods of Kubernetes by a label selector; needs --endpoint-target-ports.",
  ),
  endpointTargetPorts: option("endpoint-target-ports", text("a list of ports"), "", "Ports of those pods, 1 to 8."),
  podsService: option(
    "pods-service",
    text("namespace/name or namespace/name:port"),
    "",
    "Pods by the EndpointSlices of a Kubernetes Service; port by name or number, the first without it.",
  ),
  podsAibrix: option(
    "pods-aibrix",
    text("a namespace, or all"),
    "",
    "Pods with AIBrix's labels model.aibrix.ai/name and /port, a pool for each model.",
  ),
  kubeRelistMs: option(
    "kube-relist-interval",
    durationMs(1000),
    300_000,
    "How often Kubernetes is asked for everything, beside the watch: finds what a watch lost.",
  ),
} as const;

export const scrapeOptions = {
  refreshMetricsIntervalMs: option(
    "refresh-metrics-interval",
    durationMs(50),
    1000,
    "Time between two scrapes of a pod; after three of them, 2s at least, a reading counts as unknown.",
  ),
  scrapeTimeoutMs: option("scrape-timeout", durationMs(10), 1000, "Time a pod has to answer a scrape."),
  modelServerMetricsScheme: option(
    "model-server-metrics-scheme",
    choice("http", "https"),
    "http",
    "How a pod is asked for its metrics and models.",
  ),
  modelServerMetricsPort: option(
    "model-server-metrics-port",
    port,
    0,
    "Port of the metrics; 0 is the pod's own, where the models are asked for in any case.",
  ),
  modelServerMetricsPath: option("model-server-metrics-path", urlPath, "/metrics", "Where a pod serves its metrics."),
  modelServerInsecure: option(
    "model-server-metrics-https-insecure-skip-verify",
    flagOrAuto,
    "auto",
    "Believe any certificate of a pod; auto does where no CA is given.",
  ),
  modelServerCaFile: option("model-server-ca-file", text("a PEM file"), "", "CA of the pods' certificates."),
  modelServerTokenFile: option(
    "model-server-token-file",
    text("a file"),
    "",
    "Bearer token for the pods, read again when the file changes.",
  ),
  engine: option("engine", choice("auto", ...engineNames), "auto", "Engine of the pods; auto tells by their metrics."),
  modelsPath: option("models-path", urlPathOrNone, "/v1/models", "Where a pod lists its models; empty asks none."),
  modelsIntervalMs: option("models-interval", durationMs(500), 5000, "Time between two looks at a pod's models."),
  unknownModel: option(
    "unknown-model",
    choice("refuse", "refuse-as-aibrix", "pass"),
    "refuse",
    "A model that no pod serves: 404 with the known ones, AIBrix's 400, or on to any pod.",
  ),
  listModels: option(
    "list-models",
    choice("answer", "pass"),
    "answer",
    "Who answers GET /v1/models: the picker for all pods of the pool, or one of them.",
  ),
} as const;

export const podOptions = { ...sourceOptions, ...scrapeOptions } as const;
