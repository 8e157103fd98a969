import { describe, expect, test } from "vitest";
import { rows } from "../../../src/doctor/catalogue/rows.ts";
import { evidenceOf } from "../../../src/doctor/diagnose.ts";
import type { Probe, Sighting } from "../../../src/doctor/probe.ts";
import { verdictOf } from "../../../src/doctor/verdict.ts";

const nothing = evidenceOf([]);
const answered = (status: number) =>
  evidenceOf([{ name: "access.log", text: `{"response_code": ${status}, "response_flags": "-"}` }]);

function probeOf(row: Probe["row"], more: Partial<Sighting>): Probe {
  const sighting: Sighting = {
    weight: "fault",
    object: "o",
    says: "s",
    evidence: [{ source: "a", text: "t" }],
    ...more,
  };
  return { row, needs: [], look: () => [sighting] };
}

function seenBy(probes: readonly Probe[], evidence = nothing) {
  const { first, also, risks, ruledOut } = verdictOf(probes, evidence);
  const faults = [...(first === undefined ? [] : [first]), ...also];
  return {
    faults: faults.map(({ row }) => row.row),
    risks: risks.map(({ row }) => row.row),
    out: ruledOut.map(({ row }) => row),
  };
}

const down = probeOf(rows.pickerDown, {});
const absent = probeOf(rows.filterAbsent, {});

describe("verdictOf", () => {
  test("leaves out what is past, as if it had not been seen", () => {
    expect(seenBy([probeOf(rows.shedding, { weight: "past" })])).toEqual({ faults: [], risks: [], out: [31] });
  });

  const undone = probeOf(rows.reverted, { mayCause: ["filter"] });

  test("takes what no request shows for a fault where nothing is known of requests", () => {
    expect(seenBy([undone]).faults).toEqual([41]);
    expect(seenBy([undone], answered(503)).faults).toEqual([41]);
  });

  test("takes it for a fault beside failures of a step that may come of it, and for a risk beside others", () => {
    expect(seenBy([undone, absent])).toMatchObject({ faults: [41, 1], risks: [] });
    expect(seenBy([undone, down])).toMatchObject({ faults: [12], risks: [41] });
  });

  test("takes it for a risk where requests go well", () => {
    expect(seenBy([undone], answered(200))).toMatchObject({ faults: [], risks: [41] });
  });
});
