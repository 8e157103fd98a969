/** Shipped parts of an Envoy config, as edits that put them where they say that they belong. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import type { Edit, Place } from "../../src/demo/envoy-config.ts";
import { failoverPlaces } from "./backends-rig.ts";

interface Filter {
  readonly name: string;
}

interface Parts {
  /** All but the last go before the router phase, and the last one behind it. */
  readonly http_filters: readonly Filter[];
  /** What of the router phase's filter is another than shipped. */
  readonly router_phase?: {
    readonly in_place: Readonly<Record<string, unknown>>;
    readonly new: Readonly<Record<string, unknown>>;
  };
  /** Of the route. */
  readonly typed_per_filter_config?: Readonly<Record<string, object>>;
  readonly virtual_host?: { readonly typed_per_filter_config: Readonly<Record<string, object>> };
  readonly clusters?: readonly { readonly name: string }[];
}

/** `file` is a name in deploy/backends/. */
function partsIn(file: string): Parts {
  const path = fileURLToPath(new URL(`../../deploy/backends/${file}`, import.meta.url));
  return JSON.parse(JSON.stringify(parse(readFileSync(path, "utf8")))) as Parts;
}

function ofRouterPhase(op: "set" | "add", key: string, to: unknown): Edit {
  return { op, at: [...failoverPlaces.routerPhase, key], to };
}

function perFilter(of: Place, to: object): Edit {
  return { op: "add", at: [...of, "typed_per_filter_config"], to };
}

/** For failover.yaml as it is shipped. */
export function partsOf(file: string): Edit[] {
  const {
    http_filters: filters,
    typed_per_filter_config: perRoute,
    router_phase: phase,
    virtual_host: host,
    clusters = [],
  } = partsIn(file);
  const chain = [...failoverPlaces.hcm, "http_filters"];
  // The shipped chain: header_mutation, the router phase, the router.
  const [behind] = filters.slice(-1);
  const before = filters.slice(0, -1).toReversed();
  return [
    { op: "add", at: [...chain, 2], to: behind },
    ...before.map((filter): Edit => ({ op: "add", at: [...chain, 1], to: filter })),
    ...Object.entries(phase?.in_place ?? {}).map(([key, to]) => ofRouterPhase("set", key, to)),
    ...Object.entries(phase?.new ?? {}).map(([key, to]) => ofRouterPhase("add", key, to)),
    ...(perRoute === undefined ? [] : [perFilter(failoverPlaces.route, perRoute)]),
    ...(host === undefined ? [] : [perFilter(failoverPlaces.route.slice(0, -2), host.typed_per_filter_config)]),
    ...clusters.map((cluster): Edit => ({ op: "add", at: ["static_resources", "clusters", 0], to: cluster })),
  ];
}
