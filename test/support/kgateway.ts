/** An Envoy config of the shape that kgateway gives a Gateway whose routes name an InferencePool. */
import type { EnvoyConfig } from "../../src/demo/envoy-config.ts";
import {
  extProcFilter,
  grpcCluster,
  originalDstCluster,
  poolGateway,
  poolModes,
  serviceCluster,
  subsetCluster,
} from "./pool-gateway.ts";

export interface Kgateway {
  readonly picker: string;
  readonly pods: readonly string[];
  /** Of the pool; FailClose without a word. */
  readonly failOpen?: boolean;
  /** Before 2.1 the header counts, and no metadata. */
  readonly version?: "2.0" | "2.1";
  /** Is the filter in the chain? It is as long as any route of the Gateway names a pool, and then on all routes. */
  readonly filter?: boolean;
}

/** Listens for the pool's route and, under /direct, for one to the Service. */
export function kgateway(shape: Kgateway): EnvoyConfig {
  const { picker, pods, failOpen = false, version = "2.1", filter = true } = shape;
  const options = {
    mode: poolModes.duplex,
    message_timeout: "10s",
    failure_mode_allow: failOpen,
    metadata_options: { receiving_namespaces: { untyped: ["envoy.lb"] } },
  };
  const to = (prefix: string, cluster: string) => ({ match: { prefix }, route: { cluster, timeout: "0s" } });
  return poolGateway({
    filters: filter ? [extProcFilter({ name: "envoy.filters.http.ext_proc", cluster: "picker", ...options })] : [],
    routes: [to("/direct/", "service"), to("/", "pool")],
    clusters: [
      version === "2.1" ? subsetCluster("pool", pods, failOpen) : originalDstCluster("pool"),
      serviceCluster("service", pods),
      grpcCluster("picker", picker, "tls"),
    ],
    // Of the older versions the client's word is the only other one.
    removed: version === "2.1" ? [] : ["x-gateway-destination-endpoint"],
  });
}
