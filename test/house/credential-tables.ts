/** The generated tables of the page about credentials: the kinds there are, and their options. */
import { pluginOptionRows } from "../../src/config/plugin-options.ts";
import { credentialKinds } from "../../src/credentials/index.ts";
import { code, table } from "./markdown.ts";

const kinds = [...credentialKinds.values()];

export const credentialTables: Readonly<Record<string, () => string>> = {
  credentials: () =>
    table(
      ["`kind`", "What is sent"],
      kinds.map(({ name, help }) => [code(name), help]),
    ),
  "credential-options": () => {
    const rows = kinds.flatMap(({ name, options }) =>
      pluginOptionRows(options).map((row) => [code(name), code(row.name), row.expects, code(row.default), row.help]),
    );
    return table(["`kind`", "Option", "Written as", "Default", "Effect"], rows);
  },
};
