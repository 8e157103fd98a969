/** Row 37: told to fail open, and nowhere to go without the picker. */
import { rows } from "../catalogue/rows.ts";
import { optionOf } from "../envoy/links.ts";
import { type PickedCluster, pickedClusters } from "../envoy/pick-results.ts";
import type { Evidence } from "../evidence.ts";
import { type KubeObject, titleOf } from "../kube/kube-object.ts";
import { weightOfLines } from "../logs/recovered.ts";
import type { Probe, Sighting } from "../probe.ts";

export const failOpenWithoutHosts: Probe = {
  row: rows.failOpenWithoutHosts,
  needs: [["config"]],
  look: (evidence) => {
    const picked = pickedClusters(evidence);
    return [...picked.flatMap((each) => ofCluster(each, evidence)), ...ofPools(picked, evidence)];
  },
};

/** Hosts of original destinations come with the header alone. */
function ofCluster({ cluster, asker, lost }: PickedCluster, { access }: Evidence): Sighting[] {
  if (!asker.extProc.failsOpen || cluster.addressHeader === "") return [];
  const { counters } = asker;
  const allowed = counters?.allowed ?? 0;
  const isMet = allowed > 0 && (access.length === 0 || weightOfLines(lost, access) === "fault");
  return [
    {
      weight: isMet ? "fault" : "risk",
      object: `cluster ${cluster.name}`,
      says: `${asker.title} fails open to cluster ${cluster.name}, which has no pod but the one that a pick names`,
      evidence: [
        optionOf(asker, "failure_mode_allow").quote(),
        ...(isMet ? lost.slice(0, 1).map(({ quote }) => quote) : []),
        cluster.at.at("original_dst_lb_config").quote(),
        ...(isMet && counters !== undefined ? [counters.quote("failure_mode_allowed")] : []),
      ],
    },
  ];
}

/** The pool says FailOpen, and the gateway made filters that do not. */
function ofPools(picked: readonly PickedCluster[], { objects }: Evidence): Sighting[] {
  const [closed] = picked.filter(({ asker }) => !asker.extProc.failsOpen);
  if (closed === undefined || picked.some(({ asker }) => asker.extProc.failsOpen)) return [];
  return objects
    .filter((object) => failureModeOf(object).text() === "FailOpen")
    .slice(0, 1)
    .map((pool) => ({
      weight: "risk",
      object: titleOf(pool),
      says: `${titleOf(pool)} says FailOpen, and ${closed.asker.title} fails closed`,
      evidence: [
        failureModeOf(pool).quote(),
        optionOf(closed.asker, "failure_mode_allow").quote("is not there: it fails closed"),
      ],
    }));
}

function failureModeOf({ kind, at }: KubeObject) {
  const spec = at.at("spec");
  const ref = spec.at("endpointPickerRef").isThere ? spec.at("endpointPickerRef") : spec.at("extensionRef");
  return kind === "InferencePool" ? ref.at("failureMode") : at.at("none");
}
