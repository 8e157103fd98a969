/** Configurations of two Envoys, along the way of a request: listener, filters, routes, the picker's cluster, the pods'. */
import type { Step } from "../catalogue/row.ts";
import type { Cluster, EnvoyConfig, HttpListener } from "../envoy/config-view.ts";
import { requestPaths } from "../envoy/request-paths.ts";
import type { Place } from "../place.ts";
import { type Difference, differences, type OnTheWay } from "./differences.ts";

export function compareConfigs(good: EnvoyConfig, bad: EnvoyConfig): OnTheWay[] {
  const refused = bad.rejected
    .filter(({ kind, name }) => !good.rejected.some((each) => each.kind === kind && each.name === name))
    .map(
      ({ kind, name, details, at }): OnTheWay => ({
        step: "accepted",
        object: `${kind} ${name}`,
        path: at.path,
        kind: "different",
        good: "accepted",
        bad: details,
      }),
    );
  const listeners = pairs(good.listeners, bad.listeners, ({ listener }) => listener);
  return [
    ...refused,
    ...listeners.flatMap(([a, b, name]) =>
      b === undefined ? [gone("filter", `listener ${name}`)] : ofListeners(a, b),
    ),
    ...ofClusters(good, bad),
  ];
}

function ofListeners(good: HttpListener, bad: HttpListener): OnTheWay[] {
  const inListener = (name: string) => `filter ${name} of listener ${bad.listener}`;
  const filters = pairs(good.filters, bad.filters, ({ name }) => name, false).flatMap(([a, b, name]): OnTheWay[] => {
    if (b === undefined) return [gone("filter", inListener(name))];
    return below(a.at, b.at).map((each) => ({
      ...each,
      step: a.extProc === undefined ? "filter" : stepInFilter(each.path),
      object: inListener(name),
    }));
  });
  const known = new Set(good.filters.map(({ name }) => name));
  const more = bad.filters
    .filter(({ name }) => !known.has(name))
    .map(
      ({ name, kind }): OnTheWay => ({
        step: "filter",
        object: inListener(name),
        path: inListener(name),
        kind: "added",
        good: "",
        bad: kind,
      }),
    );
  const named = (listener: HttpListener) =>
    listener.filters
      .map(({ name }) => name)
      .filter(
        (name) => good.filters.some((each) => each.name === name) && bad.filters.some((each) => each.name === name),
      )
      .join(", ");
  const orders: OnTheWay[] =
    named(good) === named(bad)
      ? []
      : [
          {
            step: "filter",
            object: `listener ${bad.listener}`,
            path: "order of http_filters",
            kind: "different",
            good: named(good),
            bad: named(bad),
          },
        ];
  const routes = pairs(good.routes, bad.routes, ({ name, match, host }) => `${name || match} of ${host}`).flatMap(
    ([a, b, name]): OnTheWay[] => {
      if (b === undefined) return [gone("route", `route ${name}`)];
      return below(a.at, b.at).map((each) => ({
        ...each,
        step: /timeout/.test(each.path) ? "answer" : "route",
        object: `route ${name}`,
      }));
    },
  );
  const buffers: OnTheWay[] =
    good.bufferLimit === bad.bufferLimit
      ? []
      : [
          {
            step: "body",
            object: `listener ${bad.listener}`,
            path: "per_connection_buffer_limit_bytes",
            kind: "different",
            good: String(good.bufferLimit),
            bad: String(bad.bufferLimit),
          },
        ];
  return [...more, ...orders, ...filters, ...routes, ...buffers];
}

/** Fields of ext_proc belong to different questions. */
function stepInFilter(path: string): Step {
  if (/grpc_service/.test(path)) return "link";
  if (/processing_mode|message_timeout|failure_mode|mode_override|without_waiting/.test(path)) return "stream";
  return /metadata_options|mutation_rules/.test(path) ? "address" : "filter";
}

/** First those of the picker, then those of the pods; others are on no way. */
function ofClusters(good: EnvoyConfig, bad: EnvoyConfig): OnTheWay[] {
  const [ours, theirs] = [roles(good), roles(bad)];
  const of = (step: Step, a: readonly Cluster[], b: readonly Cluster[]) =>
    pairs(a, b, ({ name }) => name).flatMap(([x, y, name]): OnTheWay[] => {
      if (y === undefined) return [gone(step, `cluster ${name}`)];
      return below(x.at, y.at).map((each) => ({ ...each, step, object: `cluster ${name}` }));
    });
  return [...of("link", ours.pickers, theirs.pickers), ...of("cluster", ours.pods, theirs.pods)];
}

function roles(config: EnvoyConfig): { readonly pickers: Cluster[]; readonly pods: Cluster[] } {
  const paths = requestPaths(config);
  const pickers = new Set(
    paths.flatMap(({ asking }) => asking.flatMap(({ extProc }) => config.clusters.get(extProc.cluster) ?? [])),
  );
  return { pickers: [...pickers], pods: [...new Set(paths.flatMap(({ clusters }) => clusters))] };
}

/** With paths from there on: where it stands in the dump is of no use. */
function below(good: Place, bad: Place): Difference[] {
  return differences(good, bad).map((each) => {
    const base = [bad.path, good.path].find((path) => path !== "" && each.path.startsWith(path)) ?? "";
    return { ...each, path: each.path.slice(base.length).replace(/^\./, "") };
  });
}

function gone(step: Step, object: string): OnTheWay {
  return { step, object, path: object, kind: "missing", good: "there", bad: "" };
}

/** By name; where a name has no partner and nobody else is left over, it is the same under another name. */
function pairs<T>(
  good: readonly T[],
  bad: readonly T[],
  nameOf: (each: T) => string,
  isRenamedOne = true,
): (readonly [T, T | undefined, string])[] {
  const byName = new Map(bad.map((each) => [nameOf(each), each]));
  const names = new Set(good.map(nameOf));
  const left = bad.filter((each) => !names.has(nameOf(each)));
  const lost = good.filter((each) => !byName.has(nameOf(each)));
  const isOne = isRenamedOne && left.length === lost.length;
  return good.map((each) => [
    each,
    byName.get(nameOf(each)) ?? (isOne ? left[lost.indexOf(each)] : undefined),
    nameOf(each),
  ]);
}
