/** Row 46: a route names a pool of one API group, and there is one of the other, or the mesh follows the other. */
import { rows } from "../catalogue/rows.ts";
import type { Evidence } from "../evidence.ts";
import { type KubeObject, titleOf } from "../kube/kube-object.ts";
import { type PoolRef, poolRefsIn, unresolved } from "../kube/pool-refs.ts";
import { isWellNow } from "../logs/recovered.ts";
import type { Place, Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

const OLD = "inference.networking.x-k8s.io";
const NEW = "inference.networking.k8s.io";

export const poolGroup: Probe = {
  row: rows.poolGroup,
  needs: [["objects"], ["logs"]],
  look: (evidence) => {
    const { objects } = evidence;
    const mesh = meshOf(objects);
    const unknown = ofLog(evidence);
    return [
      ...unknown,
      ...poolRefsIn(objects).flatMap((ref): Sighting[] => {
        const said = unresolved(ref.route);
        const other = poolOfOtherGroup(ref, objects);
        const isAgainst = mesh !== undefined && mesh.group !== ref.group;
        if (other === undefined && !isAgainst) return [];
        const proof: Quote[] = [
          ...(other === undefined ? [] : [{ source: other.at.source, text: `${titleOf(other)}: ${other.apiVersion}` }]),
          ...(isAgainst ? [mesh.image.quote()] : []),
          ...(said === undefined ? [] : [said.at.at("message").quote()]),
        ];
        const says = isAgainst
          ? `names InferencePool ${ref.name} of group ${ref.group}, and ${mesh.name} follows ${mesh.group}`
          : `names InferencePool ${ref.name} of group ${ref.group}, and there is one of ${other?.group} only`;
        return [
          {
            weight: said === undefined && other === undefined ? "risk" : "fault",
            object: titleOf(ref.route),
            says: `${titleOf(ref.route)} ${says}`,
            evidence: [ref.at.at("group").quote(), ...proof],
            values: { mesh: mesh?.name ?? "the mesh" },
          },
        ];
      }),
    ];
  },
};

/** A picker or a controller that starts for a group, or a version, of which the cluster has none. */
function ofLog({ logs, access }: Evidence): Sighting[] {
  const said = logs.findLast(({ sign }) => sign.name === "kind-unknown");
  if (said === undefined || isWellNow(access)) return [];
  const [, version = "its version"] = /in version "([^"]+)"/.exec(said.quote.text.replaceAll("\\", "")) ?? [];
  const sighting: Sighting = {
    weight: "fault",
    mayCause: ["link", "stream", "address"],
    object: "InferencePool",
    says: `a program looks for InferencePool of ${version}, and the cluster has none: its definition is of the other group, or not there`,
    evidence: [said.quote],
    values: { mesh: "that program" },
  };
  return [sighting];
}

/** None of the route's group, and one of the other. */
function poolOfOtherGroup({ group, name, namespace }: PoolRef, objects: readonly KubeObject[]): KubeObject | undefined {
  const pools = objects.filter(
    (object) => object.kind === "InferencePool" && object.name === name && object.namespace === namespace,
  );
  return pools.some((pool) => pool.group === group) ? undefined : pools[0];
}

/** By the image of istiod or of a proxy: 1.27 follows the older group, later ones the newer. */
function meshOf(objects: readonly KubeObject[]) {
  for (const image of objects.flatMap(imagesOf)) {
    const [, , version] = /\b(pilot|proxyv2):v?1\.(\d+)/.exec(image.text()) ?? [];
    if (version === undefined || Number(version) < 27) continue;
    return { name: `Istio 1.${version}`, group: version === "27" ? OLD : NEW, image };
  }
  return undefined;
}

function imagesOf({ kind, at }: KubeObject): Place[] {
  const spec = kind === "Pod" ? at.at("spec") : at.at("spec", "template", "spec");
  return spec
    .at("containers")
    .items()
    .map((container) => container.at("image"));
}
