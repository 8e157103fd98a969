/** The feature gates of an EndpointPickerConfig: which are known, and what becomes of each. */
import { nearestWord } from "../../discovery/nearest-word.ts";
import { quoted } from "../../discovery/pod-address.ts";
import type { Field } from "../../discovery/yaml-tree.ts";
import type { DocumentReading } from "./document-reading.ts";
import type { Fate } from "./plugin.ts";

export interface ForeignGate {
  readonly gate: string;
  readonly fate: Extract<Fate, "idle" | "refused">;
  /** Why it has nothing to switch here; of one without effect said at the start. */
  readonly why: string;
}

export const foreignGates: readonly ForeignGate[] = [
  { gate: "flowControl", fate: "refused", why: "requests are not queued here" },
  {
    gate: "haPopulateNonLeaderDatastore",
    fate: "idle",
    why: "there is no leader: every replica knows the pods and serves",
  },
  { gate: "dataLayer", fate: "idle", why: "there is only the one data layer" },
  { gate: "enableLegacyMetrics", fate: "idle", why: "there is only the one data layer" },
  { gate: "prepareDataPlugins", fate: "idle", why: "data are prepared where a scorer reads them" },
];
const gateNames = foreignGates.map(({ gate }) => gate);

/** What is refused may still be switched off. */
export function readGates({ tree, fault, notes }: DocumentReading, list: Field | undefined): void {
  const expected = `a list of ${gateNames.join(", ")}, each with or without =true or =false`;
  for (const field of (list && tree.items(list, expected)) ?? []) {
    const text = tree.text(field, expected);
    if (text === undefined) continue;
    const [, name = text, value = "true"] = /^([^=]*)(?:=(true|false))?$/.exec(text) ?? [];
    const known = foreignGates.find(({ gate }) => gate === name);
    if (known === undefined)
      fault(field.place, `one of ${gateNames.join(", ")}`, quoted(text), nearestWord(name, gateNames));
    else if (known.fate === "idle") notes.push({ about: `featureGates ${name}`, says: known.why });
    else if (value === "true") {
      fault(field.place, `${name}=false, or the gate left out: ${known.why}`, quoted(text));
    }
  }
}
