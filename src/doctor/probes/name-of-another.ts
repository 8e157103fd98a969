/** Row 3: the route turns on a filter by a name that the listener has no filter of. */
import { rows } from "../catalogue/rows.ts";
import { isOnPath, needsPick, type RequestPath, requestPaths, titleOf } from "../envoy/request-paths.ts";
import { type KubeObject, titleOf as titleOfObject } from "../kube/kube-object.ts";
import { refusalsIn } from "../kube/refusals.ts";
import { isWithoutHost } from "../logs/answered-by.ts";
import type { Place } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

export const nameOfAnother: Probe = {
  row: rows.nameOfAnother,
  needs: [["config"]],
  look: ({ config, access, objects }) => {
    if (config === undefined) return [];
    return requestPaths(config).flatMap((path): Sighting[] => {
      const known = path.listener.filters;
      const amiss = namedAmiss(path);
      if (amiss === undefined || path.asking.length > 0 || !path.clusters.some(needsPick)) return [];
      const [key, at] = amiss;
      const near = anotherFor(key, path, objects)?.name;
      // None that it could have meant: the filter itself is missing, which is row 1.
      if (near === undefined) return [];
      const filters = { source: at.source, text: `filters: ${known.map(({ name }) => name).join(", ")}` };
      const failed = access.find((line) => isWithoutHost(line) && isOnPath(line, path));
      return [
        {
          weight: "fault",
          object: titleOf(path),
          says: `${titleOf(path)} turns on the filter ${key}, and the listener has none of that name: cluster ${path.route.clusters.join(", ")} gets no address`,
          evidence: failed === undefined ? [at.quote(), filters] : [failed.quote, at.quote(), filters],
          values: { key, filter: near },
        },
      ];
    });
  },
};

/** The key of an ext_proc filter that the route turns on, and the listener has none of that name. */
export function namedAmiss({ route, listener }: RequestPath): [string, Place] | undefined {
  const names = new Set(listener.filters.map(({ name }) => name));
  return [...route.overrides].find(([key]) => key.includes("ext_proc") && !names.has(key));
}

/** Another filter that asks a picker, on a route whose own was not merely refused by its controller. */
export function anotherFor(key: string, { listener }: RequestPath, objects: readonly KubeObject[]) {
  const policy = policyOf(key);
  const isRefused = refusalsIn(objects).some(({ object }) => titleOfObject(object) === policy);
  return isRefused ? undefined : listener.filters.find(({ extProc }) => extProc !== undefined);
}

/** The policy that Envoy Gateway names a filter after; "" where the name is of another kind. */
export function policyOf(key: string): string {
  const [, namespace, name] = /\/envoyextensionpolicy\/([^/]+)\/([^/]+)\//.exec(key) ?? [];
  return namespace === undefined ? "" : `EnvoyExtensionPolicy ${namespace}/${name}`;
}
