/** Row 39: a mesh that was not told to follow InferencePools. */
import { rows } from "../catalogue/rows.ts";
import { conditionsOf, titleOf } from "../kube/kube-object.ts";
import type { Probe, Sighting } from "../probe.ts";

const OFF = /InferencePool is not enabled/i;

export const poolsOff: Probe = {
  row: rows.poolDisabled,
  needs: [["objects"]],
  look: ({ objects }) =>
    objects.flatMap((object): Sighting[] => {
      const off = conditionsOf(object).find(({ status, message }) => status === "False" && OFF.test(message));
      if (off === undefined) return [];
      return [
        {
          weight: "fault",
          object: titleOf(object),
          says: `${titleOf(object)} leads to an InferencePool, and its controller does not follow them (${off.message})`,
          evidence: [off.at.at("message").quote()],
        },
      ];
    }),
};
