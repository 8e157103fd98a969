/** Where two trees differ, in the order of their keys, without what differs between any two set-ups. */
import type { Step } from "../catalogue/row.ts";
import { isRecord, Place } from "../place.ts";

export interface Difference {
  readonly path: string;
  readonly kind: "missing" | "added" | "different";
  /** As they are shown; "" for what is not there. */
  readonly good: string;
  readonly bad: string;
}

export interface OnTheWay extends Difference {
  readonly step: Step;
  /** What it is in: `filter X of listener Y`, `EnvoyExtensionPolicy default/pointsman`. */
  readonly object: string;
}

/** Identities, times, addresses and places: they say nothing of why one works and the other does not. */
const volatile = new Set([
  ...["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "ownerReferences", "selfLink"],
  ...[
    "observedGeneration",
    "lastTransitionTime",
    "lastProbeTime",
    "lastHeartbeatTime",
    "startTime",
    "startedAt",
    "finishedAt",
  ],
  ...[
    "clusterIP",
    "clusterIPs",
    "podIP",
    "podIPs",
    "hostIP",
    "hostIPs",
    "nodeName",
    "nodePort",
    "containerID",
    "imageID",
  ],
  ...[
    "last_updated",
    "version_info",
    "client_status",
    "load_assignment",
    "eds_cluster_config",
    "alt_stat_name",
    "stat_prefix",
  ],
  ...[
    "kubectl.kubernetes.io/last-applied-configuration",
    "pod-template-hash",
    "socket_address",
    "access_log",
    "metadata",
  ],
]);
const LONGEST = 100;

export function differences(good: Place, bad: Place): Difference[] {
  if (good.isThere && !bad.isThere) return [{ path: good.path, kind: "missing", good: shown(good), bad: "" }];
  if (!good.isThere && bad.isThere) return [{ path: bad.path, kind: "added", good: "", bad: shown(bad) }];
  const [a, b] = [good.value, bad.value];
  if (isRecord(a) && isRecord(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => !volatile.has(key));
    return keys.flatMap((key) => differences(good.at(key), bad.at(key)));
  }
  if (Array.isArray(a) && Array.isArray(b)) return ofLists(good, bad);
  return Object.is(a, b) || String(a) === String(b)
    ? []
    : [{ path: bad.path, kind: "different", good: shown(good), bad: shown(bad) }];
}

/** By name where all have one, so that one that is missing does not shift the rest; else by place. */
function ofLists(good: Place, bad: Place): Difference[] {
  const [ours, theirs] = [good.items(), bad.items()];
  const isNamed = [...ours, ...theirs].every((each) => nameOf(each) !== "");
  if (!isNamed) {
    const most = Math.max(ours.length, theirs.length);
    return Array.from({ length: most }, (_, at) => differences(good.at(at), bad.at(at))).flat();
  }
  const named = new Map(theirs.map((each) => [nameOf(each), each]));
  const here = new Set(ours.map(nameOf));
  const gone = { value: undefined };
  return [
    ...ours.flatMap((each) =>
      differences(each, named.get(nameOf(each)) ?? new Place(gone.value, bad.source, each.path)),
    ),
    ...theirs
      .filter((each) => !here.has(nameOf(each)))
      .flatMap((each) => differences(new Place(gone.value, good.source, each.path), each)),
  ];
}

function nameOf(place: Place): string {
  for (const key of ["name", "type", "key"]) {
    const text = place.at(key).text();
    if (text !== "") return text;
  }
  return "";
}

function shown(place: Place): string {
  const text = JSON.stringify(place.value) ?? "";
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
}
