/** The narrowest place on the way of a request, for each kind of narrowness: body, time, streams at once. */

import type { EnvoyConfig } from "./envoy/config-view.ts";
import { type RequestPath, requestPaths } from "./envoy/request-paths.ts";

export interface Limit {
  readonly value: number;
  /** Which: `listener requests`, `cluster pods`. */
  readonly of: string;
}

export interface Limits {
  /** Bytes; only bodies that are buffered meet it. */
  readonly body?: Limit;
  /** Milliseconds that Envoy waits for one answer of the picker. */
  readonly messageTimeout?: Limit;
  /** Milliseconds that a whole answer may take. */
  readonly routeTimeout?: Limit;
  /** Requests at once. */
  readonly breaker?: Limit;
}

/** Over all paths that ask a picker; over all there are where none does. */
export function limitsOf(config: EnvoyConfig): Limits {
  const all = requestPaths(config);
  const asking = all.filter((path) => path.asking.length > 0);
  const paths = asking.length > 0 ? asking : all;
  const body = smallest(paths.flatMap(bodyLimits));
  const messageTimeout = smallest(
    paths.flatMap(({ asking }) =>
      asking.map(({ filter, extProc }) => ({ value: extProc.messageTimeoutMs, of: `filter ${filter.name}` })),
    ),
  );
  const routeTimeout = smallest(
    paths
      .filter(({ route }) => route.timeoutMs > 0 && route.direct === undefined)
      .map(({ route, listener }) => ({
        value: route.timeoutMs,
        of: `route ${route.name || route.match} of ${listener.listener}`,
      })),
  );
  const breaker = smallest(paths.flatMap((path) => breakersOf(config, path)));
  return {
    ...(body !== undefined && { body }),
    ...(messageTimeout !== undefined && { messageTimeout }),
    ...(routeTimeout !== undefined && { routeTimeout }),
    ...(breaker !== undefined && { breaker }),
  };
}

/**
 * What refuses a body with 413. A route can raise the listener's limit and not lower it; a cluster's own refuses nothing,
 * it slows the request down.
 */
export function bodyLimits({ listener, filters, route }: RequestPath): Limit[] {
  const raised = ["request_body_buffer_limit", "per_request_buffer_limit_bytes"]
    .map((key) => route.at.at(key).number() ?? 0)
    .find((value) => value > listener.bufferLimit);
  const buffering = filters.flatMap(({ filter, isOn }) => {
    const value = filter.at.at("typed_config", "max_request_bytes").number();
    return filter.kind === "Buffer" && isOn && value !== undefined ? [{ value, of: `filter ${filter.name}` }] : [];
  });
  const own: Limit =
    raised === undefined
      ? { value: listener.bufferLimit, of: `listener ${listener.listener}` }
      : { value: raised, of: `route ${route.name || route.match}` };
  return [own, ...buffering];
}

/** Of the pods' clusters and of the picker's: each request holds one of both. */
function breakersOf(config: EnvoyConfig, { clusters, asking }: RequestPath): Limit[] {
  const pickers = asking.flatMap(({ extProc }) => config.clusters.get(extProc.cluster) ?? []);
  return [...clusters, ...pickers].map(({ name, breakers }) => ({
    value: Math.min(breakers.maxConnections, breakers.maxPendingRequests, breakers.maxRequests),
    of: `cluster ${name}`,
  }));
}

export function smallest(limits: readonly Limit[]): Limit | undefined {
  return limits.reduce<Limit | undefined>(
    (least, each) => (least === undefined || each.value < least.value ? each : least),
    undefined,
  );
}
