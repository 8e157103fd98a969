/** The plugins of the Go picker that handle requests as a whole: profile handlers, parsers, admission, flow control. */
import { amount, anything, oneOf, type Parameters } from "./parameters.ts";
import { type ForeignPlugin, plugin, refused } from "./plugin.ts";

const handlers = [
  plugin({ type: "single-profile-handler", role: "profile handler", fate: "same", ours: "the profile of the pool" }),
  refused(
    "profile handler",
    "single-profile-handler",
    "disagg-profile-handler",
    "each request is served by one pod here",
  ),
  refused("profile handler", "a pool for each profile, named by the header x-pointsman-pool", "header-profile-handler"),
  refused(
    "profile handler",
    "an InferencePool with several targetPorts, each of which is a pod here",
    "data-parallel-profile-handler",
  ),
  refused("profile handler", "single-profile-handler", "pd-profile-handler", "each request is served by one pod here"),
  refused(
    "profile handler",
    "single-profile-handler",
    "disagg-headers-handler",
    "each request is served by one pod here",
  ),
  refused(
    "profile handler",
    "single-profile-handler",
    "prefill-header-handler",
    "each request is served by one pod here",
  ),
];

const deciders = ["prefix-based-pd-decider", "always-disagg-pd-decider", "always-disagg-multimodal-decider"].map(
  (type) => refused("decider", "single-profile-handler", type, "each request is served by one pod here"),
);

const requestControl = [
  plugin({
    type: "agent-identity",
    role: "request control",
    fate: "idle",
    ours: "session-affinity reads the same headers",
    remark: "the fairness id that it finds is for flow control",
    parameters: { additionalSessionHeaders: anything },
    make: () => ({ notes: ["a fairness id is for flow control, which is not done here"] }),
  }),
  refused("request control", "the metrics of tokens", "request-attribute-reporter"),
  refused("request control", "the filter saturation with fallbackOnEmpty false", "latency-slo-admitter"),
  refused("request control", "the filter saturation with fallbackOnEmpty false", "probabilistic-admitter"),
  refused("request control", "the filter label", "disaggregatedset-rollout-screener"),
];

const parser = (type: string, ours: string) => plugin({ type, role: "parser", fate: "same", ours });

const parsers = [
  parser("openai-parser", "told by the path"),
  parser("anthropic-parser", "told by the path"),
  parser("vllmhttp-parser", "told by the path"),
  parser("sglanghttp-parser", "told by the path"),
  parser("vllmgrpc-parser", "told by the path"),
  plugin({
    type: "passthrough-parser",
    role: "parser",
    fate: "same",
    ours: "any other path: routed by load",
  }),
  refused("parser", "openai-parser", "vertexai-parser"),
];

const OFF = "flow control is off, here as there without its feature gate";

function flowControl(type: string, parameters: Parameters = {}): ForeignPlugin {
  return plugin({
    type,
    role: "flow control",
    fate: "idle",
    ours: "nothing is queued",
    parameters,
    make: () => ({ notes: [OFF] }),
  });
}

const las = {
  lasWeightService: amount(0),
  lasWeightHeadWait: amount(0),
  lasHalfLifeSeconds: amount(0),
  evictionTtlSeconds: amount(0),
  evictionSweepSeconds: amount(0),
} as const;

const policies = [
  flowControl("global-strict-fairness-policy"),
  flowControl("round-robin-fairness-policy"),
  flowControl("program-aware-fairness", las),
  flowControl("fcfs-ordering-policy"),
  flowControl("edf-ordering-policy"),
  flowControl("slo-deadline-ordering-policy"),
  flowControl("static-usage-limit-policy", { threshold: amount(0) }),
  flowControl("priority-holdback-policy", {
    minCeiling: amount(0),
    maxCeiling: amount(0),
    domain: oneOf("rank", "value"),
    shape: oneOf("linear"),
  }),
  flowControl("soft-reflective-ceiling-policy"),
  flowControl("sheddable-eviction-filter"),
  flowControl("priority-then-time-eviction-order-policy"),
];

export const otherPlugins: readonly ForeignPlugin[] = [
  ...handlers,
  ...deciders,
  ...requestControl,
  ...parsers,
  ...policies,
];
