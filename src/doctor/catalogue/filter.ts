/** Faults of the filter chain: the picker is never asked, or not for this route. */
import type { Row } from "./row.ts";

export const filterRows = {
  filterAbsent: {
    row: 1,
    name: "filter-not-run",
    step: "filter",
    layer: "filter chain",
    symptom:
      "503 with flag UH and `no_healthy_upstream`, no bytes received, at once, on a cluster of original destinations.",
    cause: "ext_proc did not run on this route; the original-destination cluster got no address.",
    fix: [
      ["Bring back the filter: {policy} makes it."],
      ["In http_filters of listener {listener}, before envoy.filters.http.router: {paste}"],
      [
        "kubectl describe {kind}: was it accepted?",
        "Was the policy or patch accepted that makes it? kubectl get envoyextensionpolicy,envoypatchpolicy -A -o yaml (Istio: kubectl get envoyfilter -A -o yaml)",
      ],
    ],
    expect: "`streams_started` of the filter rises with each request.",
  },
  nameOfAnother: {
    row: 3,
    name: "patch-names-another-filter",
    step: "filter",
    layer: "control plane",
    symptom: "As row 1, from the day of installation.",
    cause:
      "The route turns on a filter by a name that no filter of the listener has: it was made for another release name.",
    fix: ["Let the route say {filter} instead of {key}, or install the release under the name that the patch expects."],
    expect: "The route's key and the filter's name are the same, and `streams_started` rises.",
    references: ["vllm-project/aibrix#1920"],
  },
  routerFilterMissing: {
    row: 26,
    name: "router-filter-missing",
    step: "filter",
    layer: "filter chain",
    symptom:
      "Envoy AI Gateway: the cluster's filter fails with a missing internal request id; the client hangs or gets 500.",
    cause: "The filter of the listener did not run before the filter of the cluster.",
    fix: [
      "Move the Gateway out of Envoy Gateway's own namespace, and look for the extension server in the controller's log.",
      "Update Envoy AI Gateway.",
    ],
    expect: "config_dump has envoy.filters.http.ext_proc/aigateway on listener {listener}.",
    references: ["envoyproxy/ai-gateway#1708"],
  },
  extensionNotWired: {
    row: 27,
    name: "extension-server-not-wired",
    step: "filter",
    layer: "control plane",
    symptom: "Envoy AI Gateway: all is accepted, nothing is routed by model, the provider answers 401.",
    cause: "Envoy Gateway was not told of the extension server, which therefore changed nothing.",
    fix: ["helm upgrade envoy-gateway with the values of deploy/gateways/envoy-ai-gateway/values.yaml"],
    expect: "config_dump names run.sock.",
    references: ["envoyproxy/ai-gateway#2560"],
  },
  filterOfOneGateway: {
    row: 42,
    name: "filter-on-one-gateway",
    step: "filter",
    layer: "filter chain",
    symptom: "One gateway works, the other does not.",
    cause: "The EnvoyFilter or policy selects the pods of one gateway only.",
    fix: ["One for each: copy {object} for gateway {gateway}, with its labels."],
    expect: "Both gateways name the filter in config_dump.",
  },
  secondGateway: {
    row: 51,
    name: "filter-bound-to-first-gateway",
    step: "filter",
    layer: "filter chain",
    symptom: "Through the second gateway requests are served without a pick, or bodies are lost.",
    cause: "What cured the first gateway is bound to it: its selector or targetRefs name it alone.",
    fix: ["Name {gateway} too: another targetRef in {object}, or a copy of it."],
    expect: "Both gateways have the same filter with the same processing_mode.",
  },
  routeCacheKept: {
    row: 29,
    name: "no-route-by-model",
    step: "route",
    layer: "route",
    symptom: "404, `route_not_found` or `No matching route`, where routes match a header with the model.",
    cause: "The header was not set, or Envoy did not look for a route again after it was.",
    fix: [
      "The filter that sets the header has to clear the route cache, and to change a header in the same answer.",
      "route_cache_action must not be RETAIN, disable_clear_route_cache not true.",
    ],
    expect: "The access log has the model in that header, and a route's name.",
  },
} satisfies Record<string, Row>;
