/** Faults of the address: none came, none that this data plane reads, or none that its cluster can use. */
import type { Row } from "./row.ts";

export const addressRows = {
  headerLost: {
    row: 34,
    name: "header-dropped",
    step: "address",
    layer: "protocol",
    symptom: "A header that the picker sets does not arrive.",
    cause: "Envoy does not let ext_proc set it, or it came with the answer to a body that was already on its way.",
    fix: ["Set it with the answer to the headers, as raw_value; allow it in mutation_rules of filter {filter}."],
    expect: "`rejected_header_mutations` stands still.",
  },
  signalsLost: {
    row: 47,
    name: "pods-tell-nothing",
    step: "address",
    layer: "signals",
    symptom: "Picks are even whatever the load; every score is 0 or the same.",
    cause:
      "The pods' metrics are not read: another port or path, TLS, a token, or names that the picker does not know.",
    fix: [
      "--model-server-metrics-port, -path and -scheme of the picker as the pods have them; scrapes end with: {outcome}",
    ],
    expect: 'pointsman_scrapes_total{outcome="ok"} rises, and /debug/pods shows readings.',
  },
  otherChannel: {
    row: 24,
    name: "address-in-another-channel",
    step: "address",
    layer: "address",
    symptom: "200, the picker picks, and another pod serves.",
    cause:
      "The cluster reads the address from metadata that the filter does not let in, or from a header that is not set.",
    fix: [
      ["In filter {filter}: metadata_options: { receiving_namespaces: { untyped: [{namespace}] } }"],
      ["metadata_options: { receiving_namespaces: { untyped: [{namespace}] } } in the ext_proc filter"],
      "A picker that names the address in the header and in the metadata: pointsman does.",
    ],
    expect: "The pod that served is the one that was picked.",
  },
  noDestination: {
    row: 5,
    name: "address-unusable",
    step: "address",
    layer: "address",
    symptom:
      "503 UH on a cluster of original destinations, though the picker was asked and answered (bytes_received is not 0).",
    cause: "It named no address, one that is none, or several where the cluster takes one.",
    fix: [
      ["In cluster {cluster}: original_dst_lb_config: { use_http_header: true, http_header_name: {picked} }"],
      [
        "One ip:port in header {header} (IPv6 in brackets) is what this cluster takes of a picker.",
        "One ip:port where the cluster looks for it (IPv6 in brackets); pointsman sets x-gateway-destination-endpoint.",
      ],
      "pointsman names one pod unless its profile has `endpoints` above 1, which this kind of cluster cannot take.",
    ],
    expect: [
      "upstream_cx_none_healthy and original_dst_host_invalid of cluster {cluster} stand still while requests come.",
      "No more 503 with flag UH.",
    ],
  },
  noPodKnown: {
    row: 57,
    name: "picker-has-no-pod",
    step: "address",
    layer: "picker",
    symptom: "503 with the code details `pointsman_no_pods`, or another of the picker's words for it.",
    cause: "The picker was asked, and has no pod that it could name: none is known, or none is left for this request.",
    fix: [
      "What it knows: curl -s PICKER:9090/debug/pods. Nothing there: the selector of the pool, its namespace, the picker's rights (row 40).",
      "Pods there, and none left: the filters of the profile, the subset that the route allows, or a label in the request.",
    ],
    expect: 'pointsman_refusals_total{code="{code}"} stands still.',
  },
  forgedDestination: {
    row: 43,
    name: "client-chooses-pod",
    step: "address",
    layer: "filter chain",
    symptom: "A client that sends the destination header itself is sent wherever it says.",
    cause: "The header is not taken from requests, and the filter fails open or is passed by.",
    fix: ["Before ext_proc: a header_mutation filter that removes {header}; deploy/envoy has it in every file."],
    expect: "A forged header changes nothing, with the picker up and down.",
  },
  poolsMixed: {
    row: 38,
    name: "pools-of-one-rule-mixed",
    step: "cluster",
    layer: "control plane",
    symptom: "Two pools in one rule give 503 between them.",
    cause: "Istio asks one picker for both, and the pods it names are not in the other's cluster.",
    fix: ["One pool per rule, or an Istio with the repair."],
    expect: "Each pool's cluster gets addresses of its own pods.",
    references: ["istio/istio#61594", "istio/istio#61601"],
  },
  noEndpoints: {
    row: 6,
    name: "no-healthy-endpoint",
    step: "cluster",
    layer: "pods",
    symptom: "503 UH on a cluster with a list of endpoints.",
    cause: "The list is empty, or none of it is healthy.",
    fix: [
      "kubectl get endpointslices; the Service's selector and targetPort; the pods' readiness.",
      "On GKE a HealthCheckPolicy for the pool: its probe of / fails with vLLM.",
    ],
    expect: "membership_healthy of cluster {cluster} is above 0.",
  },
  retrySamePod: {
    row: 36,
    name: "retry-meets-same-pod",
    step: "cluster",
    layer: "cluster",
    symptom: "A retry goes to the pod that just failed.",
    cause: "One address is all that the cluster can take, or the list has the same address twice.",
    fix: ["An override_host cluster and a list: deploy/envoy/override-host.yaml with endpoints: 3 in the profile."],
    expect: "The attempts of one request name different hosts.",
  },
  failOpenWithoutHosts: {
    row: 37,
    name: "fail-open-without-fallback",
    step: "cluster",
    layer: "cluster",
    symptom: "Told to fail open, requests fail all the same when the picker is gone.",
    cause:
      "A cluster of original destinations has no host of its own to fall back to, or the gateway ignores the pool's FailOpen.",
    fix: [
      "A cluster that lists the pods (deploy/envoy/override-host.yaml; Envoy Gateway: endpointOverride), or accept failing closed.",
    ],
    expect: "With the picker stopped requests are served.",
    references: ["envoyproxy/ai-gateway#2502"],
  },
} satisfies Record<string, Row>;
