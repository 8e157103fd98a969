import { expect, test } from "vitest";
import { apiOfPath } from "../../../src/request/inference-request.ts";

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
