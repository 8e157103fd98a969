import { describe, expect, test } from "vitest";
import { leadsStraight, ownPath } from "../../../src/backends/outgoing-path.ts";

describe("leadsStraight", () => {
  test.each([
    "/../../admin/v1/chat/completions",
    "/v1/./chat/completions",
    "/..%2f..%2Fadmin/v1/chat/completions",
    "/%2e%2E/v1/chat/completions",
    "/%252e%252e/v1/chat/completions",
    "/..\\admin/v1/chat/completions",
    "/..%5cadmin/v1/chat/completions",
    "/v1/files;/v1/chat/completions",
    "/v1/files%3b/v1/chat/completions",
  ])("is false for %s", (path) => {
    expect(leadsStraight(path)).toBe(false);
  });

  test.each(["/v1/chat/completions", "/my%20team/a.b/..c/v1/chat/completions", "/v1/responses?x=../;%2f"])(
    "is true for %s",
    (path) => {
      expect(leadsStraight(path)).toBe(true);
    },
  );
});

describe("ownPath", () => {
  test.each([
    ["/v1/chat/completions", "chat", "/v1/chat/completions"],
    ["/admin/v1/chat/completions?a=/v1/x", "chat", "/v1/chat/completions?a=/v1/x"],
    ["/team/v2/rerank", "rerank", "/v2/rerank"],
    ["/team/chat/completions/render", "render", "/chat/completions/render"],
    ["/a/v1/images/edits", "image-edits", "/v1/images/edits"],
    ["/unknown", "none", "/unknown"],
  ] as const)("takes away from %s of %s what stands before it", (path, api, own) => {
    expect(ownPath(path, api)).toBe(own);
  });
});
