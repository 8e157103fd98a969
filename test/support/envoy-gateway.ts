/** Envoy configs as Envoy Gateway makes them of the shipped policies, endpointOverride by header or an EnvoyPatchPolicy's ORIGINAL_DST. */
import {
  adminOn,
  type Edit,
  type EnvoyConfig,
  listenOn,
  pickersAt,
  places,
  podsAt,
  renderEnvoyConfig,
} from "../../src/demo/envoy-config.ts";
import { type ClientLimits, clientLimits, http2Options, removedEarly } from "./client-traffic.ts";
import { extProcFilter, grpcCluster, poolGateway, serviceCluster, withFilter } from "./pool-gateway.ts";
import { documentsOf } from "./shipped-objects.ts";

/** Has the ClientTrafficPolicy. */
const policy = "envoy-gateway/route.yaml";
const bodyModes = { Buffered: "BUFFERED", FullDuplexStreamed: "FULL_DUPLEX_STREAMED" } as const;

interface ExtProc {
  readonly processingMode: Readonly<Record<"request" | "response", { readonly body?: keyof typeof bodyModes }>>;
  readonly failOpen: boolean;
  readonly messageTimeout: string;
}

function specOf<Spec>(file: string, kind: string): Spec {
  const objects = documentsOf(`gateways/envoy-gateway/${file}`) as { kind: string; spec: Spec }[];
  const found = objects.find((object) => object.kind === kind);
  if (found === undefined) throw new Error(`${file} has no ${kind}`);
  return found.spec;
}

const noRetry: Edit = {
  op: "remove",
  at: [...places.hcm, "route_config", "virtual_hosts", "all", "routes", 0, "route", "retry_policy"],
};

/** As the translator of Envoy Gateway 1.9 writes a policy into the filter. */
function filterOf(file: string): Edit[] {
  const [extProc] = specOf<{ extProc: readonly ExtProc[] }>(file, "EnvoyExtensionPolicy").extProc;
  if (extProc === undefined) throw new Error(`${file} has no extProc`);
  const mode = (direction: "request" | "response") => {
    const { body: named } = extProc.processingMode[direction];
    const trailers = named === "FullDuplexStreamed" ? { [`${direction}_trailer_mode`]: "SEND" } : {};
    const set = named === undefined ? "NONE" : bodyModes[named];
    return { [`${direction}_header_mode`]: "SEND", [`${direction}_body_mode`]: set, ...trailers };
  };
  return [
    { op: "set", at: [...places.extProc, "processing_mode"], to: { ...mode("request"), ...mode("response") } },
    { op: "set", at: [...places.extProc, "failure_mode_allow"], to: extProc.failOpen },
    { op: "set", at: [...places.extProc, "message_timeout"], to: extProc.messageTimeout },
    ...("retry" in specOf<object>(file, "BackendTrafficPolicy") ? [] : [noRetry]),
  ];
}

const overrideHost = [
  ...[...places.pods, "load_balancing_policy", "policies", 0],
  ...["typed_extension_config", "typed_config"],
];

function asEnvoyGateway(limits: ClientLimits): readonly Edit[] {
  const override = specOf<{ loadBalancer: { endpointOverride: { extractFrom: object[] } } }>(
    "override.yaml",
    "BackendTrafficPolicy",
  ).loadBalancer.endpointOverride;
  return [
    { op: "set", at: [...places.listener, "per_connection_buffer_limit_bytes"], to: limits.bufferBytes },
    { op: "set", at: [...places.hcm, "http2_protocol_options"], to: http2Options(limits) },
    { op: "remove", at: [...places.hcm, "http_filters", "envoy.filters.http.header_mutation"] },
    {
      op: "add",
      at: [...places.hcm, "early_header_mutation_extensions"],
      to: [
        {
          name: "envoy.http.early_header_mutation.header_mutation",
          typed_config: {
            "@type":
              "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            mutations: removedEarly(policy).map((name) => ({ remove: name })),
          },
        },
      ],
    },
    { op: "set", at: [...overrideHost, "override_host_sources"], to: override.extractFrom },
    { op: "remove", at: [...overrideHost, "selected_host_key"] },
  ];
}

export interface EnvoyGateway {
  readonly pickers: readonly string[];
  readonly pods: readonly string[];
  /** Of the listener; those of route.yaml without a word. */
  readonly limits?: ClientLimits;
  /** Is the EnvoyExtensionPolicy there? */
  readonly filtered?: boolean;
}

/** `file` has the policies: override.yaml or duplex.yaml. */
export function envoyGateway(file: string, shape: EnvoyGateway): EnvoyConfig {
  const { pickers, pods, limits = clientLimits(policy), filtered = true } = shape;
  const filter: Edit = { op: "remove", at: [...places.hcm, "http_filters", "envoy.filters.http.ext_proc"] };
  return renderEnvoyConfig("override-host.yaml", [
    ...[listenOn(0), adminOn(0), pickersAt(pickers), podsAt(pods)],
    ...asEnvoyGateway(limits),
    ...filterOf(file),
    ...(filtered ? [] : [filter]),
  ]);
}

interface Operation {
  readonly jsonPath?: string;
  readonly path?: string;
  readonly value: unknown;
}

function written(isWanted: (operation: Operation) => boolean): unknown {
  const { jsonPatches } = specOf<{ jsonPatches: readonly { operation: Operation }[] }>(
    "original-dst.yaml",
    "EnvoyPatchPolicy",
  );
  const found = jsonPatches.map(({ operation }) => operation).find(isWanted);
  if (found === undefined) throw new Error("original-dst.yaml lacks a patch");
  return found.value;
}

const filterName = "envoy.filters.http.ext_proc/envoyextensionpolicy/default/pointsman/extproc/0";

export interface PatchedGateway extends Pick<EnvoyGateway, "pods" | "filtered"> {
  readonly picker: string;
  /** Is the EnvoyPatchPolicy there? */
  readonly patched?: boolean;
}

/** The filter as the policy of override.yaml makes it, with `failOpen: false` as original-dst.yaml asks for. */
export function patchedGateway({ picker, pods, patched = true, filtered = true }: PatchedGateway): EnvoyConfig {
  const modes = { request_header_mode: "SEND", request_body_mode: "BUFFERED", response_header_mode: "SEND" };
  const filter = { name: filterName, cluster: "picker", mode: modes, disabled: true, message_timeout: "10s" };
  const cluster = patched ? written(({ jsonPath = "" }) => jsonPath.includes("'vllm'")) : "service";
  const own = written(({ path, jsonPath }) => path === "" && jsonPath === undefined) as object;
  return poolGateway({
    removed: removedEarly(policy),
    limits: clientLimits(policy),
    filters: filtered ? [extProcFilter(filter)] : [],
    routes: [
      {
        match: { prefix: "/" },
        route: { cluster, timeout: "0s" },
        ...(filtered ? { typed_per_filter_config: withFilter(filterName) } : {}),
      },
    ],
    clusters: [...(patched ? [own] : []), serviceCluster("service", pods), grpcCluster("picker", picker, "h2c")],
    manager: patched ? { local_reply_config: written(({ path }) => path === "/local_reply_config") } : {},
  });
}
