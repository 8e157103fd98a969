/** Row 13: the socket of a sidecar is not there. */
import { rows } from "../catalogue/rows.ts";
import type { Link } from "../envoy/links.ts";
import type { Stats } from "../envoy/stats.ts";
import { addressOf, nameOf, troubles } from "../envoy/troubles.ts";
import type { Evidence } from "../evidence.ts";
import { titleOf } from "../kube/kube-object.ts";
import type { Quote } from "../place.ts";
import type { Because, Probe } from "../probe.ts";

export const sidecarMissing: Probe = {
  row: rows.sidecarMissing,
  needs: [["access"], ["config", "stats"], ["logs"]],
  look: (evidence) =>
    troubles(evidence, ["noSocket"], telltale).map(({ link, error, weight, quotes }) => {
      const [, named] = /remote address: ?(\S+?)[,}]?$/.exec(error?.said ?? "") ?? [];
      const path = addressOf(link) || named || "the socket";
      return {
        weight,
        object: nameOf(link),
        says: `${path}, where ${nameOf(link)} looks for the picker, is not there: the sidecar does not run beside this Envoy`,
        evidence: quotes,
        because: ofPods(evidence),
        values: { path },
      };
    }),
};

/** A socket of another file that cannot be connected to is one that is not there. */
function telltale(link: Link, stats: Stats): Quote | undefined {
  const isFailing = stats.ofCluster(link.to, "upstream_cx_connect_fail") > 0;
  return addressOf(link).startsWith("/") && isFailing
    ? stats.quoteOfCluster(link.to, "upstream_cx_connect_fail")
    : undefined;
}

/** A gateway's pod of Envoy Gateway without the container that the webhook of Envoy AI Gateway puts there. */
function ofPods({ objects }: Evidence): Because[] {
  const gateways = objects.filter(
    ({ kind, labels }) => kind === "Pod" && labels["app.kubernetes.io/managed-by"] === "envoy-gateway",
  );
  return gateways.flatMap((pod) => {
    const names = ["containers", "initContainers"].flatMap((key) =>
      pod.at
        .at("spec", key)
        .items()
        .map((container) => container.at("name").text()),
    );
    if (names.length === 0 || names.some((name) => name.includes("extproc"))) return [];
    const evidence: Quote = { source: pod.at.source, text: `${titleOf(pod)} spec.containers: ${names.join(", ")}` };
    return [{ says: `${titleOf(pod)} has no container of the sidecar.`, evidence }];
  });
}
