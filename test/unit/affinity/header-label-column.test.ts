import { expect, test } from "vitest";
import { HeaderLabelColumn } from "../../../src/affinity/header-label-column.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";
import { CandidateRows } from "../../../src/routing/candidates.ts";
import { noHints } from "../../../src/routing/choose-pool.ts";

function matches(places: { header: string; label: string }, headers?: Readonly<Record<string, string>>): number[] {
  const table = new PodTable();
  const zones = [{ zone: "a" }, { zone: "b" }, { zone: "" }, {}];
  table.reconcile(
    zones.map((labels, i) => ({ name: `p${i}`, address: `p:${i}`, labels: labels as Record<string, string> })),
  );
  const slots = Int32Array.from(table.pods(), ({ slot }) => slot);
  const out = new Float64Array(slots.length).fill(9);
  const { columns } = new CandidateRows(table, [], () => 0);
  const hints = headers === undefined ? noHints : { ...noHints, headers };
  new HeaderLabelColumn(table, places).fill(bodylessRequest, slots, slots.length, out, columns, hints);
  return [...out];
}

const places = { header: "X-Zone", label: "zone" };

test("a pod matches whose label is what the header says", () => {
  expect(matches(places, { "x-zone": "b" })).toEqual([0, 1, 0, 0]);
  expect(matches(places, { "x-zone": "c" })).toEqual([0, 0, 0, 0]);
});

test("a request without the header, or with an empty one, matches nowhere", () => {
  expect(matches(places)).toEqual([0, 0, 0, 0]);
  expect(matches(places, { "x-zone": "" })).toEqual([0, 0, 0, 0]);
});

test("the header is asked for by its lower-case name, none where none is set", () => {
  expect(new HeaderLabelColumn(new PodTable(), places).headers).toEqual(["x-zone"]);
  expect(new HeaderLabelColumn(new PodTable(), { header: "", label: "" }).headers).toEqual([]);
});
