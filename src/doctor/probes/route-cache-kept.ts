/** Row 29: no route, for the header with the model came too late or not at all. */
import { rows } from "../catalogue/rows.ts";
import type { HttpListener } from "../envoy/config-view.ts";
import { requestPaths } from "../envoy/request-paths.ts";
import type { ExtProcCounters } from "../envoy/stats.ts";
import type { Evidence } from "../evidence.ts";
import type { AccessLine } from "../logs/access-line.ts";
import { isWithoutRoute } from "../logs/answered-by.ts";
import { weightOfLines } from "../logs/recovered.ts";
import type { Place, Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

/** Headers that pickers and gateways put the model in. */
const MODEL_HEADER = /^(model|x-ai-eg-model|x-gateway-model-name|x-[a-z-]*model[a-z-]*)$/;

export const routeCacheKept: Probe = {
  row: rows.routeCacheKept,
  needs: [["access", "config"]],
  look: (evidence) => {
    const { config, access, stats } = evidence;
    const all = access.filter(isLost);
    const [lost] = all;
    if (lost === undefined) return [];
    const weight = weightOfLines(all, access);
    const counters = (stats?.extProc() ?? []).filter(({ isUpstream }) => !isUpstream);
    if (config === undefined) return ofLine(lost, weight);
    const listener = config.listeners.find((each) => byModel(each, lost.path) !== undefined);
    const header = listener && byModel(listener, lost.path);
    if (listener === undefined || header === undefined || !hasAsker(evidence, listener)) return [];
    // Where others found their way by the header, this one named a model that no route has.
    if (access.some((line) => wasRoutedByModel(line, listener))) return [];
    const name = header.at("name").text();
    const [why, quote] = reasonOf(counters) ?? [
      `${name} was not set, or the filter that set it did not clear the route cache`,
    ];
    const sighting: Sighting = {
      weight,
      object: `listener ${listener.listener}`,
      says: `no route of listener ${listener.listener} matched ${lost.path}: they go by the header ${name}; ${why}`,
      evidence: [lost.quote, header.quote(), ...(quote === undefined ? [] : [quote])],
      values: { header: name },
    };
    return [sighting];
  },
};

/** By Envoy itself, or by the last route of Envoy AI Gateway, which says so. */
function isLost(line: AccessLine): boolean {
  const { status, details, route } = line;
  if (status !== 404) return false;
  const isItsOwn = details === "direct_response" && /route-not-found|not_found|no-?match/i.test(route);
  return isWithoutRoute(line) || isItsOwn;
}

function wasRoutedByModel(line: AccessLine, { routes }: HttpListener): boolean {
  const [route] = routes.filter(({ name }) => name !== "" && name === line.route);
  return route !== undefined && modelHeadersOf(route.matchAt).length > 0;
}

function modelHeadersOf(match: Place): Place[] {
  return match
    .at("headers")
    .items()
    .filter((header) => MODEL_HEADER.test(header.at("name").text().toLowerCase()));
}

/** The header that a route wants which would do for this path; undefined where any other would be as good. */
function byModel({ routes }: HttpListener, path: string): Place | undefined {
  const fit = routes.filter(({ matchAt, direct }) => direct === undefined && coversPath(matchAt, path));
  return fit.flatMap(({ matchAt }) => modelHeadersOf(matchAt))[0];
}

function coversPath(match: Place, path: string): boolean {
  const [bare = ""] = path.split("?");
  const is = (key: string, fits: (text: string) => boolean) => match.at(key).isThere && fits(match.at(key).text());
  return (
    is("prefix", (text) => bare.startsWith(text)) ||
    is("path", (text) => bare === text) ||
    is("path_separated_prefix", (text) => bare === text || bare.startsWith(`${text}/`)) ||
    match.at("safe_regex", "regex").isThere
  );
}

/** Without any filter that could set it the header is the client's to send: Envoy AI Gateway's absence is row 27. */
function hasAsker({ config }: Evidence, listener: HttpListener): boolean {
  const paths = config === undefined ? [] : requestPaths(config);
  return paths.some((path) => path.listener === listener && path.asking.length > 0);
}

/** Envoy counts what it did not heed. */
function reasonOf(counters: readonly ExtProcCounters[]): [string, Quote] | undefined {
  const kept = counters.find(({ routeCacheDisabled }) => routeCacheDisabled > 0);
  if (kept !== undefined) {
    return ["Envoy is told to keep the first route (RETAIN)", kept.quote("clear_route_cache_disabled")];
  }
  const bare = counters.find(({ routeCacheIgnored }) => routeCacheIgnored > 0);
  if (bare === undefined) return undefined;
  const why = "clear_route_cache came in an answer that changes no header, where Envoy does not heed it";
  return [why, bare.quote("clear_route_cache_ignored")];
}

/** A format that has the header shows whether it was there. */
function ofLine(line: AccessLine, weight: Sighting["weight"]): Sighting[] {
  const header = [...line.fields].find(([name]) => MODEL_HEADER.test(name.toLowerCase()));
  if (header === undefined) return [];
  const [name, value] = header;
  const isSet = value !== "-" && value !== "";
  return [
    {
      weight,
      object: `route of ${line.path}`,
      says: isSet
        ? `no route matched ${line.path} with ${name}: ${value}; the model has no route, or the route cache was not cleared`
        : `no route matched ${line.path}, and ${name} was not set`,
      evidence: [line.quote],
      values: { header: name },
    },
  ];
}
