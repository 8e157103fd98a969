/** Row 18: the picker answers in the form of another body mode than the filter's. */
import { rows } from "../catalogue/rows.ts";
import { type Link, optionOf } from "../envoy/links.ts";
import { nameOf, troubles, valuesOf } from "../envoy/troubles.ts";
import type { Quote } from "../place.ts";
import type { Probe } from "../probe.ts";

export const replyDoesNotFit: Probe = {
  row: rows.replyDoesNotFit,
  needs: [["access"], ["config", "stats"], ["logs"]],
  look: (evidence) =>
    troubles(evidence, ["spurious"], telltale, "is a risk").map(({ link, weight, quotes }) => {
      const asker = link?.askers.find(({ counters }) => (counters?.spurious ?? 0) > 0) ?? link?.askers[0];
      const { requestBody, responseBody } = asker?.extProc.modes ?? {};
      const mode = requestBody === undefined ? "" : `, whose bodies are ${requestBody} there and ${responseBody} back,`;
      return {
        weight,
        object: `the picker behind ${nameOf(link)}`,
        says: `the picker answers ${asker?.title ?? "the filter"}${mode} in a form that this mode does not know`,
        evidence: asker === undefined ? quotes : [...quotes, optionOf(asker, "processing_mode").quote()],
        values: valuesOf(link),
      };
    }),
};

/** Old Envoys pass over such an answer: there the stream fails later, or not at all. */
function telltale({ askers }: Link): Quote | undefined {
  return askers.find(({ counters }) => (counters?.spurious ?? 0) > 0)?.counters?.quote("spurious_msgs_received");
}
