import { describe, expect, test } from "vitest";
import { apiOfPath, apis, partNames, promptForms } from "../../../src/request/apis.ts";
import type { JsonApi } from "../../../src/request/inference-request.ts";
import { saltMarks } from "../../../src/request/prompt-ranges.ts";

const specs = Object.entries(apis);

describe("apiOfPath", () => {
  test.each<[string, JsonApi | "none"]>([
    ["/v1/chat/completions", "chat"],
    ["/team/model/v1/chat/completions?x=/v1/completions", "chat"],
    ["/v1/completions", "completions"],
    ["/a/v1/completions?stream=1", "completions"],
    ["/v1/chat/completions/render", "render"],
    ["/v1/completions/render", "render"],
    ["/v1/messages/count_tokens", "count-tokens"],
    ["/generate", "generate"],
    ["/inference/v1/generate", "token-generate"],
    ["/v1/rerank", "rerank"],
    ["/rerank", "rerank"],
    ["/v1/chat/completions/", "none"],
    ["/v1/models", "none"],
    ["/v1/responses/resp_1/cancel", "none"],
    ["/regenerate", "none"],
    ["/?/v1/completions", "none"],
    ["", "none"],
  ])("of %j is %s", (path, api) => {
    expect(apiOfPath(path)).toBe(api);
  });

  test("finds every API by each of its paths, behind any prefix", () => {
    for (const [api, { paths }] of specs) {
      for (const path of paths) expect(apiOfPath(`/tenant/v1${path}?q`), path).toBe(api);
    }
  });
});

describe("apis", () => {
  test.each(specs)("%s has at most one part of each form that is read into one place", (_, { prompt, salts }) => {
    const forms = prompt.map(({ as }) => as).filter((as) => ["system", "messages", "items"].includes(as));
    expect(new Set(forms).size).toBe(forms.length);
    expect(salts.length).toBeLessThanOrEqual(saltMarks.length);
  });

  test.each(specs)("%s names nothing that is both a part read piece by piece and a value", (_, spec) => {
    const pieces = spec.prompt.filter(({ as }) => as !== "whole").map(({ at }) => at);
    const values = ["model", "stream", ...spec.caps, ...spec.session, ...spec.salts, ...spec.adapter];
    expect(pieces.filter((at) => at.includes("."))).toEqual([]);
    expect(values.map((at) => at.split(".")[0]).filter((at) => pieces.includes(at ?? ""))).toEqual([]);
    expect(new Set(spec.prompt.map(({ at }) => at)).size).toBe(spec.prompt.length);
  });

  test("have forms that all are in use", () => {
    const used = new Set(specs.flatMap(([, { prompt }]) => prompt.map(({ as }) => as)));
    expect([...used].sort()).toEqual(Object.keys(promptForms).sort());
  });

  test("number each part's name once", () => {
    expect(new Set(partNames).size).toBe(partNames.length);
    expect(partNames).toContain("messages");
  });
});
