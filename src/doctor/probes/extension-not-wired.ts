/** Row 27: routes that Envoy AI Gateway was to finish, and no trace of it in the configuration. */
import { rows } from "../catalogue/rows.ts";
import type { EnvoyConfig } from "../envoy/config-view.ts";
import { type RequestPath, requestPaths, titleOf } from "../envoy/request-paths.ts";
import { type KubeObject, titleOf as titleOfObject } from "../kube/kube-object.ts";
import type { Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

/** The header by which its routes tell models apart; its first filter sets it. */
const MODEL_HEADER = "x-ai-eg-model";

export const extensionNotWired: Probe = {
  row: rows.extensionNotWired,
  needs: [["config"]],
  look: ({ config, objects }) => {
    if (config === undefined || isWired(config)) return [];
    const path = requestPaths(config).find((each) => isUnfinished(each, config));
    const object = objects.find(isTheirs);
    if (path === undefined && object === undefined) return [];
    const clusters = [...config.clusters.keys()];
    const absent: Quote = { source: config.source, text: `no cluster leads to run.sock: ${clusters.join(", ")}` };
    const proof = path?.route.matchAt.quote() ?? object?.at.at("metadata").quote() ?? absent;
    const of = path === undefined ? (object === undefined ? "" : titleOfObject(object)) : titleOf(path);
    const sighting: Sighting = {
      weight: "fault",
      object: "Envoy Gateway's extensionManager",
      says: `${of} waits for the model in ${MODEL_HEADER}, and nothing in this Envoy asks Envoy AI Gateway for it`,
      evidence: [absent, proof],
    };
    return [sighting];
  },
};

/** A route by model, where nobody is asked for the model. */
export function isUnfinished({ route, asking }: RequestPath, config: EnvoyConfig): boolean {
  return asking.length === 0 && namesModel(route.matchAt.at("headers").value) && !isWired(config);
}

function isWired({ clusters }: EnvoyConfig): boolean {
  return [...clusters.values()].some(
    ({ name, endpoints }) =>
      name.startsWith("ai-gateway-extproc") || endpoints.some((each) => each.endsWith("run.sock")),
  );
}

function namesModel(headers: unknown): boolean {
  return (JSON.stringify(headers) ?? "").includes(`"${MODEL_HEADER}"`);
}

function isTheirs({ kind, group }: KubeObject): boolean {
  return kind === "AIGatewayRoute" && group.startsWith("aigateway.envoyproxy.io");
}
