/** The generated tables of the page about AIBrix: which strategies there are, and how each refusal is said there. */
import { type ErrorCode, errorCodes } from "../../src/errors.ts";
import { aibrixError } from "../../src/ext-proc/aibrix-errors.ts";
import { strategies, unsupportedStrategies } from "../../src/routing/strategies/catalogue.ts";
import { code, table } from "./markdown.ts";

function strategiesTable(): string {
  const rows = Object.entries(strategies).map(([name, { summary, scorer, inMix }]) => {
    const mixed = inMix === undefined ? "no" : inMix === scorer ? "yes" : inMix.summary;
    return [code(name), summary, (scorer?.reads ?? []).map(code).join(", "), mixed];
  });
  return table(["Strategy", "Goes to", "Reads", "In a mix"], rows);
}

function refusedTable(): string {
  const rows = Object.entries(unsupportedStrategies).map(([name, why]) => [code(name), why]);
  return table(["Strategy", "Why not"], rows);
}

function errorsTable(): string {
  const rows = (Object.keys(errorCodes) as ErrorCode[]).map((name) => {
    const { status, type, code: theirs, headers } = aibrixError({ kind: "refused", code: name });
    const sent = headers.map(([header]) => code(header)).join(", ");
    return [code(name), String(status), code(type), theirs === null ? "" : code(theirs), sent];
  });
  return table(["Here", "Status", "Type", "Code", "Header"], rows);
}

export const strategyTables: Readonly<Record<string, () => string>> = {
  strategies: strategiesTable,
  "strategies-refused": refusedTable,
  "aibrix-errors": errorsTable,
};
