/** Row 47: the picker cannot read the pods' metrics, and picks without knowing anything of them. */
import { rows } from "../catalogue/rows.ts";
import type { Evidence } from "../evidence.ts";
import type { Sample } from "../picker/picker-pages.ts";
import type { Probe, Sighting } from "../probe.ts";

/** Outcomes that give readings. */
const READ = ["ok", "partial"];
/** What befalls a pod that is gone as well. */
const UNREACHED = ["refused", "timeout"];

export const signalsLost: Probe = {
  row: rows.signalsLost,
  needs: [["picker"]],
  look: (evidence): Sighting[] => {
    const scrapes = (evidence.picker?.samples ?? []).filter(
      ({ name, value }) => name === "pointsman_scrapes_total" && value > 0,
    );
    const bad = scrapes
      .filter(({ labels }) => !READ.includes(labels["outcome"] ?? ""))
      .sort((a, b) => b.value - a.value);
    const [worst] = bad;
    const [all, failed] = [sum(scrapes), sum(bad)];
    if (worst === undefined || failed * 2 < all) return [];
    const outcome = worst.labels["outcome"] ?? "";
    return [
      {
        weight: failed === all && !arePodsGone(outcome, evidence) ? "fault" : "risk",
        object: "the picker's scrapes",
        says: `${failed} of ${all} scrapes of the pods failed (${outcome}): the picker knows nothing of their load`,
        evidence: [worst.quote, ...bad.slice(1).map(({ quote }) => quote), ...unread(evidence)],
        values: { outcome },
      },
    ];
  },
};

function sum(samples: readonly Sample[]): number {
  return samples.reduce((total, { value }) => total + value, 0);
}

/** Pods that nobody reaches are a fault of their own: this comes of it. */
function arePodsGone(outcome: string, { access }: Evidence): boolean {
  return UNREACHED.includes(outcome) && access.length > 0 && !access.some(({ status }) => status < 400);
}

function unread({ picker }: Evidence) {
  return (picker?.pods ?? [])
    .filter((pod) => pod["waiting"] === null)
    .slice(0, 1)
    .map((pod) => ({
      source: picker?.source ?? "",
      text: `pod ${String(pod["name"])} (${String(pod["address"])}): waiting, running and kvUsage are unknown`,
    }));
}
