/** The pods of a file while it is read: each name and each address once, and every fault with its place. */
import { isIP } from "node:net";
import type { ConfigFault } from "../errors.ts";
import type { PodSpec } from "../pods/pod-table.ts";
import { parsePodEntry, podAddress, quoted } from "./pod-address.ts";

export const expectedPodText = "[name=]address:port with an IPv4 address or an [IPv6 address]";

export type PodFileContent =
  | { readonly pods: readonly PodSpec[] }
  /** Not empty. */
  | { readonly faults: readonly ConfigFault[] };

/** Beyond these a list of faults helps nobody. */
const FAULT_LIMIT = 100;

export class PodRoll {
  readonly faults: ConfigFault[] = [];
  readonly #pods = new Map<string, PodSpec>();
  readonly #identities = new Set<string>();

  fault(path: string, expected: string, got: string, hint?: string): void {
    if (this.faults.length < FAULT_LIMIT)
      this.faults.push({ path, expected, got, ...(hint !== undefined && { hint }) });
  }

  /** A pod written as one word. Names are not resolved here, so that the file alone says which pods exist. */
  addText(text: string, place: string): void {
    const parsed = parsePodEntry(text);
    if ("expected" in parsed) {
      const expected = parsed.expected.startsWith("[name=]") ? expectedPodText : parsed.expected;
      this.fault(place, expected, parsed.got, parsed.hint);
    } else if (isIP(parsed.host) === 0) {
      this.fault(place, `${expectedPodText}; host names go into --pods or --pods-dns`, quoted(text));
    } else this.add({ name: parsed.name, address: podAddress(parsed.host, parsed.port) }, place, place);
  }

  add(pod: PodSpec, namePlace: string, addressPlace: string): void {
    const identity = pod.uid ?? pod.name;
    if (this.#identities.has(identity)) {
      this.fault(namePlace, "a name that no pod before it has", quoted(identity));
    } else if (this.#pods.has(pod.address)) {
      this.fault(addressPlace, "an address that no pod before it has", quoted(pod.address));
    } else {
      this.#identities.add(identity);
      this.#pods.set(pod.address, pod);
    }
  }

  content(): PodFileContent {
    return this.faults.length > 0 ? { faults: this.faults } : { pods: [...this.#pods.values()] };
  }
}
