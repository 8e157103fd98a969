/** The tables of the doctor's page: the catalogue of faults, what each takes to be told, and the log lines that mean something. */

import { type Breakage, breakages } from "../../src/demo/breakages.ts";
import { type Line, steps } from "../../src/doctor/catalogue/row.ts";
import { catalogue, rows } from "../../src/doctor/catalogue/rows.ts";
import { type EvidenceKind, evidenceKinds } from "../../src/doctor/evidence.ts";
import { waysOf } from "../../src/doctor/fix.ts";
import { signs } from "../../src/doctor/logs/signs.ts";
import { probes } from "../../src/doctor/probes/index.ts";
import { shownRows } from "../doctor/shown-rows.ts";
import type { Origin } from "../support/seen-rows.ts";
import { code, table } from "./markdown.ts";

/** In the order in which the doctor asks. */
function rowsTable(): string {
  const order = Object.keys(steps);
  const sorted = [...catalogue].sort((a, b) => order.indexOf(a.step) - order.indexOf(b.step) || a.row - b.row);
  const lines = sorted.map(({ row, name, symptom, cause, fix, expect }) => {
    return [`${row} ${code(name)}`, symptom, cause, fix.map(shown).join("<br>"), shown(expect)];
  });
  return table(["Row", "What is seen", "What it is", "What to do", "What to see then"], lines);
}

/** What the doctor fills in from what it saw stands in braces. Of several ways to say it the first is printed that it can fill in. */
const shown = (line: Line) =>
  waysOf(line)
    .map((way) => way.replace(/\{(\w+)\}/g, "`{$1}`").replaceAll("<pending>", "&lt;pending&gt;"))
    .join("<br>else: ");

const words: Readonly<Record<EvidenceKind, string>> = {
  config: "config_dump",
  stats: "stats",
  hosts: "clusters",
  server: "server_info",
  access: "access log",
  logs: "logs",
  objects: "objects",
  picker: "picker's pages",
  live: "live probe",
};

function needsTable(): string {
  const lines = [...probes]
    .sort((a, b) => a.row.row - b.row.row)
    .map(({ row, needs }) => [
      `${row.row} ${code(row.name)}`,
      row.layer,
      steps[row.step],
      needs.map((list) => list.map((kind) => words[kind]).join(" and ")).join(", or "),
    ]);
  return table(["Row", "Layer", "Question", "Told by"], lines);
}

const origins: Readonly<Record<Origin, string>> = {
  run: "run",
  server: "a real API server",
  files: "from files",
};

function shownTable(): string {
  const keys = (Object.keys(shownRows) as (keyof typeof rows)[]).sort((a, b) => rows[a].row - rows[b].row);
  const lines = keys.map((key) => {
    const { by, in: file, untold = "" } = shownRows[key];
    return [`${rows[key].row} ${code(rows[key].name)}`, origins[by], code(`test/${file}.test.ts`), untold];
  });
  return table(["Row", "Shown", "In", "Not recognisable, or not made for real, and why"], lines);
}

export const doctorTables: Readonly<Record<string, () => string>> = {
  "doctor-rows": rowsTable,
  "doctor-needs": needsTable,
  "doctor-shown": shownTable,
  "demo-breakages": () => {
    const told = Object.entries<Breakage>(breakages).map(([name, { row, truth }]) => {
      return [code(name), truth, `row ${row}, ${catalogue.find((each) => each.row === row)?.name}`];
    });
    return table(["`--break`", "What is broken", "Named as"], told);
  },
  "doctor-inputs": () =>
    table(
      ["Kind", "What it is"],
      Object.entries(evidenceKinds).map(([kind, text]) => [code(kind), text]),
    ),
  "doctor-signs": () =>
    table(
      ["Sign", "What it stands for"],
      signs.map(({ name, means, isNoise }) => [code(name), `${means}${isNoise ? " (noise)" : ""}`]),
    ),
};
