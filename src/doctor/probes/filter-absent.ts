/** Row 1: a cluster that lives on the picker's address, on a route where no ext_proc filter runs. */
import { rows } from "../catalogue/rows.ts";
import type { Cluster, EnvoyConfig, FilterOnRoute } from "../envoy/config-view.ts";
import { needsPick, type RequestPath, requestPaths, titleOf } from "../envoy/request-paths.ts";
import { filterAsking, spareCluster } from "../envoy/spare-cluster.ts";
import type { Evidence } from "../evidence.ts";
import type { AccessLine } from "../logs/access-line.ts";
import { isLikeOriginalDst, isWithoutHost } from "../logs/answered-by.ts";
import { weightOfLines } from "../logs/recovered.ts";
import type { Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";
import { isUnfinished } from "./extension-not-wired.ts";
import { anotherFor, namedAmiss, policyOf } from "./name-of-another.ts";

export const filterAbsent: Probe = {
  row: rows.filterAbsent,
  needs: [["config"], ["access"]],
  look: (evidence) => [...ofConfig(evidence), ...ofAccess(evidence)],
};

function ofConfig({ config, access, stats, objects }: Evidence): Sighting[] {
  if (config === undefined) return [];
  const bare = requestPaths(config).filter((path) => path.clusters.some(needsPick) && path.asking.length === 0);
  return (
    bare
      // Those of rows 3 and 27 have causes of their own.
      .filter((path) => !isRow3(path, objects) && !isUnfinished(path, config))
      .map((path) => {
        const lost = access.filter((line) => isWithoutHost(line) && isOn(line, path));
        const [failed] = lost;
        const chain: Quote = {
          source: path.listener.at.source,
          text: `${path.listener.at.path}.http_filters: ${path.listener.filters.map(({ name }) => name).join(", ")}`,
        };
        const started = stats?.extProc().filter(({ isUpstream }) => !isUpstream);
        return {
          // A route may be there for a filter that is yet to come, and where the address is a wish others are chosen.
          weight: isMet(path, access, lost) ? "fault" : "risk",
          object: titleOf(path),
          says: saysOf(path),
          evidence: [
            ...(failed === undefined ? [chain] : [failed.quote, chain]),
            ...(started ?? []).map(({ quote }) => quote("streams_started")),
          ] as [Quote, ...Quote[]],
          values: valuesOf(path, config),
        };
      })
  );
}

/** The route may still name what made its filter. What came of a control plane is not for anybody to write by hand. */
function valuesOf(path: RequestPath, config: EnvoyConfig): Readonly<Record<string, string>> {
  const [key = ""] = namedAmiss(path) ?? [];
  const { listener } = path;
  const [kind = "", place = ""] = policyOf(key).split(" ");
  const isByHand = kind === "" && /^(static_resources|configs\[\d+\]\.static_listeners)\b/.test(listener.at.path);
  const isOff = listener.filters.some(({ extProc }) => extProc !== undefined);
  const spare = isByHand && !isOff ? spareCluster(config) : "";
  const [namespace = "", name = ""] = place.split("/");
  return {
    policy: policyOf(key),
    ...(kind !== "" && { kind: `-n ${namespace} ${kind.toLowerCase()} ${name}` }),
    listener: listener.listener,
    ...(spare !== "" && { paste: filterAsking(spare) }),
  };
}

/** With an access log it has to be in there; without one a cluster of original destinations has to fail. */
function isMet({ clusters }: RequestPath, access: readonly AccessLine[], lost: readonly AccessLine[]): boolean {
  return weightOfLines(lost, access) === "fault" || (access.length === 0 && clusters.some(isHelpless));
}

/** It has nothing to fall back to. */
function isHelpless({ addressHeader }: Cluster): boolean {
  return addressHeader !== "";
}

function saysOf(path: RequestPath): string {
  const clusters = path.route.clusters.join(", ");
  const [key] = namedAmiss(path) ?? [];
  if (key === undefined)
    return `${whyNot(path)} on ${titleOf(path)}, and its cluster ${clusters} gets its address from one`;
  const filter = policyOf(key) === "" ? `filter ${key}` : `filter of ${policyOf(key)}`;
  return `${titleOf(path)} turns on the ${filter}, which the listener does not have: cluster ${clusters} gets no address`;
}

/** In the chain and off, in the chain and mute, or not in the chain at all. */
function whyNot({ filters }: RequestPath): string {
  const there = filters.filter(({ extProc }) => extProc !== undefined && !extProc.isWatchingOnly);
  const [off] = there.filter(({ isOn }) => !isOn);
  const [mute] = there.filter(({ isOn }: FilterOnRoute) => isOn);
  if (mute !== undefined)
    return `the ext_proc filter ${mute.filter.name} is told to send nothing (every mode is SKIP or NONE)`;
  return off === undefined ? "no ext_proc filter runs" : `the ext_proc filter ${off.filter.name} is off`;
}

/** Without the configuration a line tells as much: nothing was received, nobody was chosen, at once. */
function ofAccess({ config, access, stats }: Evidence): Sighting[] {
  if (config !== undefined) return [];
  const lost = access.filter((each) => isWithoutHost(each) && isUnread(each));
  const [line] = lost;
  if (line === undefined) return [];
  const asked = stats?.extProc().find(({ isUpstream, started }) => !isUpstream && started > 0);
  if (asked !== undefined) return [];
  return [
    {
      weight: weightOfLines(lost, access),
      object: `route ${line.route || "(not named)"}`,
      says: `ext_proc did not run on this route${line.route === "" ? "" : ` (${line.route})`}; the original-destination cluster ${line.upstreamCluster} got no address`,
      evidence: [line.quote],
    },
  ];
}

/** A filter that reads bodies would have waited for one. */
function isUnread(line: AccessLine): boolean {
  return isLikeOriginalDst(line) && (line.bytesReceived ?? 0) === 0 && (line.durationMs ?? 0) <= 5;
}

function isOn(line: AccessLine, { route }: RequestPath): boolean {
  return line.upstreamCluster === "" || route.clusters.includes(line.upstreamCluster);
}

/** The route means to turn one on by a name that there is none of, and there is another that it may have meant. */
function isRow3(path: RequestPath, objects: Evidence["objects"]): boolean {
  const [key] = namedAmiss(path) ?? [];
  return key !== undefined && anotherFor(key, path, objects) !== undefined;
}
