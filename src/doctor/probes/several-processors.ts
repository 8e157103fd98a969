/** Row 28: two filters of a request that need the same process, and more than one process to go to. */
import { rows } from "../catalogue/rows.ts";
import { type Link, linksOf } from "../envoy/links.ts";
import { weightOfLines } from "../logs/recovered.ts";
import type { Probe, Sighting } from "../probe.ts";

export const severalProcessors: Probe = {
  row: rows.severalProcessors,
  needs: [["config"], ["logs"]],
  look: (evidence) => {
    const said = evidence.logs.find(({ sign }) => sign.name === "no-router-processor");
    const { access } = evidence;
    const lines = access.filter(({ details }) => /no[_ ]router[_ ]processor/i.test(details.replaceAll("%20", " ")));
    const [line] = lines;
    const failed = said?.quote ?? line?.quote;
    const shared = linksOf(evidence).find((link) => hostsOf(link).length > 1 && isShared(link));
    if (shared === undefined && failed === undefined) return [];
    const hosts = shared === undefined ? [] : hostsOf(shared);
    const counted = { source: shared?.cluster?.at.source ?? "", text: `${shared?.to} has ${hosts.join(", ")}` };
    const proof = shared === undefined ? [] : [counted];
    const [first = counted, ...rest] = [...(failed === undefined ? [] : [failed]), ...proof];
    const sighting: Sighting = {
      // What is shared between processes, or needs no sharing, works with many.
      weight: line === undefined && failed !== undefined ? "fault" : weightOfLines(lines, access),
      ...(line === undefined && failed !== undefined && shared === undefined && { mayCause: ["link", "stream"] }),
      object: shared === undefined ? "the picker's cluster" : `cluster ${shared.to}`,
      says:
        shared === undefined
          ? "the second filter of a request asked a process that had not seen the first"
          : `the filter of the listener and that of the cluster both ask ${shared.to}, which has ${hosts.length} hosts`,
      evidence: [first, ...rest],
      values: shared === undefined ? {} : { cluster: shared.to },
    };
    return [sighting];
  },
};

/** Asked before and behind the choice of the host, by filters of Envoy AI Gateway: only those keep state between the two. */
function isShared({ to, askers }: Link): boolean {
  const isTheirs = /ai-?gateway/.test(to) || askers.some(({ filter }) => filter.name.includes("aigateway"));
  return isTheirs && askers.some(({ isUpstream }) => isUpstream) && askers.some(({ isUpstream }) => !isUpstream);
}

function hostsOf({ cluster, hosts }: Link): string[] {
  const known = hosts.map(({ address }) => address);
  return known.length > 0 ? known : [...(cluster?.endpoints ?? [])];
}
