/** Every translator that there is, under the contract. */
import { basename } from "node:path";
import { expect, test } from "vitest";
import { builtInTranslators } from "../../src/translators/index.ts";
import { listFiles, readSource } from "../house/tree.ts";
import { anthropic } from "../support/provider-schemas/anthropic.ts";
import { awsBedrock } from "../support/provider-schemas/aws-bedrock.ts";
import { gcpVertex } from "../support/provider-schemas/gcp-vertex.ts";
import type { Provider } from "../support/provider-schemas/provider-schema.ts";
import { describeTranslator } from "./translator-contract.ts";

const providers: Readonly<Record<string, Provider>> = {
  anthropic,
  "aws-bedrock": awsBedrock,
  "gcp-vertex": gcpVertex,
};

test("src/translators/index.ts lists exactly the translators of the folder", () => {
  const defining = listFiles("src/translators/*.ts").filter((path) =>
    /^export default defineTranslator\(/m.test(readSource(path)),
  );
  expect(builtInTranslators.map(({ name }) => name).sort()).toEqual(
    defining.map((path) => basename(path, ".ts")).sort(),
  );
});

for (const translator of builtInTranslators) describeTranslator(translator, providers[translator.name]);
