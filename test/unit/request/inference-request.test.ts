import { expect, test } from "vitest";
import { listsModels, modelOfPath } from "../../../src/request/inference-request.ts";

test.each([
  ["/v1/models", true],
  ["/team/v1/models?x=1", true],
  ["/v1/models/org", false],
  ["/?/v1/models", false],
  ["", false],
])("listsModels of %j is %s", (path, lists) => {
  expect(listsModels(path)).toBe(lists);
});

test.each([
  ["/v1/models/llama", "llama"],
  ["/team/v1/models/meta-llama/Llama-3?x=/v1/models/y", "meta-llama/Llama-3"],
  ["/v1/models/meta-llama%2FLlama-3", "meta-llama/Llama-3"],
  ["/v1/models/50%", "50%"],
  ["/v1/models/", ""],
  ["/v1/models", ""],
  ["/v1/embeddings", ""],
  ["/?/v1/models/a", ""],
  [`/v1/models/${"x".repeat(512)}`, "x".repeat(512)],
  [`/v1/models/${"x".repeat(513)}`, ""],
])("modelOfPath of %j is %j", (path, model) => {
  expect(modelOfPath(path)).toBe(model);
});
