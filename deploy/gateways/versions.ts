/** What has been shown of each way to attach the picker: the table in README.md is made from this, and a test checks what it names. */

/** Beside the newest, which every test runs: those that a smaller one runs too. */
export const olderEnvoys = ["1.36.4", "1.37.0", "1.38.3"] as const;
const newestEnvoy = "1.40.0";

export type Proof =
  /** A test of this repository shows it; `by` is its file, `envoys` are those it was run with. */
  | { readonly verdict: "run here"; readonly by: string; readonly envoys: readonly string[] }
  /** Read in the source or the documents of these versions. */
  | { readonly verdict: "argued"; readonly from: string }
  | { readonly verdict: "unknown"; readonly why: string };

export interface GatewayRow {
  readonly system: string;
  readonly versions: string;
  readonly way: string;
  /** Paths from deploy/gateways/. */
  readonly manifests: readonly string[];
  /** An Envoy of its own, configured as the system would. */
  readonly shape: Proof;
  /** The system itself, from manifest to request. */
  readonly whole: Proof;
}

const notInstalled = "not run";
const runBy = (by: string): Proof => ({ verdict: "run here", by, envoys: [...olderEnvoys, newestEnvoy] });
/** By tests that no older Envoy is started for. */
const runByNewest = (by: string): Proof => ({ verdict: "run here", by, envoys: [newestEnvoy] });
const argued = (from: string): Proof => ({ verdict: "argued", from });
const unknown = (why: string = notInstalled): Proof => ({ verdict: "unknown", why });

const modes = "test/envoy/body-modes.test.ts";
const shippedConfigs = "test/envoy/shipped-configs.test.ts";
const envoyFilter = "test/gateways/istio-envoy-filter.test.ts";
const openshift = "test/gateways/openshift.test.ts";
const aiGateway = "test/gateways/envoy-ai-gateway.test.ts";

export const gatewayRows: readonly GatewayRow[] = [
  {
    system: "Envoy",
    versions: "1.36 to 1.40",
    way: "the configs of deploy/envoy",
    manifests: ["../envoy/buffered.yaml", "../envoy/duplex.yaml", "../envoy/override-host.yaml"],
    shape: runBy(modes),
    whole: { verdict: "run here", by: shippedConfigs, envoys: [olderEnvoys[0], newestEnvoy] },
  },
  {
    system: "AIBrix",
    versions: "August 2026, Envoy Gateway 1.2.8",
    way: "its policy, ORIGINAL_DST by `target-pod`",
    manifests: ["aibrix/plugin-deployment.yaml", "aibrix/routes.yaml", "aibrix/policy.yaml"],
    shape: runBy("test/gateways/aibrix.test.ts"),
    whole: argued(
      "its manifests; Envoy Gateway 1.2.8 may lack the route metadata that `routes.yaml` looks for, and its Envoy 1.33 was not to be had",
    ),
  },
  {
    system: "Envoy Gateway",
    versions: "1.5 to 1.9",
    way: "EnvoyExtensionPolicy, endpointOverride by header",
    manifests: [
      "envoy-gateway/gateway-class.yaml",
      "envoy-gateway/route.yaml",
      "envoy-gateway/override.yaml",
      "envoy-gateway/duplex.yaml",
      "envoy-gateway/reference-grant.yaml",
    ],
    shape: runBy("test/gateways/envoy-gateway.test.ts"),
    whole: argued("the API of 1.9.1"),
  },
  {
    system: "Envoy Gateway",
    versions: "1.3 to 1.9",
    way: "EnvoyPatchPolicy, ORIGINAL_DST",
    manifests: ["envoy-gateway/route.yaml", "envoy-gateway/original-dst.yaml"],
    shape: runBy("test/gateways/envoy-gateway-original-dst.test.ts"),
    whole: argued("1.9.1, whose JSONPath library finds the routes; not whether earlier ones write the metadata"),
  },
  {
    system: "Envoy Gateway",
    versions: "1.9",
    way: "shadowMode",
    manifests: ["envoy-gateway/shadow.yaml"],
    shape: runBy("test/gateways/envoy-gateway-shadow.test.ts"),
    whole: argued("the API of 1.9.1"),
  },
  {
    system: "Envoy Gateway",
    versions: "1.2 to 1.9",
    way: "HTTPRouteFilter, an answer where no rule fits",
    manifests: ["envoy-gateway/no-route.yaml"],
    shape: runByNewest("test/gateways/no-route.test.ts"),
    whole: argued("the API of 1.9.1"),
  },
  {
    system: "Envoy Gateway",
    versions: "1.8 and 1.9",
    way: "backends with failover: BackendTrafficPolicy, both phases by EnvoyPatchPolicy",
    manifests: ["envoy-gateway/failover.yaml"],
    shape: { verdict: "run here", by: "test/gateways/envoy-gateway-failover.test.ts", envoys: ["1.38.3", newestEnvoy] },
    whole: argued(
      "the source of 1.9.1: a rule's Backends are the priorities of one cluster, with their names beside the endpoints, and patches come last",
    ),
  },
  {
    system: "Envoy AI Gateway",
    versions: "1.1",
    way: "HTTPRoute to InferencePool",
    manifests: ["envoy-ai-gateway/values.yaml", "envoy-ai-gateway/gateway.yaml", "envoy-ai-gateway/httproute.yaml"],
    shape: runBy(aiGateway),
    whole: argued("its source"),
  },
  {
    system: "Envoy AI Gateway",
    versions: "1.1",
    way: "AIGatewayRoute to InferencePool, two filters",
    manifests: ["envoy-ai-gateway/aigatewayroute.yaml", "envoy-ai-gateway/aigatewayroute-bypass.yaml"],
    shape: runBy(aiGateway),
    whole: argued("its source"),
  },
  {
    system: "Istio",
    versions: "1.28 and newer",
    way: "InferencePool v1",
    manifests: ["../kubernetes/inference-pool.yaml", "inference-pool/httproute.yaml", "istio/destination-rule.yaml"],
    shape: runBy(envoyFilter),
    whole: argued("its source up to 1.29, and routes of 1.30, for the authority it does not say"),
  },
  {
    system: "Istio",
    versions: "1.28 and newer",
    way: "InferencePool v1, with limits of ours",
    manifests: ["istio/replace-filter.yaml"],
    shape: runBy(envoyFilter),
    whole: argued("its source up to 1.29"),
  },
  {
    system: "Istio",
    versions: "1.27",
    way: "InferencePool v1alpha2, duplex without trailers: loses bodies of requests with trailers",
    manifests: ["inference-pool/pool-x.yaml", "inference-pool/httproute-x.yaml"],
    shape: runByNewest(envoyFilter),
    whole: argued("its source"),
  },
  {
    system: "Istio",
    versions: "1.26 of OpenShift",
    way: "InferencePool v1alpha2, buffered by EnvoyFilter",
    manifests: ["inference-pool/pool-x.yaml", "inference-pool/httproute-x.yaml", "istio/buffered.yaml"],
    shape: runBy(openshift),
    whole: unknown("a build that is not public"),
  },
  {
    system: "Istio",
    versions: "1.27 and newer",
    way: "EnvoyFilter by hand",
    manifests: ["istio/envoy-filter.yaml"],
    shape: runBy(envoyFilter),
    whole: argued("Envoy 1.35, that of Istio 1.27, has the policy `override_host`; 1.34 and before were not run"),
  },
  {
    system: "kgateway",
    versions: "2.1",
    way: "InferencePool v1",
    manifests: ["kgateway/gateway.yaml"],
    shape: runBy("test/gateways/kgateway.test.ts"),
    whole: unknown(),
  },
  {
    system: "KServe",
    versions: "0.16 and newer",
    way: "LLMInferenceService, scheduler's image",
    manifests: ["kserve/llm-inference-service.yaml"],
    shape: runByNewest("test/gateways/kserve.test.ts"),
    whole: argued("its template for the scheduler"),
  },
  {
    system: "GKE",
    versions: "any",
    way: "InferencePool v1",
    manifests: ["inference-pool/httproute.yaml"],
    shape: unknown(),
    whole: unknown("needs a HealthCheckPolicy for the pool, else its probe of `/` fails"),
  },
];
