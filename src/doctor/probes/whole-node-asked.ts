/** Row 60: a filter asks for an attribute that ends Envoy. */
import { rows } from "../catalogue/rows.ts";
import { attemptFilters } from "../envoy/attempt-filters.ts";
import type { ExtProc } from "../envoy/config-view.ts";
import { requestPaths } from "../envoy/request-paths.ts";
import type { Evidence } from "../evidence.ts";
import type { Place } from "../place.ts";
import type { Probe } from "../probe.ts";

const ENDS_ENVOY = "xds.node";

interface Asking {
  readonly title: string;
  readonly name: string;
  readonly extProc: ExtProc;
}

export const wholeNodeAsked: Probe = {
  row: rows.wholeNodeAsked,
  needs: [["config"]],
  look: (evidence) =>
    [...ofListeners(evidence), ...attemptFilters(evidence)].flatMap(({ title, name, extProc }) => {
      const asked = wholeNode(extProc);
      if (asked === undefined) return [];
      const says = `${title} asks for ${ENDS_ENVOY}, of which Envoy was seen to end`;
      return [
        { weight: "risk" as const, object: title, says, evidence: [asked.quote()] as const, values: { filter: name } },
      ];
    }),
};

/** Each filter once, though it is on many routes. */
function ofListeners({ config }: Evidence): Asking[] {
  const known = new Map<string, Asking>();
  for (const { listener, asking } of config === undefined ? [] : requestPaths(config)) {
    for (const { filter, extProc } of asking) {
      const title = `filter ${filter.name} of listener ${listener.listener}`;
      const before = known.get(title);
      if (before === undefined || wholeNode(before.extProc) === undefined)
        known.set(title, { title, name: filter.name, extProc });
    }
  }
  return [...known.values()];
}

function wholeNode({ at }: ExtProc): Place | undefined {
  const lists = [at.at("request_attributes"), at.at("response_attributes")];
  return lists.flatMap((list) => list.items()).find((item) => item.text().trim() === ENDS_ENVOY);
}
