import { describe, expect, test } from "vitest";
import { apis } from "../../../src/request/apis.ts";
import { formApis, grpcApis } from "../../../src/request/other-apis.ts";
import openai from "../../../src/translators/openai.ts";

const asked = { model: "m", askedModel: "n", streams: false, wantsUsage: false, wantsBase64: false };

describe("openai", () => {
  test("passes every API that is read here, at the client's path, and no other", () => {
    expect(Object.keys(openai.passed).sort()).toEqual([...Object.keys(apis), ...Object.keys(formApis)].sort());
    for (const passage of Object.values(openai.passed)) {
      expect(passage.path({ ...asked, path: "/team/v1/x?y=z" }, {})).toBe("/team/v1/x?y=z");
    }
    expect(openai.passed.messages?.keeps).toEqual(["anthropic-version"]);
    expect(openai.passed.chat?.keeps).toBeUndefined();
    expect(Object.keys(grpcApis).filter((api) => api in openai.passed)).toEqual([]);
  });
});
