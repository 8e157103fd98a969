/** The way of a request as a checklist: of each layer what is known of it, or that nothing given tells of it. */
import { rows } from "./catalogue/rows.ts";
import { failingCounters } from "./counted-failures.ts";
import { linksOf } from "./envoy/links.ts";
import { needsPick, requestPaths } from "./envoy/request-paths.ts";
import type { Evidence } from "./evidence.ts";
import { conditionsOf, type KubeObject, titleOf } from "./kube/kube-object.ts";
import type { Quote } from "./place.ts";
import { sharesOf, unexplained } from "./unexplained.ts";
import type { Finding, Verdict } from "./verdict.ts";

/** In the order of the way. */
export const layers = ["gateway pod", "address", "route", "pool", "picker", "pod", "filter", "end to end"] as const;
export type Layer = (typeof layers)[number];

export interface LayerState {
  readonly layer: Layer;
  readonly state: "well" | "broken" | "risk" | "not judged";
  /** In a few words; for one that is not judged, what would tell. */
  readonly says: string;
  readonly evidence?: Quote;
}

export function checklistOf(verdict: Verdict, evidence: Evidence): LayerState[] {
  const faults = [...(verdict.first === undefined ? [] : [verdict.first]), ...verdict.also];
  return layers.map((layer): LayerState => {
    const isHere = ({ row, object }: Finding) => layerOf(row, object) === layer;
    const fault = faults.find(isHere);
    if (fault !== undefined) return stateOf(layer, "broken", fault);
    const risk = verdict.risks.find(isHere);
    if (risk !== undefined) return stateOf(layer, "risk", risk);
    const failed = layer === "end to end" ? unexplained(evidence) : undefined;
    if (failed !== undefined) return { layer, state: "broken", says: sharesOf(evidence), evidence: failed.evidence };
    const seen = looks[layer](evidence);
    if (seen === undefined) return { layer, state: "not judged", says: `no input for this: ${wouldTell[layer]}` };
    // None of several is never well: of what is broken already it follows, of nothing else it would have to.
    if (typeof seen === "string") return { layer, state: "well", says: seen };
    return { layer, state: faults.length > 0 ? "broken" : "risk", says: seen.lacking };
  });
}

/** What is well of a layer in a few words, or what of it is not as it should be. */
type Look = string | { readonly lacking: string } | undefined;

/** `1 of 2 ...`, and well only where nothing is wanting. */
function share(good: number, all: number, words: string): Look {
  const says = `${good} of ${all} ${words}`;
  return all === 0 ? undefined : good === all ? says : { lacking: says };
}

function stateOf(layer: Layer, state: "broken" | "risk", { row, object, evidence }: Finding): LayerState {
  return { layer, state, says: `row ${row.row}, ${row.name}: ${object}`, evidence: evidence[0] };
}

const wouldTell: Readonly<Record<Layer, string>> = {
  "gateway pod": "server_info, or the gateway's pods",
  address: "Gateway objects, or --probe",
  route: "config_dump",
  pool: "clusters, or InferencePool objects",
  picker: "stats and clusters, or --picker",
  pod: "clusters, or the picker's pages",
  filter: "config_dump",
  "end to end": "access-log lines, or --probe",
};

/** Of the catalogue's layers those that are in one place on this list, whatever the step that they fail in. */
const byLayer: Readonly<Record<string, Layer>> = {
  gateway: "gateway pod",
  route: "route",
  authentication: "route",
  picker: "picker",
  "picker link": "picker",
  admission: "picker",
  signals: "picker",
  "filter chain": "filter",
  filter: "filter",
  "filter of the cluster": "filter",
};
/** For the rest the question that has failed says where it is. */
const byStep: Readonly<Record<Finding["row"]["step"], Layer>> = {
  gateway: "gateway pod",
  accepted: "filter",
  filter: "filter",
  route: "route",
  link: "picker",
  stream: "picker",
  address: "pool",
  cluster: "pool",
  pod: "pod",
  body: "end to end",
  answer: "end to end",
};
/** Neither says it: what was refused is a route or a pool, not a filter; what drops a header is the filter's rules. */
const byRow: Readonly<Record<number, Layer>> = { 4: "route", 34: "filter", 39: "pool", 46: "pool", 49: "address" };

/** What a controller refuses may be of any layer: its kind says of which. */
const byKind: Readonly<Record<string, Layer>> = {
  Gateway: "address",
  HTTPRoute: "route",
  GRPCRoute: "route",
  InferencePool: "pool",
};

export function layerOf({ row, step, layer }: Finding["row"], object = ""): Layer {
  const [kind = ""] = object.split(" ");
  const ofKind = row === rows.refused.row ? byKind[kind] : undefined;
  return ofKind ?? byRow[row] ?? byLayer[layer] ?? byStep[step];
}

/** Of a layer that no finding is of; undefined where nothing tells. */
const looks: Readonly<Record<Layer, (evidence: Evidence) => Look>> = {
  "gateway pod": ({ server, objects }) => {
    if (server !== undefined) {
      const says = `Envoy ${server.version} is ${server.state || "up"}`;
      return server.state === "" || server.state === "LIVE" ? says : { lacking: says };
    }
    return readyOf(objects.filter(isGatewayPod));
  },
  address: ({ objects, live }) => {
    const answered = live?.asked.find(({ question, status }) => question === "request" && /^\d+$/.test(status));
    if (answered !== undefined) return "it answers requests";
    const gateways = objects.filter(({ kind }) => kind === "Gateway");
    const addressed = gateways.filter(({ at }) => at.at("status", "addresses").items().length > 0);
    if (addressed.length === 0) return undefined;
    return addressed
      .map((each) => `${titleOf(each)} at ${each.at.at("status", "addresses", 0, "value").text()}`)
      .join("; ");
  },
  route: ({ config, objects }) => {
    if (config?.listeners.some(({ routes }) => routes.length > 0)) {
      const paths = requestPaths(config);
      const asking = paths.filter((path) => path.asking.length > 0).length;
      const bare = paths.filter((path) => path.asking.length === 0 && path.clusters.some(needsPick)).length;
      const says = `${asking} of ${paths.length} routes ask the picker`;
      return bare === 0 ? says : { lacking: `${says}, and ${bare} of the others need it` };
    }
    const routes = objects.filter(({ kind }) => kind === "HTTPRoute");
    return allTrue(routes, "Accepted");
  },
  pool: ({ hosts, config, objects }) => {
    const ends = config === undefined ? [] : requestPaths(config).flatMap(({ clusters }) => clusters);
    const known = hosts === undefined ? [] : ends.filter(({ name }) => (hosts.get(name) ?? []).length > 0);
    const [cluster] = known;
    if (cluster !== undefined) return `cluster ${cluster.name} has ${hosts?.get(cluster.name)?.length} hosts`;
    return allTrue(
      objects.filter(({ kind }) => kind === "InferencePool"),
      "Accepted",
    );
  },
  picker: (evidence) => {
    const link = linksOf(evidence).find(
      ({ hosts, isDown }) => !isDown && hosts.some(({ ailments }) => ailments === ""),
    );
    const pick = evidence.live?.asked.find(({ question }) => question === "pick");
    if (pick?.isWell) return pick.quote.text;
    const port = evidence.live?.asked.find(({ question, isWell }) => /^picker-(plain|tls)/.test(question) && isWell);
    if (port !== undefined) return `${port.quote.source} ${port.quote.text}`;
    if (link !== undefined) return `${link.hosts.length} hosts of cluster ${link.to}, none of them ailing`;
    return evidence.picker === undefined ? undefined : "its pages answer";
  },
  pod: ({ picker, hosts, config }) => {
    if (picker !== undefined && picker.pods.length > 0) return `the picker knows ${picker.pods.length}`;
    const names =
      config === undefined ? [] : requestPaths(config).flatMap(({ clusters }) => clusters.map(({ name }) => name));
    const served = [...new Set(names)]
      .flatMap((name) => hosts?.get(name) ?? [])
      .filter(({ successes }) => successes > 0);
    return served.length === 0 ? undefined : `${served.length} served requests`;
  },
  filter: (evidence) => {
    const { config } = evidence;
    if (config === undefined) return undefined;
    const askers = linksOf(evidence).flatMap((link) => link.askers);
    const [asker] = askers;
    if (asker === undefined) {
      const needing = requestPaths(config).filter(({ clusters }) => clusters.some(needsPick)).length;
      if (needing > 0) return { lacking: `none asks a picker, and ${needing} routes need one` };
      return "none asks a picker, and no route needs one";
    }
    const failing = failingCounters(evidence);
    if (failing !== undefined)
      return { lacking: `${failing.name}: ${failing.started} streams, ${failing.failed} failed` };
    const counted =
      asker.counters === undefined ? "" : `: ${asker.counters.started} streams, ${asker.counters.failed} failed`;
    return `${asker.filter.name}${asker.extProc.failsOpen ? ", fails open" : ""}${counted}`;
  },
  "end to end": ({ access, live }) => {
    const request = live?.asked.find(({ question }) => question === "request");
    if (request?.isWell) return request.quote.text;
    if (access.length === 0) return request?.quote.text;
    const good = access.filter(({ status }) => status < 400).length;
    const says = `${good} of ${access.length} requests in the log were answered below 400`;
    return good === 0 ? { lacking: says } : says;
  },
};

function isGatewayPod({ kind, labels }: KubeObject): boolean {
  return (
    kind === "Pod" &&
    ("gateway.networking.k8s.io/gateway-name" in labels || labels["app.kubernetes.io/managed-by"] === "envoy-gateway")
  );
}

function readyOf(pods: readonly KubeObject[]): Look {
  const ready = pods.filter((pod) =>
    conditionsOf(pod).some(({ type, status }) => type === "Ready" && status === "True"),
  );
  return share(ready.length, pods.length, "pods are ready");
}

function allTrue(objects: readonly KubeObject[], type: string): Look {
  const told = objects.filter((each) => conditionsOf(each).some((condition) => condition.type === type));
  const good = told.filter((each) =>
    conditionsOf(each).every((condition) => condition.type !== type || condition.status === "True"),
  );
  return share(good.length, told.length, `are ${type}`);
}
