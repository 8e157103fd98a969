import { describe, expect, test } from "vitest";
import type { Api } from "../../../src/request/inference-request.ts";
import azureOpenai from "../../../src/translators/azure-openai.ts";

function pathOf(api: Api, path: string, model = "my-gpt", apiVersion = azureOpenai.options.apiVersion.default) {
  const asked = { path, model, askedModel: "gpt", streams: false, wantsUsage: false, wantsBase64: false };
  return azureOpenai.passed[api]?.path(asked, { apiVersion });
}

describe("azureOpenai", () => {
  test.each<[Api, string, string]>([
    ["chat", "/v1/chat/completions", "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"],
    ["completions", "/v1/completions", "/openai/deployments/my-gpt/completions?api-version=2024-10-21"],
    ["embeddings", "/team/v1/embeddings", "/openai/deployments/my-gpt/embeddings?api-version=2024-10-21"],
    ["images", "/v1/images/generations", "/openai/deployments/my-gpt/images/generations?api-version=2024-10-21"],
    ["image-edits", "/v1/images/edits", "/openai/deployments/my-gpt/images/edits?api-version=2024-10-21"],
    ["speech", "/v1/audio/speech", "/openai/deployments/my-gpt/audio/speech?api-version=2024-10-21"],
    [
      "transcriptions",
      "/v1/audio/transcriptions",
      "/openai/deployments/my-gpt/audio/transcriptions?api-version=2024-10-21",
    ],
    ["translations", "/v1/audio/translations", "/openai/deployments/my-gpt/audio/translations?api-version=2024-10-21"],
    ["responses", "/v1/responses", "/openai/v1/responses"],
  ])("finds %s at the deployment of the model", (api, path, expected) => {
    expect(pathOf(api, path)).toBe(expected);
  });

  test("has no deployment in the paths of v1", () => {
    expect(pathOf("chat", "/v1/chat/completions?a=b&api-version=2020-01-01", "my-gpt", "v1")).toBe(
      "/openai/v1/chat/completions?a=b",
    );
  });

  test("says its own version, whatever the client says, and keeps the rest of the query", () => {
    const path = "/openai/deployments/x/chat/completions?a=1&api-version=2020-01-01";
    expect(pathOf("chat", path, "my-gpt", "2025-01-01-preview")).toBe(
      "/openai/deployments/my-gpt/chat/completions?a=1&api-version=2025-01-01-preview",
    );
  });

  test("lets no name of a model lead elsewhere", () => {
    expect(pathOf("chat", "/v1/chat/completions", "../a/b?c#d")).toMatch(
      /^\/openai\/deployments\/\.\.%2Fa%2Fb%3Fc%23d\/chat/,
    );
  });

  test.each(["messages", "rerank", "tokenize", "none"] as const)("has no %s", (api) => {
    expect(pathOf(api, "/v1/x")).toBeUndefined();
  });
});
