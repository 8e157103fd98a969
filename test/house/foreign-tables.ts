/** The tables of compatibility with the Go picker: its plugins, flags and metrics, and what becomes of each. */
import { foreignPlugins } from "../../src/config/foreign/catalogue.ts";
import { foreignGates } from "../../src/config/foreign/feature-gates.ts";
import { type ForeignFlag, foreignFlags } from "../../src/config/foreign/flags.ts";
import { fates } from "../../src/config/foreign/plugin.ts";
import { dashed } from "../../src/config/load-config.ts";
import { serveOptions } from "../../src/config/options.ts";
import { GO_PREFIX, goMetrics } from "../../src/observe/go-metrics.ts";
import { metricSpecs } from "../../src/observe/metric-specs.ts";
import { code, table } from "./markdown.ts";

const ownOption = (flag: string) => Object.values(serveOptions).find((spec) => spec.flag === flag);

function pluginsTable(): string {
  const rows = foreignPlugins.map(({ type, older = [], role, fate, ours, remark = "" }) => {
    const names = [code(type), ...older.map((name) => `(${code(name)})`)].join(" ");
    return [names, role, fate, fate === "refused" && ours !== "" ? `nearest: ${ours}` : ours, remark];
  });
  return table(["Type (older name)", "Role", "Here", "By", "Remark"], rows);
}

function flagsTable(): string {
  const rows = foreignFlags.map(({ flag, goDefault, fate, ours, remark = "", note }) => {
    const line = note === undefined || (fate === "idle" && ours === "") ? "" : "says so at the start";
    return [code(dashed(flag)), goDefault, fate, ours, [remark, line].filter(Boolean).join("; ")];
  });
  return table(["Flag", "Default there", "Here", "By", "Remark"], rows);
}

function gatesTable(): string {
  const rows = foreignGates.map(({ gate, fate, why }) => [
    code(gate),
    fate,
    fate === "refused" ? `${why}; ${code(`${gate}=false`)} is taken` : `${why}; says so at the start`,
  ]);
  return table(["Gate", "Here", "Why"], rows);
}

/** What the Go picker does without a word, and this one does not, or does otherwise. */
function differencesTable(): string {
  const rows = foreignFlags.flatMap((each) => {
    const here = defaultHere(each);
    return here === undefined ? [] : [[code(dashed(each.flag)), each.goDefault, here, each.remark ?? each.ours]];
  });
  return table(["Flag", "Default there", "Default here", "Why, or what instead"], rows);
}

function defaultHere({ flag, goDefault, kind, note }: ForeignFlag): string | undefined {
  const option = ownOption(flag);
  if (option !== undefined) {
    const shown = option.kind.show(option.default as never);
    const isSame = shown === goDefault || (goDefault === "" && shown === "none");
    return isSame ? undefined : shown;
  }
  const asThere = goDefault === "" ? undefined : kind?.parse(goDefault);
  const says = asThere === undefined || kind === undefined ? undefined : note?.(asThere);
  if (says?.startsWith("has no effect") !== true) return undefined;
  return goDefault === "false" ? "true" : "none";
}

function metricsTable(): string {
  const rows = goMetrics.map(({ name, kind, labels, older, ours, help, remark = "" }) => {
    const names = [code(`${GO_PREFIX}${name}`), ...(older === undefined ? [] : [`(${code(older)})`])].join(" ");
    const own = ours.map((key) => code(metricSpecs[key].name)).join(", ");
    return [names, kind, labels.join(", "), help === undefined ? "no" : "yes", own || "none", remark];
  });
  return table(["Metric (older name)", "Kind", "Labels", "Emitted", "Ours", "Remark"], rows);
}

export const foreignTables: Readonly<Record<string, () => string>> = {
  "foreign-fates": () =>
    table(
      ["Here", "Means"],
      Object.entries(fates).map(([name, meaning]) => [name, meaning]),
    ),
  "foreign-plugins": pluginsTable,
  "foreign-flags": flagsTable,
  "foreign-gates": gatesTable,
  "foreign-differences": differencesTable,
  "foreign-metrics": metricsTable,
};
