/** Row 36: a retry that can only go where the first attempt went. */
import { rows } from "../catalogue/rows.ts";
import type { Cluster } from "../envoy/config-view.ts";
import { isOnPath, type RequestPath, requestPaths, titleOf } from "../envoy/request-paths.ts";
import type { Evidence } from "../evidence.ts";
import type { AccessLine } from "../logs/access-line.ts";
import { weightOfLines } from "../logs/recovered.ts";
import type { Place } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

export const retrySamePod: Probe = {
  row: rows.retrySamePod,
  needs: [["config"]],
  look: ({ config, access }: Evidence) => {
    if (config === undefined) return [];
    return requestPaths(config).flatMap((path): Sighting[] => {
      const policy = policyOf(path);
      const cluster = path.clusters.find((each) => each.addressHeader !== "" || isDoubled(each));
      if (policy === undefined || cluster === undefined) return [];
      const failed = access.filter((line) => isRetried(line) && isOnPath(line, path));
      const [line] = failed;
      const says =
        cluster.addressHeader === ""
          ? `cluster ${cluster.name} reads the address from two places, so that each pod stands in the list twice`
          : `cluster ${cluster.name} takes one address from header ${cluster.addressHeader}`;
      return [
        {
          weight: weightOfLines(failed, access) === "fault" ? "fault" : "risk",
          object: titleOf(path),
          says: `a retry on ${titleOf(path)} goes to the pod that just failed: ${says}`,
          evidence:
            line === undefined
              ? [policy.quote(), whereOf(cluster).quote()]
              : [line.quote, policy.quote(), whereOf(cluster).quote()],
        },
      ];
    });
  },
};

/** Of the route, or of its host. */
function policyOf({ route }: RequestPath): Place | undefined {
  const policy = route.at.at("route", "retry_policy");
  return policy.isThere && policy.at("num_retries").number() !== 0 ? policy : undefined;
}

function isDoubled({ overrideSources }: Cluster): boolean {
  const isOfHeader = (source: Place) => source.at("header").isThere;
  return overrideSources.some(isOfHeader) && overrideSources.some((source) => !isOfHeader(source));
}

function whereOf({ addressHeader, overrideSources, at }: Cluster): Place {
  return addressHeader === "" ? (overrideSources[1] ?? at) : at.at("original_dst_lb_config");
}

/** The last attempt failed too; that it was not the first is in the flag, or in the count. */
function isRetried({ flags, attempts, status }: AccessLine): boolean {
  return status >= 500 && (flags.split(",").includes("URX") || (attempts ?? 1) > 1);
}
