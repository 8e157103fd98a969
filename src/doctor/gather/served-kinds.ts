/** Which kinds of object an API server has, of those that bear on the way of a request, and where it serves them. */
import type { Unread } from "../evidence.ts";
import { Place } from "../place.ts";

/** By group: what bears on the way of a request. Secrets are never asked for. */
const wanted: Readonly<Record<string, readonly string[]>> = {
  "": ["services", "pods", "nodes"],
  apps: ["deployments", "daemonsets"],
  "discovery.k8s.io": ["endpointslices"],
  "networking.k8s.io": ["networkpolicies"],
  "gateway.networking.k8s.io": ["gateways", "gatewayclasses", "httproutes", "referencegrants", "backendtlspolicies"],
  "inference.networking.k8s.io": ["inferencepools"],
  "inference.networking.x-k8s.io": ["inferencepools", "inferenceobjectives"],
  "gateway.envoyproxy.io": [
    "envoyextensionpolicies",
    "envoypatchpolicies",
    "envoyproxies",
    "backends",
    "clienttrafficpolicies",
    "backendtrafficpolicies",
    "securitypolicies",
  ],
  "aigateway.envoyproxy.io": ["aigatewayroutes", "aiservicebackends"],
  "networking.istio.io": ["envoyfilters", "destinationrules"],
  "gateway.kgateway.dev": ["gatewayextensions", "trafficpolicies"],
  "networking.gke.io": ["healthcheckpolicies", "gcpbackendpolicies"],
  "serving.kserve.io": ["llminferenceservices"],
};

export interface ServedKind {
  /** Of its path, as in /apis/apps/v1. */
  readonly root: string;
  readonly group: string;
  readonly plural: string;
}

/** An answer of any status resolves. */
type Ask = (path: string) => Promise<{ readonly status: number; readonly text: string }>;

/**
 * One that is not served must not be asked for: who lacks rights is told that they are missing, not that nothing is there.
 * Throws where the server does not say which groups it has.
 */
export async function servedKinds(ask: Ask): Promise<{ kinds: readonly ServedKind[]; unread: readonly Unread[] }> {
  const groups = await listOf(ask, "/apis", "groups");
  const unread: Unread[] = [];
  const own = (wanted[""] ?? []).map((plural) => ({ root: "/api/v1", group: "", plural }));
  const others = groups
    .filter((group) => group.at("name").text() in wanted)
    .map((group) =>
      ofGroup(ask, group).catch((error: Error) => {
        unread.push({ source: group.at("name").text(), why: error.message });
        return [];
      }),
    );
  return { kinds: [...own, ...(await Promise.all(others)).flat()], unread };
}

/** The preferred version need not have every kind of the group: Istio has its EnvoyFilters in an older one only. */
async function ofGroup(ask: Ask, group: Place): Promise<ServedKind[]> {
  const name = group.at("name").text();
  const preferred = group.at("preferredVersion", "groupVersion").text();
  const versions = group.at("versions").items();
  const all = new Set([preferred, ...versions.map((version) => version.at("groupVersion").text())]);
  const served = await Promise.all(
    [...all].map(async (version) => {
      const kinds = await listOf(ask, `/apis/${version}`, "resources");
      return { root: `/apis/${version}`, plurals: kinds.map((kind) => kind.at("name").text()) };
    }),
  );
  return (wanted[name] ?? []).flatMap((plural) => {
    const found = served.find(({ plurals }) => plurals.includes(plural));
    return found === undefined ? [] : [{ root: found.root, group: name, plural }];
  });
}

async function listOf(ask: Ask, path: string, key: string): Promise<Place[]> {
  const { status, text } = await ask(path);
  if (status !== 200) throw new Error(`the API server answers ${status} to ${path}, where it says what it has`);
  return new Place(JSON.parse(text), "").at(key).items();
}
