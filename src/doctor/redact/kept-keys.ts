/** What is kept of configurations and objects: the fields whose words bear on the way of a request. All others go. */

/** As protobuf, Kubernetes and people spell it. */
export function spelled(key: string): string {
  return key.replace(/[-_]/g, "").toLowerCase();
}

const words = (text: string) => new Set(text.split(/\s+/).filter(Boolean).map(spelled));

/** Names, places and states: words without a blank in them. */
export const plainKeys = words(`
  @type type_url kind api_version group group_version name namespace generate_name type version state status reason phase
  cluster cluster_name cluster_header cluster_type stat_prefix alt_stat_name route_config_name service_name stat_name
  section_name listener route vhost gateway port_name stage image manager operation subresource time last_transition_time
  last_update_time creation_timestamp deletion_timestamp last_updated node_name pod_ip pod_ips host_ip host_ips ip ips
  cluster_ip cluster_ips hostname hostnames host domains hosts address addresses addr authority sni
  named_port port target_port container_port protocol app_protocol controller_name gateway_class_name apply_to
  lb_policy http_header_name header header_name remove request_headers_to_remove response_headers_to_remove
  untyped receiving_namespaces forwarding_namespaces request_attributes response_attributes path prefix path_separated_prefix regex prefix_rewrite substitution
  failure_mode mode operator scheme health_status eds_health_status endpoint_picker_ref models from to op effect
  context priority version_info client_status runtime_key reconcile retry_on service question
`);

/** Sentences of programs about objects, by the field and what it stands in. */
export const sentences: readonly (readonly [within: string, key: string])[] = [
  ["conditions", "message"],
  ["errorstate", "details"],
];

/** Below these every value is a name that people gave to things: labels, and what selects by them. */
export const labelKeys = words("labels match_labels selector pod_selector node_selector workload_selector pod_labels");

/** Whatever is below these is nobody's business. */
export const secretKeys =
  /pass(word|wd|phrase)|secrets?$|tokens?$|apikeys?|authorization|privatekey|credentials?$|cookie|accesskey|signature|hmac|psk$|ticketkeys|^users$|^(binary|string)?data$|^annotations$|^inline(string|bytes|code)$|^node$|^layeredruntime$/;

/** Of these types every field counts by its key; of any other only the type is kept. */
export const knownTypes = new RegExp(
  `\\.(${[
    "(Bootstrap|Clusters|Listeners|Routes|ScopedRoutes|Ecds|Endpoints)ConfigDump",
    "Listener|Cluster|RouteConfiguration|ScopedRouteConfiguration|VirtualHost|ClusterLoadAssignment|FilterConfig",
    "HttpConnectionManager|HttpProtocolOptions|Router|ExternalProcessor|ExtProcPerRoute|ExtProcOverrides",
    "HeaderMutation|HeaderMutationPerRoute|Buffer|BufferPerRoute|OverrideHost|RoundRobin|LeastRequest|TypedExtensionConfig",
  ].join("|")})$`,
);

/** Kinds of Kubernetes of which more is kept than names, labels and conditions. */
export const knownKinds = new Set(
  `List Service Pod Node Deployment DaemonSet StatefulSet EndpointSlice Endpoints NetworkPolicy Gateway GatewayClass HTTPRoute
  GRPCRoute ReferenceGrant BackendTLSPolicy InferencePool InferenceObjective EnvoyExtensionPolicy EnvoyPatchPolicy EnvoyProxy
  Backend ClientTrafficPolicy BackendTrafficPolicy SecurityPolicy AIGatewayRoute AIServiceBackend EnvoyFilter DestinationRule
  GatewayExtension TrafficPolicy HealthCheckPolicy GCPBackendPolicy LLMInferenceService`.split(/\s+/),
);

/** Headers whose values name models, pods and ways of routing. */
export const plainHeader =
  /^(:path|:method|:authority|host|content-type|routing-strategy|model|target-pod|x-gateway-destination-endpoint|x-envoy-original-dst-host|x-ai-eg-model|x-gateway-model-name|x-[a-z-]*model[a-z-]*|grpc-status)$/i;

/** Flags of programs whose values name ports, models and pools. */
export const plainFlag =
  /^--?(model|served-model-name|port|host|grpc-port|grpc-health-port|metrics-port|admin-port|pool-name|pool-namespace|pool-group|model-server-metrics-(port|path|scheme|https-insecure-skip-verify)|secure-serving|tls-only|stream-limit|tensor-parallel-size|data-parallel-size|max-model-len|dtype|v|c|m)$/;

/** Programs, and what they are told to do. */
export const plainWord =
  /^((\/usr)?(\/local)?\/bin\/)?(sh|bash|env|exec|python3?|vllm|serve|sglang|sglang\.launch_server|vllm\.entrypoints\.openai\.api_server|pointsman|epp|envoy|node)$/;
