/** Row 31: the picker refuses requests for want of room. */
import { rows } from "../catalogue/rows.ts";
import type { Evidence } from "../evidence.ts";
import { isOfPicker } from "../logs/answered-by.ts";
import { weightOfShare } from "../logs/recovered.ts";
import { weightOfRefusals } from "../picker/picker-pages.ts";
import type { Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

/** Its own limit of open requests, not the pods'. */
const OVERLOADED = "pointsman_overloaded";
const codes = ["saturated", "overloaded"];

export const shedding: Probe = {
  row: rows.shedding,
  needs: [["access"], ["picker"]],
  look: (evidence): Sighting[] => {
    const { access, picker } = evidence;
    const shed = access.filter((line) => isOfPicker(line) && (line.status === 429 || line.details === OVERLOADED));
    const [line] = shed;
    const counted = picker?.samples.find(
      ({ name, labels, value }) =>
        name === "pointsman_refusals_total" && codes.includes(labels["code"] ?? "") && value > 0,
    );
    const quotes: Quote[] = [line, counted].flatMap((each) => (each === undefined ? [] : [each.quote]));
    const [first, ...more] = quotes;
    if (first === undefined) return [];
    return [
      {
        weight: line === undefined ? weightOfRefusals(counted, evidence.picker) : weightOfShare(shed, access),
        object: "the picker",
        says:
          line === undefined
            ? `the picker refused ${counted?.value} requests (${counted?.labels["code"]})`
            : `the picker refused ${shed.length} of ${access.length} requests with ${line.status}${line.details === "" ? "" : ` (${line.details})`}`,
        evidence: [first, ...more, ...readings(evidence)],
        values: { details: settingsOf(line?.details ?? "") },
      },
    ];
  },
};

/** What the limit is set by. */
function settingsOf(details: string): string {
  const ofStreams = "--stream-limit of the picker, for requests that it has open";
  const ofPods = "the saturation filter in its profile";
  return details === OVERLOADED ? ofStreams : details === "" ? `${ofPods}; ${ofStreams}` : ofPods;
}

/** What the picker knows of the pods' queues, and what it goes by. */
function readings({ picker }: Evidence): Quote[] {
  const names = ["pointsman_pod_waiting", "pointsman_pool_saturation", "pointsman_pod_kv_usage"];
  return names.flatMap((name) => picker?.samples.find((sample) => sample.name === name)?.quote ?? []);
}
