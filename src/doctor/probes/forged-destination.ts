/** Row 43: a client that sends the destination header itself chooses the pod, or any address at all. */
import { rows } from "../catalogue/rows.ts";
import type { HttpFilter } from "../envoy/config-view.ts";
import { type RequestPath, requestPaths, titleOf } from "../envoy/request-paths.ts";
import type { Evidence } from "../evidence.ts";
import type { Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

export const forgedDestination: Probe = {
  row: rows.forgedDestination,
  needs: [["config"], ["live"]],
  look: (evidence) => [...ofConfig(evidence), ...ofLive(evidence)],
};

function ofConfig({ config }: Evidence): Sighting[] {
  if (config === undefined) return [];
  return requestPaths(config).flatMap((path): Sighting[] => {
    const header = path.clusters.map((cluster) => destinationHeaderOf(cluster)).find(Boolean) ?? "";
    // One that fails closed overwrites it, or the request comes to nothing; that there is none is row 1.
    const isPassable = path.asking.length > 0 && path.asking.every(({ extProc }) => extProc.failsOpen);
    if (header === "" || !isPassable || isTakenAway(path, header)) return [];
    const chain: Quote = {
      source: path.listener.at.source,
      text: `${path.listener.at.path}.http_filters: ${path.filters.map(({ filter }) => filter.name).join(", ")}`,
    };
    return [
      {
        weight: "risk",
        object: titleOf(path),
        says: `a client that sends ${header} itself is sent where it says: nothing takes it away on ${titleOf(path)}, and the filter fails open`,
        evidence: [chain, ...path.asking.map(({ extProc }) => extProc.at.at("failure_mode_allow").quote())],
        values: { header },
      },
    ];
  });
}

/** Asked for real: the request with a header of its own went there. */
function ofLive({ live }: Evidence): Sighting[] {
  const answer = live?.asked.find(({ question, isWell }) => question === "forged-destination" && !isWell);
  if (answer === undefined) return [];
  const says = "a request that named its own destination was sent there";
  return [{ weight: "fault", object: "the gateway", says, evidence: [answer.quote] }];
}

/** The header that this cluster takes an address from; "" for none. */
export function destinationHeaderOf({ addressHeader, overrideSources }: RequestPath["clusters"][number]): string {
  return addressHeader || (overrideSources.map((source) => source.at("header").text()).find(Boolean) ?? "");
}

/** By a filter that stands before the first that asks. */
export function isTakenAway({ filters }: RequestPath, header: string): boolean {
  const asking = filters.findIndex(({ extProc, isOn }) => extProc !== undefined && isOn);
  const before = asking === -1 ? filters : filters.slice(0, asking);
  return before.some(({ filter, isOn }) => isOn && removes(filter, header));
}

/** Lua and Wasm may do so too: whoever writes such a filter knows what it is for. */
function removes({ kind, at }: HttpFilter, header: string): boolean {
  if (kind === "Lua" || kind === "Wasm") return JSON.stringify(at.value).includes(header);
  if (kind !== "HeaderMutation") return false;
  const mutations = at.at("typed_config", "mutations", "request_mutations").items();
  return mutations.some((each) => each.at("remove").text().toLowerCase() === header.toLowerCase());
}
