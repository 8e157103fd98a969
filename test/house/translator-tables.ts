/** The generated tables of the page about translators: what each speaks, its options, and the fate of every field. */
import { pluginOptionRows } from "../../src/config/plugin-options.ts";
import { builtInTranslators } from "../../src/translators/index.ts";
import type { ApiTranslation, FieldRow, Translator } from "../../src/translators/translator.ts";
import { code, table } from "./markdown.ts";

function translatorsTable(): string {
  const apis = (by: object) => Object.keys(by).map(code).join(", ");
  const rows = builtInTranslators.map(({ name, help, translated, passed }) => [
    code(name),
    help,
    apis(translated),
    apis(passed),
  ]);
  return table(["`api`", "Speaks", "Translated", "Passed as they are"], rows);
}

function optionsTable(): string {
  const rows = builtInTranslators.flatMap(({ name, options }) =>
    pluginOptionRows(options).map((row) => [code(name), code(row.name), row.expects, code(row.default), row.help]),
  );
  return table(["`api`", "Option", "Written as", "Default", "Effect"], rows);
}

const translations = builtInTranslators.flatMap(({ name, translated }: Translator) =>
  Object.entries<ApiTranslation>(translated).map(([api, translation]) => ({ name, api, translation })),
);

/** Which providers take a field, side by side. */
function fatesTable(api: string): string {
  const able = translations.filter((each) => each.api === api);
  const fields = [...new Set(able.flatMap(({ translation }) => translation.requestFields.map(({ field }) => field)))];
  const rows = fields.map((field) => [
    code(field),
    ...able.map(({ translation }) => translation.requestFields.find((row) => row.field === field)?.fate ?? ""),
  ]);
  return table(["Field", ...able.map(({ name }) => code(name))], rows);
}

function rowsTable(rows: readonly FieldRow[], head: string): string {
  return table(
    [head, "Fate", "As, or why"],
    rows.map(({ field, fate, as }) => [code(field), fate, as]),
  );
}

/** `chat-fates` and the like, and `anthropic-chat-request`, `anthropic-chat-answer` for every translation there is. */
export const translatorTables: Readonly<Record<string, () => string>> = {
  translators: translatorsTable,
  "translator-options": optionsTable,
  ...Object.fromEntries(
    [...new Set(translations.map(({ api }) => api))].map((api) => [`${api}-fates`, () => fatesTable(api)]),
  ),
  ...Object.fromEntries(
    translations.flatMap(({ name, api, translation }) => [
      [`${name}-${api}-request`, () => rowsTable(translation.requestFields, "Field of the client's request")],
      [`${name}-${api}-answer`, () => rowsTable(translation.answerFields, "Field of the provider's answer")],
    ]),
  ),
};
