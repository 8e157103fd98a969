/** Row 17: the body is longer than the smallest buffer on its way. */
import { rows } from "../catalogue/rows.ts";
import { isOnPath, requestPaths } from "../envoy/request-paths.ts";
import type { Evidence } from "../evidence.ts";
import { bodyLimits, type Limit, smallest } from "../limits.ts";
import type { AccessLine } from "../logs/access-line.ts";
import { weightOfLines } from "../logs/recovered.ts";
import type { Probe, Sighting } from "../probe.ts";
import { atMostRisk, weightOfCount } from "../weight.ts";

export const bodyTooLong: Probe = {
  row: rows.bodyTooLong,
  needs: [["access"], ["stats"]],
  look: (evidence): Sighting[] => {
    const { access, stats } = evidence;
    const refused = access.filter(isTooLong);
    const [line] = refused;
    if (line === undefined) return ofCounters(evidence);
    const limit = limitOn(line, evidence);
    const name = [...(stats?.names() ?? [])].find(isCounter);
    return [
      {
        weight: weightOfLines(refused, access),
        object: limit?.of ?? "a buffer",
        says: `${refused.length} of ${access.length} requests were refused with 413: their bodies are longer than ${limit === undefined ? "a buffer on their way" : `the ${limit.value.toLocaleString("en")} bytes of ${limit.of}`}`,
        evidence: [line.quote, ...(name === undefined || stats === undefined ? [] : [stats.quote(name)])],
        values: valuesOf(limit),
      },
    ];
  },
};

/** Envoy's own words; the picker's limit has others. */
function isTooLong({ status, details, upstreamHost }: AccessLine): boolean {
  return status === 413 && upstreamHost === "" && (details === "request_payload_too_large" || details === "");
}

function isCounter(name: string): boolean {
  return /^http\.(?!admin\b).*\.downstream_rq_too_large$/.test(name);
}

/** Once in a while a body is too long for any limit. */
const MOST = 1 / 2;

function ofCounters(evidence: Evidence): Sighting[] {
  const { stats, access } = evidence;
  const name = [...(stats?.names() ?? [])].find((each) => isCounter(each) && (stats?.get(each) ?? 0) > 0);
  if (stats === undefined || name === undefined) return [];
  const limit = limitOn(undefined, evidence);
  const all = stats.get(name.replace("too_large", "total")) ?? 0;
  const count = stats.get(name) ?? 0;
  return [
    {
      weight: access.length === 0 ? weightOfCount(count, all, MOST) : atMostRisk(weightOfCount(count, all)),
      object: limit?.of ?? "a buffer",
      says: `${count} of ${all} requests were refused for the length of their bodies${limit === undefined ? "" : `: ${limit.of} takes ${limit.value.toLocaleString("en")} bytes`}`,
      evidence: [stats.quote(name)],
      values: valuesOf(limit),
    },
  ];
}

/** By the place that holds the body. */
const settings: Readonly<Record<string, string>> = {
  listener: "per_connection_buffer_limit_bytes",
  route: "per_request_buffer_limit_bytes",
  filter: "max_request_bytes",
};

function valuesOf(limit: Limit | undefined): Readonly<Record<string, string>> {
  if (limit === undefined) return {};
  const [kind = ""] = limit.of.split(" ");
  return { place: limit.of, setting: settings[kind] ?? "" };
}

function limitOn(line: AccessLine | undefined, { config }: Evidence): Limit | undefined {
  if (config === undefined) return undefined;
  const all = requestPaths(config).filter(({ asking }) => asking.length > 0);
  const taken = line === undefined ? all : all.filter((path) => isOnPath(line, path));
  return smallest((taken.length > 0 ? taken : all).flatMap(bodyLimits));
}
