/** The generated parts of the documents: what each is made from, and how it gets between its markers. */

import { rulesOf } from "../../deploy/monitoring/rules.ts";
import { builtInScorers } from "../../scorers/index.ts";
import { demoOptions } from "../../src/cli/demo.ts";
import { doctorOptions } from "../../src/cli/doctor-options.ts";
import { defaultWeights } from "../../src/config/default-profile.ts";
import { fileKeys } from "../../src/config/file-keys.ts";
import { dashed, environmentName } from "../../src/config/load-config.ts";
import { logComponents } from "../../src/config/log-levels.ts";
import type { OptionSpec, OptionTable } from "../../src/config/option-table.ts";
import { serveOptions } from "../../src/config/options.ts";
import { pluginOptionRows } from "../../src/config/plugin-options.ts";
import { type ErrorCodeSpec, errorCodes } from "../../src/errors.ts";
import { metricSpecs } from "../../src/observe/metric-specs.ts";
import { columns } from "../../src/pods/columns.ts";
import { type ApiSpec, apis, promptForms } from "../../src/request/apis.ts";
import { multipartFields } from "../../src/request/multipart.ts";
import { formApis, grpcApis, type OtherApiSpec } from "../../src/request/other-apis.ts";
import { nameBacks } from "../../src/rewrite/answer-names.ts";
import { pickReasons, rewriteOutcomes } from "../../src/routing/decision.ts";
import { builtInFilters } from "../../src/routing/filters/index.ts";
import { builtInPickers } from "../../src/routing/pickers.ts";
import type { OptionSpecs } from "../../src/scorer.ts";
import { credentialTables } from "./credential-tables.ts";
import { doctorTables } from "./doctor-tables.ts";
import { foreignTables } from "./foreign-tables.ts";
import { gatewayTables } from "./gateway-tables.ts";
import { code, table } from "./markdown.ts";
import { protocolTables } from "./protocol-tables.ts";
import { sizingTables } from "./sizing-tables.ts";
import { strategyTables } from "./strategy-docs.ts";
import { translatorTables } from "./translator-tables.ts";

function optionsTable(options: OptionTable, hasEnvironment = true): string {
  const rows = Object.values(options).map((spec) => {
    const { flag, kind, help } = spec;
    const given = [code(dashed(flag)), kind.expects, code(kind.show(spec.default)), help];
    return hasEnvironment ? [...given, code(environmentName(flag))] : given;
  });
  return table(["Option", "Written as", "Default", "Effect", ...(hasEnvironment ? ["Environment"] : [])], rows);
}

/** Beside what any option has: its key in the config file, and what becomes of a change there. */
function serveOptionsTable(): string {
  const changes = { live: "followed", lower: "followed up to the value at the start", restart: "needs a restart" };
  const rows = Object.values<OptionSpec<unknown>>(serveOptions).map((spec) => {
    const { flag, kind, help, key, change } = spec;
    const isOwn = key !== "" && !key.startsWith("pools[]");
    const given = [code(dashed(flag)), code(kind.show(spec.default)), help, code(environmentName(flag))];
    return [...given, key && code(key), isOwn ? changes[change] : ""];
  });
  return table(["Option", "Default", "Effect", "Environment", "Key in the config file", "Change there"], rows);
}

function codesTable(): string {
  const rows = Object.entries<ErrorCodeSpec>(errorCodes).map(([name, { status, type, meaning, retryAfterSeconds }]) => {
    const retry = retryAfterSeconds === undefined ? "no" : `after ${retryAfterSeconds} s`;
    return [code(name), String(status), code(type), retry, meaning];
  });
  return table(["Code", "Status", "Type", "Retry", "Meaning"], rows);
}

function scorersTable(): string {
  const rows = builtInScorers.map(({ name, leaning, reads, summary }) => [
    code(name),
    String(defaultWeights[name] ?? 0),
    leaning,
    reads.map(code).join(", "),
    summary,
  ]);
  return table(["Scorer", "Weight", "Leaning", "Reads", "Score"], rows);
}

interface Described {
  readonly name: string;
  readonly summary: string;
  readonly options: OptionSpecs;
}

/** "k: an integer >= 1 (3), how many pods share the picks" for each option. */
function optionsCell({ options }: Described): string {
  const rows = pluginOptionRows(options);
  return rows.map((row) => `${code(row.name)}: ${row.expects} (${code(row.default)}), ${row.help}`).join("; ");
}

const filtersTable = () =>
  table(
    ["Filter", "Goes by", "Keeps", "Options"],
    builtInFilters.map((filter) => [code(filter.name), filter.ground, filter.summary, optionsCell(filter)]),
  );

const pickersTable = () =>
  table(
    ["Picker", "Picks", "Options"],
    builtInPickers.map((picker) => [code(picker.name), picker.summary, optionsCell(picker)]),
  );

function scorerOptionsTable(): string {
  const rows = builtInScorers.flatMap(({ name, options }) =>
    pluginOptionRows(options).map((row) => [code(name), code(row.name), row.expects, code(row.default), row.help]),
  );
  return table(["Scorer", "Option", "Written as", "Default", "Effect"], rows);
}

/** What is read of a request, by API. */
function requestsTable(): string {
  const list = (paths: readonly string[]) => paths.map(code).join(", ");
  const json = Object.values<ApiSpec>(apis).map((spec) => {
    const prompt = spec.prompt.map(({ at, as }) => `${code(at)} (${as})`).join(", ");
    const kept = spec.prompt.length === 0 ? "" : spec.keepsPrompt ? prompt : `${prompt}; only as load`;
    return [spec.summary, list(spec.paths), kept, list(spec.caps), list(spec.session), list(spec.adapter)];
  });
  const other = (specs: Readonly<Record<string, OtherApiSpec>>, read: string) =>
    Object.values(specs).map(({ summary, path }) => [summary, code(path), read, "", "", ""]);
  return table(
    ["API", "Path ends with", "Prompt, in this order", "Cap on tokens", "Session", "Adapter"],
    [
      ...json,
      ...other(formApis, `fields of the form: ${list(multipartFields)}`),
      ...other(grpcApis, "of the message: text or token ids with their images, the cap and the stream flag"),
    ],
  );
}

function meanings(name: string, meaning: string, rows: Readonly<Record<string, string>>): string {
  return table(
    [name, meaning],
    Object.entries(rows).map(([each, words]) => [code(each), words]),
  );
}

/** Each generated part by the name in its marker. */
const generators: Readonly<Record<string, () => string>> = {
  ...doctorTables,
  ...foreignTables,
  ...gatewayTables,
  ...sizingTables,
  ...strategyTables,
  ...protocolTables,
  ...translatorTables,
  ...credentialTables,
  "serve-options": serveOptionsTable,
  "demo-options": () => optionsTable(demoOptions),
  "doctor-options": () => optionsTable(doctorOptions, false),
  "config-keys": () => {
    const rows = fileKeys().map(({ path, form, flag, help }) => [code(path), form, help, flag && code(dashed(flag))]);
    return table(["Key", "Written as", "Effect", "Flag"], rows);
  },
  "error-codes": codesTable,
  scorers: scorersTable,
  "scorer-options": scorerOptionsTable,
  filters: filtersTable,
  pickers: pickersTable,
  columns: () => {
    const rows = Object.entries(columns).map(([name, { owner, unit, writer, help }]) => {
      return [code(name), owner, unit, code(`src/${writer}`), help];
    });
    return table(["Column", "Kept per", "Unit", "Written by", "Meaning"], rows);
  },
  requests: requestsTable,
  "prompt-forms": () =>
    table(
      ["Form", "Counts"],
      Object.entries(promptForms).map(([name, meaning]) => [name, meaning]),
    ),
  "pick-reasons": () =>
    table(
      ["Reason", "The pick was made by"],
      Object.entries(pickReasons).map(([name, meaning]) => [code(name), meaning]),
    ),
  "log-components": () => meanings("Component", "Says", logComponents),
  "rewrite-outcomes": () => meanings("Outcome", "The request", rewriteOutcomes),
  "name-backs": () => meanings("Outcome", "The answer reached the client", nameBacks),
  alerts: () => {
    const rows = rulesOf().flatMap(({ alert, for: forHow = "at once", labels, annotations }) => {
      if (alert === undefined) return [];
      return [[code(alert), labels?.["severity"] ?? "", forHow, annotations?.["description"] ?? ""]];
    });
    return table(["Alert", "Severity", "After", "What it means, and what to look at"], rows);
  },
  metrics: () => {
    const rows = Object.values(metricSpecs).map(({ name, kind, labels, help }) => {
      return [code(name), kind, labels.map(code).join(", "), help];
    });
    return table(["Metric", "Kind", "Labels", "Meaning"], rows);
  },
};

export const generatorNames = Object.keys(generators);

const marked = /(<!-- generated: ([\w-]+) -->\n)([\s\S]*?)(<!-- \/generated -->)/g;

/** The document with every generated part made anew. */
export function regenerate(text: string): string {
  return text.replace(marked, (_all, start: string, name: string, _old, end: string) => {
    const generate = generators[name];
    if (generate === undefined) {
      throw new Error(`no generator ${JSON.stringify(name)}; there are ${generatorNames.join(", ")}`);
    }
    return `${start}\n${generate()}\n\n${end}`;
  });
}

/** The names of the generated parts in a document; start and end markers that do not pair up are an error. */
export function partsOf(text: string): string[] {
  const names = [...text.matchAll(marked)].map(([, , name = ""]) => name);
  const count = (pattern: RegExp) => [...text.matchAll(pattern)].length;
  if (count(/^<!-- generated: /gm) !== names.length || count(/^<!-- \/generated -->/gm) !== names.length) {
    throw new Error("a marker of a generated part has no partner");
  }
  return names;
}
