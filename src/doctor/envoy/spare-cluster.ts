/** The cluster that a filter may have meant: where it names none that is there, or the filter itself is gone. */
import type { EnvoyConfig } from "./config-view.ts";

/** The only one that speaks HTTP/2 and that no route or filter leads to; "" where there is none, or several. */
export function spareCluster({ clusters, listeners }: EnvoyConfig): string {
  const routed = listeners.flatMap(({ routes }) => routes.flatMap((route) => route.clusters));
  const asked = listeners.flatMap(({ filters }) => filters.flatMap(({ extProc }) => extProc?.cluster ?? []));
  const spare = [...clusters.values()].filter(
    ({ name, speaksHttp2 }) => speaksHttp2 && !routed.includes(name) && !asked.includes(name),
  );
  const [only, ...others] = spare;
  return others.length > 0 ? "" : (only?.name ?? "");
}

/** As deploy/envoy/buffered.yaml has it, in one line: JSON is YAML too. */
export function filterAsking(cluster: string): string {
  const type = "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor";
  return JSON.stringify({
    name: "envoy.filters.http.ext_proc",
    typed_config: {
      "@type": type,
      grpc_service: { envoy_grpc: { cluster_name: cluster } },
      message_timeout: "10s",
      metadata_options: { receiving_namespaces: { untyped: ["envoy.lb"] } },
      processing_mode: {
        request_header_mode: "SEND",
        request_body_mode: "BUFFERED",
        response_header_mode: "SKIP",
        response_body_mode: "NONE",
      },
    },
  });
}
