/** Row 51: what cures the filter of one gateway, or makes it, is bound to that gateway alone. */
import { rows } from "../catalogue/rows.ts";
import { unboundBy } from "../kube/gateway-bindings.ts";
import type { KubeObject } from "../kube/kube-object.ts";
import type { Probe } from "../probe.ts";
import { unboundSighting } from "./filter-of-one-gateway.ts";

export const secondGateway: Probe = {
  row: rows.secondGateway,
  needs: [["objects"]],
  look: (evidence) => {
    const policies = evidence.objects.filter((each) => changesExtProc(each) || makesExtProc(each));
    return unboundBy(policies, evidence.objects).map((unbound) => unboundSighting(unbound, evidence));
  },
};

/** Replaces or merges: the filter is on every gateway, the cure is not. */
function changesExtProc({ kind, at }: KubeObject): boolean {
  if (kind !== "EnvoyFilter") return false;
  return at
    .at("spec", "configPatches")
    .items()
    .some((each) => {
      const operation = each.at("patch", "operation").text();
      const isExtProc = JSON.stringify(each.value).includes("ext_proc");
      const isOfFilter = ["HTTP_FILTER", "HTTP_ROUTE", "VIRTUAL_HOST"].includes(each.at("applyTo").text());
      return isOfFilter && isExtProc && (operation === "REPLACE" || operation === "MERGE");
    });
}

function makesExtProc({ kind, at }: KubeObject): boolean {
  return kind === "EnvoyExtensionPolicy" && at.at("spec", "extProc").items().length > 0;
}
