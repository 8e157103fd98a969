/** The plugins of the Go picker that bring data: where pods come from, how they are asked, what is prepared per request. */
import { type Engine, engines } from "../../scrape/engines.ts";
import { customEngine, type EngineNames } from "./custom-engine.ts";
import { amount, anything, count, duration, listOf, mappingOf, oneOf, toggle, word } from "./parameters.ts";
import { type Contribution, type ForeignPlugin, idleNotes, plugin, refused } from "./plugin.ts";
import { indexParameters, notesOfIndex } from "./scorers.ts";

const sourceParameters = {
  scheme: oneOf("http", "https"),
  path: word,
  insecureSkipVerify: toggle,
  caCertPath: word,
  clientCertPath: word,
  clientKeyPath: word,
  interval: duration,
} as const;

/** At least so often a pod is asked here. */
const SHORTEST_INTERVAL_MS = 50;

const engineParameters = mappingOf({
  name: word,
  queuedRequestsSpec: word,
  runningRequestsSpec: word,
  kvUsageSpec: word,
  loraSpec: word,
  cacheInfoSpec: word,
  cacheBlockSizeLabelName: word,
  cacheNumBlocksLabelName: word,
  cacheBlockSizeSpec: word,
  cacheNumBlocksSpec: word,
  customMetrics: anything,
});

const byPage = "the engine of each pod is told by its page";

const sources = [
  plugin({
    type: "file-discovery",
    role: "data layer",
    fate: "same",
    ours: "pods.file",
    remark: "the file is watched whatever watchFile says; a list that makes no sense leaves the pods before it",
    parameters: { path: word, watchFile: toggle },
    make: ({ path = "", watchFile = false }, { complain }) => {
      if (path === "") return complain("a parameter path", "none") ?? {};
      const notes = watchFile ? [] : ["watchFile: the file is watched in any case"];
      return { source: { kind: "file", path }, notes };
    },
  }),
  plugin({
    type: "metrics-data-source",
    role: "data layer",
    fate: "same",
    ours: "scrape",
    remark: "without interval --refresh-metrics-interval, which is 1s here instead of 50ms",
    parameters: sourceParameters,
    make: ({ scheme, path, insecureSkipVerify, caCertPath, clientCertPath, clientKeyPath, interval }, { complain }) => {
      if (clientCertPath !== undefined || clientKeyPath !== undefined) {
        complain("no client certificate: pods are asked without one here", "clientCertPath or clientKeyPath");
      }
      if (path !== undefined && !path.startsWith("/")) complain('a path that starts with "/"', JSON.stringify(path));
      const scrape: Contribution["scrape"] = {
        ...(scheme !== undefined && { scheme }),
        ...(path !== undefined && { path }),
        ...(caCertPath !== undefined && caCertPath !== "" && { caFile: caCertPath, insecureSkipVerify: false }),
        ...(insecureSkipVerify !== undefined && { insecureSkipVerify }),
        ...(interval !== undefined && { intervalMs: Math.max(interval, SHORTEST_INTERVAL_MS) }),
      };
      return { scrape };
    },
  }),
  plugin({
    type: "core-metrics-extractor",
    older: ["model-server-protocol-metrics"],
    role: "data layer",
    fate: "near",
    ours: "scrape.engine",
    remark: "where one engine is described all pods have it, else each pod's is told by its page instead of by a label",
    parameters: { engineLabelKey: word, defaultEngine: word, engineConfigs: listOf(engineParameters) },
    make: ({ engineLabelKey, defaultEngine, engineConfigs = [] }, { complain }) => {
      if (engineConfigs.some((each) => each.customMetrics !== undefined)) {
        complain("no customMetrics, which nothing here reads", "some");
      }
      const described = engineConfigs.map((each) => customEngine(each.name ?? "vllm", engineNamesOf(each)));
      for (const wrong of described.filter((each) => typeof each === "string")) {
        complain("metrics such as name{label=value}", JSON.stringify(wrong));
      }
      const given = {
        ...(engineLabelKey !== undefined && { engineLabelKey }),
        ...(defaultEngine !== undefined && described.length !== 1 && { defaultEngine }),
      };
      const notes = idleNotes(given, { engineLabelKey: byPage, defaultEngine: byPage });
      return { ...engineOf(described.filter((each) => typeof each !== "string")), ...notes };
    },
  }),
  plugin({
    type: "models-data-source",
    role: "data layer",
    fate: "same",
    ours: "scrape.modelsPath",
    remark: "asked for every 5s without a word",
    parameters: sourceParameters,
    make: ({ path, interval, ...rest }) => ({
      scrape: {
        ...(path !== undefined && { modelsPath: path }),
        ...(interval !== undefined && { modelsIntervalMs: interval }),
      },
      ...idleNotes(rest, {
        scheme: "models are asked for as the metrics are",
        insecureSkipVerify: "models are asked for as the metrics are",
        caCertPath: "models are asked for as the metrics are",
        clientCertPath: "pods are asked without a client certificate here",
        clientKeyPath: "pods are asked without a client certificate here",
      }),
    }),
  }),
  plugin({ type: "models-data-extractor", role: "data layer", fate: "same", ours: "scrape.modelsPath" }),
  plugin({ type: "k8s-notification-source", role: "data layer", fate: "idle", ours: "pods are always followed" }),
  plugin({ type: "endpoint-notification-source", role: "data layer", fate: "idle", ours: "pods are always followed" }),
];

/** One alone is that of all pods; of several, and those that are known beside them, each page tells its own. */
function engineOf(described: readonly Engine[]): Pick<Contribution, "scrape"> {
  const [only] = described;
  if (only === undefined) return {};
  if (described.length === 1) return { scrape: { engine: only } };
  const others = engines.filter(({ name }) => described.every((each) => each.name !== name));
  return { scrape: { engine: [...described, ...others] } };
}

function engineNamesOf(described: Readonly<Record<string, unknown>>): EngineNames {
  const text = (name: string): { readonly [key: string]: string } => {
    const value = described[name];
    return typeof value === "string" && value !== "" ? { [name]: value } : {};
  };
  return {
    ...text("queuedRequestsSpec"),
    ...text("runningRequestsSpec"),
    ...text("kvUsageSpec"),
    ...text("loraSpec"),
    ...text("cacheInfoSpec"),
    ...text("cacheBlockSizeLabelName"),
    ...text("cacheNumBlocksLabelName"),
    ...text("cacheBlockSizeSpec"),
    ...text("cacheNumBlocksSpec"),
  };
}

const producers = [
  plugin({
    type: "token-producer",
    older: ["tokenizer"],
    role: "data producer",
    fate: "near",
    ours: "prompt bytes / 4",
    remark: "tokens are estimated by bytes; a render service is refused",
    parameters: { estimate: anything, modelName: word, vllm: anything, udsTokenizerConfig: anything },
    make: ({ estimate, vllm, udsTokenizerConfig }, { complain }) => {
      if (vllm !== undefined || udsTokenizerConfig !== undefined) {
        complain("no vllm or udsTokenizerConfig: tokens are estimated by bytes here", "one of them");
      }
      return estimate === undefined
        ? {}
        : { notes: ["estimate: media in a prompt count as load, in tokens of our own estimate"] };
    },
  }),
  plugin({
    type: "approx-prefix-cache-producer",
    role: "data producer",
    fate: "near",
    ours: "the prefix index",
    remark: "always there; it takes block sizes and capacities from the pods' pages and keeps to --prefix-index-limit",
    parameters: indexParameters,
    make: (values) => notesOfIndex(values),
  }),
  plugin({
    type: "inflight-load-producer",
    role: "data producer",
    fate: "near",
    ours: "the columns inFlight and pendingTokens",
    remark: "always there; prompt tokens alone are counted, as there without addEstimatedOutputTokens",
    parameters: {
      addEstimatedOutputTokens: toggle,
      outputRatio: amount(0),
      maxEstimatedOutputTokens: count(),
      prefixMatchInfoProducerName: word,
      syncCrossReplicaState: toggle,
    },
    make: ({ addEstimatedOutputTokens, ...rest }, { complain }) => {
      if (addEstimatedOutputTokens === true)
        complain("addEstimatedOutputTokens false: prompt tokens alone count", "true");
      return idleNotes(rest, {
        outputRatio: "prompt tokens alone count",
        maxEstimatedOutputTokens: "prompt tokens alone count",
        prefixMatchInfoProducerName: "there is one prefix index here",
        syncCrossReplicaState: "replicas share no counts",
      });
    },
  }),
  plugin({
    type: "session-id-producer",
    role: "data producer",
    fate: "same",
    ours: "session-affinity (headers, cookie)",
    parameters: { headerName: word, cookieName: word },
    make: ({ headerName, cookieName }, { complain }) => {
      if ((headerName === undefined) === (cookieName === undefined))
        complain("either headerName or cookieName", "not one");
      return headerName === undefined ? { session: { cookie: cookieName ?? "" } } : { session: { header: headerName } };
    },
  }),
];

export const sourcePlugins: readonly ForeignPlugin[] = [
  ...sources,
  ...producers,
  refused("data layer", "metrics-data-source", "dcgm-data-source", "the GPUs' own metrics are not read"),
  refused("data layer", "core-metrics-extractor", "dcgm-extractor", "the GPUs' own metrics are not read"),
  refused("data layer", "the filter label", "topology-extractor"),
  refused("data layer", "metrics-data-source", "multicluster-metrics-data-source"),
  refused("data layer", "core-metrics-extractor", "multicluster-metrics-extractor"),
  refused("data layer", "", "local-syncer", "replicas share no state"),
  refused(
    "data producer",
    "approx-prefix-cache-producer",
    "precise-prefix-cache-producer",
    "the pods' cache events are not read",
  ),
  refused("data producer", "approx-prefix-cache-producer", "burst-prefix-cache-producer"),
  refused("data producer", "approx-prefix-cache-producer", "mm-embeddings-cache-producer"),
  refused("data producer", "the scorer latency", "predicted-latency-producer", "no latencies are predicted"),
  refused("data producer", "the scorer prefix-cache", "p2p-source-producer"),
];
