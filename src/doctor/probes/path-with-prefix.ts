/** Row 53: a prefix before the API's path, which the picker or the pod does not know. */
import { rows } from "../catalogue/rows.ts";
import { isOnPath, requestPaths } from "../envoy/request-paths.ts";
import type { Evidence } from "../evidence.ts";
import type { AccessLine } from "../logs/access-line.ts";
import { apiOf, isOfPicker, isOfPod } from "../logs/answered-by.ts";
import { weightOfShare } from "../logs/recovered.ts";
import type { Probe, Sighting } from "../probe.ts";

export const pathWithPrefix: Probe = {
  row: rows.prefixUnknown,
  needs: [["access"]],
  look: (evidence): Sighting[] => {
    const { access } = evidence;
    const prefixed = access.filter(({ path }) => (apiOf(path)?.prefix ?? "") !== "");
    const refused = prefixed.filter(
      (line) =>
        line.status === 404 &&
        line.details !== "pointsman_model_not_found" &&
        (isOfPicker(line) || (isOfPod(line) && !isRewritten(line, evidence))),
    );
    const [line] = refused;
    if (line === undefined) return [];
    const { prefix = "", api = "" } = apiOf(line.path) ?? {};
    const who = isOfPod(line) ? "the pod" : "the picker";
    const rewrite = routeOf(line, evidence);
    return [
      {
        weight: weightOfShare(refused, prefixed),
        object: `path ${line.path}`,
        says: `${who} answers 404 to ${line.path}: it knows ${api}, and ${prefix} stands before it`,
        evidence: [line.quote, ...(rewrite === undefined ? [] : [rewrite.matchAt.quote()])],
      },
    ];
  },
};

/** Where the route takes it away the pod never sees it: what it does not know then is the model. */
function isRewritten(line: AccessLine, evidence: Evidence): boolean {
  return (routeOf(line, evidence)?.prefixRewrite ?? "") !== "";
}

function routeOf(line: AccessLine, { config }: Evidence) {
  return config === undefined ? undefined : requestPaths(config).find((path) => isOnPath(line, path))?.route;
}
