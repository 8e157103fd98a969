/** Row 14: the port answers, and is not the picker's: that of health, of metrics or of something else. */
import { rows } from "../catalogue/rows.ts";
import type { Link } from "../envoy/links.ts";
import type { Stats } from "../envoy/stats.ts";
import { addressOf, nameOf, type Trouble, troubles, valuesOf } from "../envoy/troubles.ts";
import { heardAmiss } from "../picker/heard.ts";
import type { Quote } from "../place.ts";
import type { Probe } from "../probe.ts";

export const wrongPort: Probe = {
  row: rows.wrongPort,
  needs: [["access"], ["logs"]],
  look: (evidence) =>
    troubles(evidence, ["unimplemented", "protocol"], telltale)
      // One that lacks HTTP/2 is row 15.
      .filter(({ link, error }) => error?.kind === "unimplemented" || isOther(link, evidence.stats))
      .map((trouble) => ({
        weight: trouble.weight,
        object: nameOf(trouble.link),
        says: saysOf(trouble),
        evidence: trouble.quotes,
        because: heardAmiss(evidence, "method"),
        values: valuesOf(trouble.link),
      })),
};

/** A stream can be reset for a protocol error too: then the connection stays, and it is row 56. */
function isOther(link: Link | undefined, stats: Stats | undefined): boolean {
  if (link?.cluster?.speaksHttp2 !== true) return false;
  return stats === undefined || telltale(link, stats) !== undefined;
}

function telltale({ to, cluster }: Link, stats: Stats): Quote | undefined {
  const isHttp1 = cluster?.speaksHttp2 === true && stats.ofCluster(to, "upstream_cx_protocol_error") > 0;
  // A server of HTTP/2 that is none of gRPC says 404.
  const counter = isHttp1 ? "upstream_cx_protocol_error" : "upstream_rq_404";
  return stats.ofCluster(to, counter) > 0 ? stats.quoteOfCluster(to, counter) : undefined;
}

function saysOf({ link, error }: Trouble): string {
  const address = addressOf(link) || "the port";
  const speaksHttp1 = error?.kind === "protocol" || (error === undefined && link !== undefined);
  return speaksHttp1
    ? `${address} (${nameOf(link)}) answers, and not in HTTP/2: it is a port of metrics or of another server`
    : `${address} (${nameOf(link)}) answers gRPC, and has no ext_proc service`;
}
