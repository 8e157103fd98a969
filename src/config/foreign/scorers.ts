/** The scorers of the Go picker. */
import { amount, anything, count, toggle, word } from "./parameters.ts";
import { type ForeignPlugin, idleNotes, plugin, refused } from "./plugin.ts";
import { filterUse, scorerUse } from "./use.ts";

const scored = (...use: Parameters<typeof scorerUse>) => ({ scorer: scorerUse(...use) });

const MEAN = "a reading that is unknown scores the mean of the others, where the Go picker takes it for 0";
const ownIndex = "there is one prefix index here";
const ownCounts = "requests in flight are counted in one place here";

const simple = [
  plugin({
    type: "queue-scorer",
    role: "scorer",
    fate: "same",
    ours: "queue-depth",
    remark: MEAN,
    make: () => scored("queue-depth"),
  }),
  plugin({
    type: "running-requests-size-scorer",
    role: "scorer",
    fate: "same",
    ours: "running-requests",
    remark: MEAN,
    make: () => scored("running-requests"),
  }),
  plugin({
    type: "kv-cache-utilization-scorer",
    role: "scorer",
    fate: "same",
    ours: "kv-cache",
    remark: MEAN,
    make: () => scored("kv-cache"),
  }),
  plugin({
    type: "load-aware-scorer",
    role: "scorer",
    fate: "same",
    ours: "load-aware",
    remark: MEAN,
    parameters: { threshold: count(1) },
    make: ({ threshold }) => scored("load-aware", { threshold }),
  }),
  plugin({
    type: "active-request-scorer",
    role: "scorer",
    fate: "same",
    ours: "in-flight",
    parameters: {
      idleThreshold: count(),
      maxBusyScore: amount(0, 1),
      inFlightLoadProducerName: word,
      requestTimeout: anything,
    },
    make: (values) => ({
      ...scored("in-flight", { idleThreshold: values.idleThreshold, maxBusyScore: values.maxBusyScore }),
      ...idleNotes(values, {
        inFlightLoadProducerName: ownCounts,
        requestTimeout: "has no effect, here as there: a request counts until its stream ends",
      }),
    }),
  }),
  plugin({
    type: "token-load-scorer",
    role: "scorer",
    fate: "same",
    ours: "token-load",
    parameters: { queueThresholdTokens: count(1), inFlightLoadProducerName: word, prefixMatchInfoProducerName: word },
    make: ({ queueThresholdTokens, ...rest }) => ({
      ...scored("token-load", { thresholdTokens: queueThresholdTokens }),
      ...idleNotes(rest, { inFlightLoadProducerName: ownCounts, prefixMatchInfoProducerName: ownIndex }),
    }),
  }),
  plugin({
    type: "lora-affinity-scorer",
    role: "scorer",
    fate: "same",
    ours: "lora-affinity",
    remark: "an adapter that was sent to a pod counts as loaded there before its page says so",
    make: () => scored("lora-affinity"),
  }),
];

/** Before the index was a plugin of its own the scorer had its parameters. */
const indexNotes = {
  prefixMatchInfoProducerName: ownIndex,
  autoTune: "block sizes are always taken from the pods' own pages",
  blockSizeTokens: "block sizes are taken from the pods' own pages",
  blockSize: "block sizes are taken from the pods' own pages",
  hashBlockSize: "block sizes are taken from the pods' own pages",
  maxPrefixBlocksToMatch: "prompts are matched as far as the index's own limit",
  maxPrefixTokensToMatch: "prompts are matched as far as the index's own limit",
  lruCapacityPerServer: "what a pod can hold is told by its page; --prefix-index-limit bounds them all",
};
export const indexParameters = {
  autoTune: toggle,
  blockSizeTokens: count(),
  blockSize: count(),
  hashBlockSize: count(),
  maxPrefixBlocksToMatch: count(),
  maxPrefixTokensToMatch: count(),
  lruCapacityPerServer: count(),
} as const;
export const notesOfIndex = (values: object) => idleNotes(values, indexNotes);

const affinity = [
  plugin({
    type: "prefix-cache-scorer",
    role: "scorer",
    fate: "same",
    ours: "prefix-cache",
    remark: "the matched share of the prompt's bytes; a match ends at the first block that a pod lacks",
    parameters: {
      matchLengthWeight: amount(0, 1),
      matchLengthScaleTokens: count(1),
      prefixMatchInfoProducerName: word,
      ...indexParameters,
    },
    make: ({ matchLengthWeight, matchLengthScaleTokens, ...rest }) => ({
      ...scored("prefix-cache", { matchLengthWeight, matchLengthScaleTokens }),
      ...notesOfIndex(rest),
    }),
  }),
  plugin({
    type: "no-hit-lru-scorer",
    role: "scorer",
    fate: "same",
    ours: "no-hit-lru",
    parameters: {
      lruSize: count(1),
      prefixPluginType: word,
      prefixPluginName: word,
      prefixMatchInfoProducerName: word,
    },
    make: (values) => ({
      ...scored("no-hit-lru"),
      ...idleNotes(values, {
        lruSize: "every pod's last turn is remembered",
        prefixPluginType: ownIndex,
        prefixPluginName: ownIndex,
        prefixMatchInfoProducerName: ownIndex,
      }),
    }),
  }),
  plugin({
    type: "header-label-affinity-scorer",
    role: "scorer",
    fate: "same",
    ours: "header-label",
    parameters: { headerName: word, labelKey: word },
    make: ({ headerName = "", labelKey = "" }, { complain }) => {
      if (headerName === "" || labelKey === "") complain("parameters headerName and labelKey", "not both of them");
      return scored("header-label", { header: headerName, label: labelKey });
    },
  }),
  plugin({
    type: "context-length-aware",
    role: "scorer",
    fate: "same",
    ours: "context-length (scorer and filter)",
    remark: "prompt tokens are estimated as a quarter of the bytes, as there without a tokenizer",
    parameters: { label: word, enableFiltering: toggle },
    make: ({ label, enableFiltering = false }) => {
      const use = scored("context-length", { label });
      return enableFiltering ? { ...use, filter: filterUse("context-length", { label }) } : use;
    },
  }),
];

export const scorerPlugins: readonly ForeignPlugin[] = [
  ...simple,
  ...affinity,
  refused("scorer", "prefix-cache", "precise-prefix-cache-scorer", "the pods' cache events are not read"),
  refused("scorer", "latency", "latency-scorer", "no latencies are predicted; ours goes by those seen"),
  refused("scorer", "kv-cache, queue-depth or a scorer of your own", "endpoint-attribute-scorer"),
  refused("scorer", "prefix-cache", "mm-embeddings-cache-scorer"),
  refused("scorer", "header-label", "topology-affinity-scorer"),
  refused("scorer", "queue-depth", "multicluster-queue-scorer"),
  refused("scorer", "kv-cache", "multicluster-kv-cache-utilization-scorer"),
  refused("scorer", "prefix-cache", "multicluster-prefix-cache-scorer"),
];
