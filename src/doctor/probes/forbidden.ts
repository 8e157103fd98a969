/** Row 40: a program may not read what it lives on. */
import { rows } from "../catalogue/rows.ts";
import { isWellNow } from "../logs/recovered.ts";
import type { Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

export const forbidden: Probe = {
  row: rows.forbidden,
  needs: [["logs"]],
  look: ({ logs, access }) => {
    const said = logs.filter(({ sign }) => sign.name === "forbidden").map(({ quote }) => rightIn(quote));
    // What a picker lives on comes before what any program would have besides.
    const [right] = [...said.filter(isVital), ...said];
    if (right === undefined) return [];
    const { account, verb, what, namespace, quote } = right;
    const where = namespace === "" ? "in all namespaces" : `in namespace ${namespace}`;
    const sighting: Sighting = {
      // A right that was missing at the start may have been given since.
      weight: isVital(right) && !isWellNow(access) ? "fault" : "risk",
      mayCause: ["link", "stream", "address"],
      object: account,
      says: `${account} may not ${verb} ${what} ${where}`,
      evidence: [quote],
      values: { account, namespace },
    };
    return [sighting];
  },
};

interface Right {
  readonly account: string;
  readonly verb: string;
  readonly what: string;
  readonly namespace: string;
  readonly quote: Quote;
}

function rightIn(quote: Quote): Right {
  // In a log of JSON each quotation mark has a stroke before it.
  const words = quote.text.replaceAll("\\", "");
  const [, account = "the service account"] = /User "([^"]*)"/.exec(words) ?? [];
  // Before the words there may be the name of one object; the resource stands behind them in any case.
  const [, verb = "read", resource = "its objects"] = /cannot (\w+) resource "?([\w./-]+)/.exec(words) ?? [];
  const [, group = ""] = /in API group "([^"]*)"/.exec(words) ?? [];
  const [, namespace = ""] = /in the namespace "([^"]*)"/.exec(words) ?? [];
  return { account, verb, what: group === "" ? resource : `${resource}.${group}`, namespace, quote };
}

/** A picker reads these; leases and events are others' affairs, and so is what the cluster's own programs may do. */
function isVital({ account, verb, what }: Right): boolean {
  const isReading = ["get", "list", "watch", "read"].includes(verb);
  const isPickers = /^(pods|services|endpoints|endpointslices|inference\w+|its objects)\b/.test(what);
  return isReading && isPickers && !account.startsWith("system:serviceaccount:kube-");
}
