/** A list of pods as gateways and tests write it: addresses with or without a port. */
import type { Pod } from "../../pods/pod-table.ts";
import { asPodsAreWritten } from "../../pods/written-address.ts";

/** Is the pod in the list? An entry without a port stands for every port; IPv6 comes with or without brackets. */
export function isListed(entries: readonly string[]): (pod: Pod) => boolean {
  const listed = new Set(entries.map(asPodsAreWritten));
  return ({ address }) => listed.has(address) || listed.has(address.slice(0, address.lastIndexOf(":")));
}
