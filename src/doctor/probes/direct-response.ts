/** Row 4: a route that answers 500 itself, in place of what was found invalid. */
import { rows } from "../catalogue/rows.ts";
import { type RequestPath, requestPaths, titleOf } from "../envoy/request-paths.ts";
import type { Evidence } from "../evidence.ts";
import { type KubeObject, titleOf as titleOfObject } from "../kube/kube-object.ts";
import { quoteOf, refusalsIn, wordsOf } from "../kube/refusals.ts";
import type { AccessLine } from "../logs/access-line.ts";
import { weightOfLines } from "../logs/recovered.ts";
import type { Quote } from "../place.ts";
import type { Because, Probe, Sighting } from "../probe.ts";

export const directResponse: Probe = {
  row: rows.directResponse,
  needs: [["config"], ["access"]],
  look: (evidence: Evidence): Sighting[] => {
    const { access, config } = evidence;
    const lines = access.filter(isDirect);
    const path = config === undefined ? undefined : requestPaths(config).find(isGivenUp);
    const quotes: Quote[] = [
      ...lines.slice(0, 1).map(({ quote }) => quote),
      ...(path === undefined ? [] : [path.route.at.at("direct_response").quote()]),
    ];
    const [first, ...more] = quotes;
    // By the objects alone it is row 58: whether their routes answer 500 or go without a pick differs.
    if (first === undefined) return [];
    const because = invalid(evidence);
    const of = path === undefined ? `route ${lines[0]?.route || "(not named)"}` : titleOf(path);
    return [
      {
        weight: path === undefined ? weightOfLines(lines, access) : "fault",
        object: of,
        says: `${of} answers 500 itself: the controller put that in place of a backend or a policy that it found invalid${because[0] === undefined ? "" : ` (${because[0].says})`}`,
        evidence: [first, ...more],
        because,
        ...(because[0] !== undefined && { values: { message: because[0].says } }),
      },
    ];
  },
};

function isDirect({ status, details }: AccessLine): boolean {
  return status === 500 && details === "direct_response";
}

function isGivenUp({ route }: RequestPath): boolean {
  return route.direct === 500;
}

/** Who says no: policies first, for it is they that are forgotten. */
function invalid({ objects, logs }: Evidence): Because[] {
  const refused = refusalsIn(objects)
    .filter(({ object: { kind } }) => kind === "HTTPRoute" || kind === "GRPCRoute" || kind.endsWith("Policy"))
    .sort((a, b) => Number(isPolicy(b.object)) - Number(isPolicy(a.object)))
    .map((each) => ({ says: `${titleOfObject(each.object)} has ${wordsOf(each)}`, evidence: quoteOf(each) }));
  const said = logs.filter(({ sign }) => sign.name === "direct-500").slice(0, 1);
  return [...refused.slice(0, 2), ...said.map(({ sign, quote }) => ({ says: sign.means, evidence: quote }))];
}

function isPolicy({ kind }: KubeObject): boolean {
  return kind.endsWith("Policy");
}
