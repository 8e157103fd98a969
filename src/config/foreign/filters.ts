/** The filters of the Go picker. */
import { amount, count, duration, listOf, mappingOf, oneOf, toggle, word, words } from "./parameters.ts";
import { type ForeignPlugin, idleNotes, plugin, refused } from "./plugin.ts";
import { filterUse, scorerUse } from "./use.ts";

const ROLE = "llm-d.ai/role";
const decodeRoles = ["decode", "prefill-decode", "both", "encode-prefill-decode"];
const prefillRoles = ["prefill", "encode-prefill", "prefill-decode", "both", "encode-prefill-decode"];
const encodeRoles = ["encode", "encode-prefill", "encode-prefill-decode"];
const among = (label: string, values: readonly string[]) => `${label} in (${values.join(", ")})`;

const roleFilter = (type: string, requirement: string, remark: string) =>
  plugin({
    type,
    role: "filter",
    fate: "same",
    ours: "label",
    remark,
    make: () => ({ filter: filterUse("label", { requirements: [requirement] }) }),
  });

const selector = {
  matchLabels: words,
  matchExpressions: listOf(
    mappingOf({ key: word, operator: oneOf("In", "NotIn", "Exists", "DoesNotExist"), values: listOf(word) }),
  ),
} as const;

interface Expression {
  readonly key?: string;
  readonly operator?: "In" | "NotIn" | "Exists" | "DoesNotExist";
  readonly values?: readonly string[];
}

/** In the words of our filter `label`; undefined where Kubernetes would not take it either. */
function requirementOf({ key = "", operator, values = [] }: Expression): string | undefined {
  const listed = operator === "In" || operator === "NotIn";
  if (key === "" || operator === undefined || listed !== values.length > 0) return undefined;
  if (operator === "In") return among(key, values);
  if (operator === "NotIn") return `${key} notin (${values.join(", ")})`;
  return operator === "Exists" ? key : `!${key}`;
}

const labelFilters = [
  plugin({
    type: "label-selector-filter",
    older: ["by-label-selector"],
    role: "filter",
    fate: "same",
    ours: "label",
    parameters: selector,
    make: ({ matchLabels = {}, matchExpressions = [] }, { complain }) => {
      const requirements = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
      for (const expression of matchExpressions) {
        const requirement = requirementOf(expression);
        if (requirement !== undefined) requirements.push(requirement);
        else complain("matchExpressions with key, operator, and values for In and NotIn alone", "others");
      }
      return { filter: filterUse("label", { requirements }) };
    },
  }),
  plugin({
    type: "by-label",
    role: "filter",
    fate: "same",
    ours: "label",
    parameters: { label: word, validValues: listOf(word), allowsNoLabel: toggle },
    make: ({ label = "", validValues = [], allowsNoLabel = false }, { complain }) => {
      if (label === "" || (validValues.length === 0 && !allowsNoLabel)) {
        complain("label, and validValues or allowsNoLabel", "not all of them");
        return {};
      }
      const valid = among(label, validValues);
      const requirement = validValues.length === 0 ? `!${label}` : allowsNoLabel ? `${valid} or absent` : valid;
      return { filter: filterUse("label", { requirements: [requirement] }) };
    },
  }),
  roleFilter("decode-filter", `${among(ROLE, decodeRoles)} or absent`, "pods without the label stay too"),
  roleFilter("prefill-filter", among(ROLE, prefillRoles), "only the pick: no prefill is sent ahead to another pod"),
  roleFilter("encode-filter", among(ROLE, encodeRoles), "only the pick: nothing is encoded ahead on another pod"),
];

const limitOf = {
  "active-requests": "inFlightLimit",
  "running-requests": "runningLimit",
  "waiting-queue": "waitingLimit",
  "kv-cache-utilization": "kvLimit",
} as const;
type Limited = keyof typeof limitOf;

const STALE = "readings older than three scrape intervals, 2s at least, are unknown and count as below every limit";

const loadFilters = [
  plugin({
    type: "utilization-filter",
    role: "filter",
    fate: "same",
    ours: "utilization",
    parameters: {
      conditions: listOf(mappingOf({ metric: oneOf(...(Object.keys(limitOf) as Limited[])), maxValue: amount(0) })),
      fallbackOnEmpty: toggle,
      inFlightLoadProducerName: word,
    },
    make: ({ conditions = [], fallbackOnEmpty, ...rest }, { complain }) => {
      const limits: Record<string, number> = {};
      for (const { metric, maxValue } of conditions) {
        if (metric === undefined || maxValue === undefined)
          complain("metric and maxValue in each condition", "not both");
        // Of two conditions on one reading both hold, so the lower does.
        else limits[limitOf[metric]] = Math.min(maxValue, limits[limitOf[metric]] ?? maxValue);
      }
      const note = { inFlightLoadProducerName: "requests in flight are counted in one place here" };
      return { filter: filterUse("utilization", { ...limits, fallbackOnEmpty }), ...idleNotes(rest, note) };
    },
  }),
  plugin({
    type: "active-request-filter",
    role: "filter",
    fate: "same",
    ours: "utilization",
    parameters: { maxRequests: count(1), fallbackOnEmpty: toggle, inFlightLoadProducerName: word },
    make: ({ maxRequests, fallbackOnEmpty }, { complain }) => {
      if (maxRequests === undefined) complain("a parameter maxRequests >= 1", "none");
      return { filter: filterUse("utilization", { inFlightLimit: maxRequests, fallbackOnEmpty }) };
    },
  }),
  plugin({
    type: "utilization-detector",
    role: "filter",
    fate: "near",
    ours: "saturation",
    remark: `as a filter of a profile; as detector of flow control it has nothing to do. ${STALE}`,
    parameters: {
      queueDepthThreshold: count(1),
      kvCacheUtilThreshold: amount(0, 1),
      metricsStalenessThreshold: duration,
      headroom: amount(0),
      stalenessPolicy: oneOf("saturated", "ignore"),
    },
    make: ({ queueDepthThreshold = 5, kvCacheUtilThreshold = 0.8, headroom = 0, ...rest }) => {
      const waitingLimit = queueDepthThreshold * (1 + headroom);
      const kvLimit = Math.min(1, kvCacheUtilThreshold * (1 + headroom));
      return {
        filter: filterUse("saturation", { waitingLimit, kvLimit }),
        ...idleNotes(rest, { metricsStalenessThreshold: STALE, stalenessPolicy: STALE }),
      };
    },
  }),
  plugin({
    type: "concurrency-detector",
    role: "filter",
    fate: "near",
    ours: "utilization",
    remark:
      "as a filter of a profile; as detector of flow control it has nothing to do. Tokens are those still to be read",
    parameters: {
      concurrencyMode: oneOf("requests", "tokens", "hybrid"),
      maxConcurrency: count(1),
      maxTokenConcurrency: count(1),
      headroom: amount(0),
      inFlightLoadProducerName: word,
    },
    make: ({ concurrencyMode = "requests", maxConcurrency = 100, maxTokenConcurrency = 1e6, headroom = 0 }) => {
      // A pod at the limit is out there; here it is one beyond.
      const below = (limit: number) => Math.floor(limit * (1 + headroom)) - 1;
      const options = {
        ...(concurrencyMode !== "tokens" && { inFlightLimit: below(maxConcurrency) }),
        ...(concurrencyMode !== "requests" && { tokensLimit: below(maxTokenConcurrency) }),
      };
      return { filter: filterUse("utilization", { ...options, fallbackOnEmpty: true }) };
    },
  }),
];

const testing = plugin({
  type: "header-based-testing-filter",
  role: "filter",
  fate: "same",
  ours: "testing",
  make: () => ({ filter: filterUse("testing") }),
});

const prefixAffinity = plugin({
  type: "prefix-cache-affinity-filter",
  role: "filter",
  fate: "near",
  ours: "prefix-affinity",
  remark:
    "a scorer that weighs more than all others together, beside max-score-picker; nothing is explored or predicted",
  parameters: {
    affinityThreshold: amount(0, 1),
    explorationProbability: amount(0, 1),
    maxTTFTPenaltyMs: amount(0),
    ttftSource: oneOf("prefillThroughput", "latencyPredictor"),
    peakPrefillThroughput: amount(1),
    prefixMatchInfoProducerName: word,
    inFlightLoadProducerName: word,
  },
  make: (values, { complain }) => {
    const {
      affinityThreshold,
      explorationProbability = 0,
      maxTTFTPenaltyMs,
      ttftSource,
      peakPrefillThroughput,
    } = values;
    if (explorationProbability > 0) complain("explorationProbability 0", String(explorationProbability));
    if (ttftSource === "latencyPredictor")
      complain("ttftSource prefillThroughput: no latencies are predicted", ttftSource);
    const options = {
      threshold: affinityThreshold,
      penaltyMs: maxTTFTPenaltyMs,
      tokensPerSecond: peakPrefillThroughput,
    };
    const { prefixMatchInfoProducerName: match, inFlightLoadProducerName: load } = values;
    return {
      decidingScorer: scorerUse("prefix-affinity", options),
      ...idleNotes({ ...(match !== undefined && { match }), ...(load !== undefined && { load }) }, ownState),
    };
  },
});
const ownState = {
  match: "prefixMatchInfoProducerName has no effect: there is one prefix index here",
  load: "inFlightLoadProducerName has no effect: requests in flight are counted in one place here",
};

export const filterPlugins: readonly ForeignPlugin[] = [
  ...labelFilters,
  ...loadFilters,
  testing,
  prefixAffinity,
  refused("filter", "the scorer latency", "slo-headroom-tier-filter", "no latencies are predicted"),
  refused("filter", "label or utilization", "endpoint-attribute-filter"),
  refused("filter", "label", "topology-affinity-filter"),
];
