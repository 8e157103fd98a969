/** Row 63: an Envoy that drops what the filter of a cluster answers in place of the backend. */
import { rows } from "../catalogue/rows.ts";
import { attemptFilters, minorOf, versionQuote } from "../envoy/attempt-filters.ts";
import type { Probe } from "../probe.ts";

const FIRST_THAT_HEEDS = 36;

export const attemptRefusalsLost: Probe = {
  row: rows.attemptRefusalsLost,
  needs: [["config", "server"]],
  look: (evidence) => {
    const { server } = evidence;
    if (server === undefined || (minorOf(server) ?? FIRST_THAT_HEEDS) >= FIRST_THAT_HEEDS) return [];
    return attemptFilters(evidence).map(({ title, extProc }) => ({
      weight: "risk",
      object: title,
      says: `Envoy ${server.version} lets the client wait where ${title} refuses an attempt`,
      evidence: [versionQuote(server), extProc.at.at("grpc_service", "envoy_grpc", "cluster_name").quote()],
    }));
  },
};
