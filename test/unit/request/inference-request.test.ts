import { expect, test } from "vitest";
import { apiOfPath, modelOfPath } from "../../../src/request/inference-request.ts";

test.each([
  ["/v1/chat/completions", "chat"],
  ["/team/model/v1/chat/completions?x=/v1/completions", "chat"],
  ["/v1/completions", "completions"],
  ["/a/v1/completions?stream=1", "completions"],
  ["/v1/chat/completions/", "none"],
  ["/v1/models", "none"],
  ["/?/v1/completions", "none"],
  ["", "none"],
])("apiOfPath of %j is %s", (path, api) => {
  expect(apiOfPath(path)).toBe(api);
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
