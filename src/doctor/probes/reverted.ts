/** Row 41: somebody changed an object by hand, and the operator that it belongs to writes it anew. */
import { rows } from "../catalogue/rows.ts";
import { type KubeObject, titleOf } from "../kube/kube-object.ts";
import type { Place } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

/**
 * By whom a person changes things. Commands that write one thing alone are left out: what they wrote stands as long as they
 * are named, for who writes it anew takes their name from it.
 */
const BY_HAND =
  /^(kubectl(?!-(rollout|cordon|uncordon|drain|taint|label|annotate|scale|autoscale)\b)|k9s|lens|freelens|headlamp|rancher|Mozilla|OpenShift-console)/i;
/** Parts of the cluster itself, which write a spec for reasons of their own. */
const OF_CLUSTER = /^(kube-|cluster-autoscaler|helm|vpa-|argocd-image)/i;

/** Kinds of which the filter and the routes of an Envoy come. */
const MAKES_FILTERS = /^(EnvoyFilter|EnvoyProxy|Gateway|InferencePool|.*Route|.*Policy)$/;

export const reverted: Probe = {
  row: rows.reverted,
  needs: [["objects"]],
  look: ({ objects }) => objects.flatMap(ofObject),
};

interface Write {
  readonly manager: string;
  readonly time: string;
  readonly at: Place;
}

/** What was written last into the spec, by a person and by a program. */
function ofObject(object: KubeObject): Sighting[] {
  const metadata = object.at.at("metadata");
  const writes = metadata
    .at("managedFields")
    .items()
    .filter((entry) => entry.at("fieldsV1", "f:spec").isThere && entry.at("subresource").text() === "")
    .map((at): Write => ({ manager: at.at("manager").text(), time: at.at("time").text(), at: at.at("manager") }));
  const byHand = latest(writes.filter(({ manager }) => BY_HAND.test(manager)));
  const byProgram = latest(writes.filter(({ manager }) => !BY_HAND.test(manager) && !OF_CLUSTER.test(manager)));
  const owner = metadata.at("ownerReferences", 0);
  const isUndone = byHand !== undefined && byProgram !== undefined && byProgram.time > byHand.time;
  // A program that wrote once and let go would not do so again; one that owns the object does.
  if (byHand === undefined || (!isUndone && !owner.isThere)) return [];
  // Who took every field of the spec from the program left no trace of it there.
  const of = owner.isThere ? `${owner.at("kind").text()} ${owner.at("name").text()}` : (byProgram?.manager ?? "");
  return [
    {
      // Where nobody owns the object two may share it in peace.
      weight: isUndone && owner.isThere ? "fault" : "risk",
      mayCause: MAKES_FILTERS.test(object.kind) ? ["filter", "route"] : [],
      object: titleOf(object),
      says: isUndone
        ? `${titleOf(object)} was changed by ${byHand.manager} at ${byHand.time}, and written anew by ${byProgram.manager} at ${byProgram.time}`
        : `${titleOf(object)} was changed by ${byHand.manager}, and belongs to ${of}, which will write it anew`,
      evidence: [
        byHand.at.quote(),
        ...(byProgram === undefined ? [] : [byProgram.at.quote()]),
        ...(owner.isThere ? [owner.quote()] : []),
        metadata.at("generation").quote(),
      ],
      values: { owner: of },
    },
  ];
}

function latest(writes: readonly Write[]): Write | undefined {
  return writes.toSorted((a, b) => (a.time < b.time ? 1 : -1))[0];
}
