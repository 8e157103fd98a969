/** Row 56: Envoy calls the picker by a name that HTTP/2 forbids. */
import { rows } from "../catalogue/rows.ts";
import { isFailing, type Link, linksOf, linksOfLine, optionOf } from "../envoy/links.ts";
import { streamErrors } from "../envoy/stream-errors.ts";
import type { Evidence } from "../evidence.ts";
import type { Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

export const authorityRefused: Probe = {
  row: rows.authorityRefused,
  needs: [
    ["config", "stats"],
    ["config", "access"],
  ],
  look: (evidence) => {
    const links = linksOf(evidence);
    return links.flatMap((link): Sighting[] => {
      const asker = link.askers.find(({ extProc }) => extProc.authority === "");
      const failed = asker === undefined ? undefined : failureOf(link, links, evidence);
      if (asker === undefined || failed === undefined || !link.to.includes("|") || link.cluster?.speaksHttp2 !== true) {
        return [];
      }
      const [, port, , host] = /^\w+\|(\d+)\|([^|]*)\|(.+)$/.exec(link.to) ?? [];
      return [
        {
          weight: link.isWatchedOnly ? "risk" : "fault",
          object: asker.title,
          says: `${asker.title} names no authority, so the picker is called ${link.to}: HTTP/2 has no bars in a host's name`,
          evidence: [failed, optionOf(asker, "grpc_service", "envoy_grpc").quote()],
          values: { authority: host === undefined ? "HOST:PORT" : `${host}:${port}`, filter: asker.filter.name },
        },
      ];
    });
  },
};

/** Servers differ in whether they mind: a reset for each stream, on a connection that stays. */
function failureOf(link: Link, links: readonly Link[], evidence: Evidence): Quote | undefined {
  const { stats } = evidence;
  const broken = stats?.ofCluster(link.to, "upstream_cx_protocol_error") ?? 0;
  if (broken > 0) return undefined;
  const said = streamErrors(evidence).find(
    ({ kind, line }) => kind === "protocol" && linksOfLine(links, line).some(({ to }) => to === link.to),
  );
  if (said !== undefined) return said.quote;
  const resets = stats?.ofCluster(link.to, "http2.rx_reset") ?? 0;
  const isRefused = resets > 0 && stats?.ofCluster(link.to, "upstream_rq_502") === resets;
  return isRefused && isFailing(link) ? stats?.quoteOfCluster(link.to, "http2.rx_reset") : undefined;
}
