/** Row 19: the picker changed the body, and not its length. */
import { rows } from "../catalogue/rows.ts";
import { weightOfLines } from "../logs/recovered.ts";
import type { Probe, Sighting } from "../probe.ts";

export const lengthChanged: Probe = {
  row: rows.lengthChanged,
  needs: [["access"]],
  look: ({ access }): Sighting[] => {
    const failed = access.filter(({ details }) => details.startsWith("mismatch_between_content_length"));
    const [line] = failed;
    if (line === undefined) return [];
    return [
      {
        weight: weightOfLines(failed, access),
        object: "the picker's answer to the body",
        says: `${failed.length} of ${access.length} requests failed: the picker gave the body another length and left content-length as it was`,
        evidence: [line.quote],
      },
    ];
  },
};
