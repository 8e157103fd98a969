/** Row 26: the second filter of Envoy AI Gateway, without the first that it goes by. */
import { rows } from "../catalogue/rows.ts";
import type { Asker } from "../envoy/links.ts";
import { linksOf } from "../envoy/links.ts";
import { type RequestPath, titleOf } from "../envoy/request-paths.ts";
import type { Evidence } from "../evidence.ts";
import type { Because, Probe, Sighting } from "../probe.ts";

export const routerFilterMissing: Probe = {
  row: rows.routerFilterMissing,
  needs: [["config"], ["logs"]],
  look: (evidence) => {
    const upstream = linksOf(evidence)
      .flatMap(({ askers }) => askers)
      .filter((asker) => asker.isUpstream && isOfAiGateway(asker));
    const found = upstream.flatMap((asker) => {
      const path = asker.paths.find((each) => !hasFirst(each));
      return path === undefined ? [] : [sightingOf(asker, path, evidence)];
    });
    // One gateway is told about once, however many clusters it has.
    return found.slice(0, 1);
  },
};

function sightingOf({ title, filter }: Asker, path: RequestPath, evidence: Evidence): Sighting {
  const { listener } = path;
  const names = listener.filters.map(({ name }) => name).join(", ");
  return {
    weight: "fault",
    object: `listener ${listener.listener}`,
    says: `${title} runs behind ${titleOf(path)}, where the filter that it goes by does not: the listener's own ${filter.name} is missing or off`,
    evidence: [
      { source: listener.at.source, text: `${listener.at.path}.http_filters: ${names}` },
      filter.at.at("name").quote(),
      ...(evidence.stats?.extProc() ?? [])
        .filter(({ isUpstream, failed }) => isUpstream && failed > 0)
        .map(({ quote }) => quote("streams_failed")),
    ],
    because: said(evidence),
    values: { listener: listener.listener },
  };
}

/** A server of ours needs no first filter: what it has to know comes with the attributes of each stream. */
function isOfAiGateway({ filter, extProc }: Asker): boolean {
  return filter.name.endsWith("/aigateway") || extProc.cluster.startsWith("ai-gateway-extproc");
}

function hasFirst({ asking }: RequestPath): boolean {
  return asking.some(({ filter, extProc }) => isOfAiGateway({ filter, extProc } as Asker));
}

function said({ logs }: Evidence): Because[] {
  const line = logs.find(({ sign }) => sign.name === "no-request-id");
  return line === undefined ? [] : [{ says: line.sign.means, evidence: line.quote }];
}
