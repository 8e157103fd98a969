/** Objects of two clusters: what is missing, what was accepted in one and not in the other, and what they say. */
import type { Step } from "../catalogue/row.ts";
import { conditionsOf, type KubeObject, titleOf } from "../kube/kube-object.ts";
import { Place } from "../place.ts";
import { differences, type OnTheWay } from "./differences.ts";

/** Volatile fields are left out, and so is the status but for its conditions. */
export function compareObjects(good: readonly KubeObject[], bad: readonly KubeObject[]): OnTheWay[] {
  // Pods, slices and nodes come and go.
  const lasting = (objects: readonly KubeObject[]) =>
    objects.filter(({ kind }) => !["Pod", "Node", "EndpointSlice", "Endpoints", "ReplicaSet"].includes(kind));
  const theirs = new Map(lasting(bad).map((object) => [titleOf(object), object]));
  const ours = new Set(lasting(good).map(titleOf));
  const missing = new Place(undefined, "");
  const known = lasting(good).flatMap((object): OnTheWay[] => {
    const title = titleOf(object);
    const other = theirs.get(title);
    const step = stepOf(object.kind);
    if (other === undefined) return [{ step, object: title, path: title, kind: "missing", good: "there", bad: "" }];
    const spec = ["spec", "data"].flatMap((key) => differences(object.at.at(key), other.at.at(key)));
    return [...ofConditions(object, other), ...spec.map((each) => ({ ...each, step, object: title }))];
  });
  const added = lasting(bad)
    .filter((object) => !ours.has(titleOf(object)))
    .flatMap((object) =>
      differences(missing, object.at.at("kind")).map((each) => ({
        ...each,
        step: stepOf(object.kind),
        object: titleOf(object),
      })),
    );
  return [...known, ...added];
}

/** Was it accepted? That comes before what it says. */
function ofConditions(good: KubeObject, bad: KubeObject): OnTheWay[] {
  const others = conditionsOf(bad);
  return conditionsOf(good).flatMap((condition): OnTheWay[] => {
    const other = others.find(({ type, of }) => type === condition.type && of === condition.of);
    if (other?.status === condition.status) return [];
    const words = other === undefined ? "" : `${other.status}: ${other.reason}: ${other.message}`;
    const path = `${titleOf(bad)} condition ${condition.type}`;
    return [
      {
        step: "accepted",
        object: titleOf(bad),
        path,
        kind: other === undefined ? "missing" : "different",
        good: condition.status,
        bad: words,
      },
    ];
  });
}

function stepOf(kind: string): Step {
  if (/Policy$|EnvoyFilter|EnvoyProxy|^Gateway/.test(kind)) return "filter";
  if (/Route$/.test(kind)) return "route";
  return /Service|DestinationRule|Backend/.test(kind) ? "link" : "cluster";
}
