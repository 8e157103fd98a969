import { describe, expect, test } from "vitest";
import { readAccessLine } from "../../../../src/doctor/logs/access-line.ts";
import {
  apiOf,
  isLikeOriginalDst,
  isOfPicker,
  isOfPod,
  isWithoutHost,
} from "../../../../src/doctor/logs/answered-by.ts";

function lineOf(fields: object) {
  const all = { method: "POST", path: "/v1/completions", response_code: 200, response_flags: "-", ...fields };
  const line = readAccessLine(JSON.stringify(all), "access.log");
  if (line === undefined) throw new Error("it is no line of an access log");
  return line;
}

const pod = { upstream_host: "10.0.0.1:8000" };

describe("isWithoutHost", () => {
  test.each([
    { is: true, fields: { response_code: 503, response_flags: "UH", response_code_details: "no_healthy_upstream" } },
    { is: true, fields: { response_code: 503, response_flags: "URX,UH", response_code_details: "" } },
    { is: false, fields: { response_code: 503, response_flags: "UF", response_code_details: "x" } },
    { is: false, fields: { response_code: 503, response_flags: "UH", response_code_details: "x", ...pod } },
    {
      is: false,
      fields: { response_code: 503, response_flags: "UH", response_code_details: "ext_proc_error_gRPC_error_14" },
    },
  ])("is $is for $fields", ({ is, fields }) => {
    expect(isWithoutHost(lineOf(fields))).toBe(is);
  });
});

describe("isLikeOriginalDst", () => {
  test.each([
    { is: true, fields: { upstream_cluster: "original_destination_cluster" } },
    { is: true, fields: { route_name: "original-dst-llm", upstream_cluster: "any" } },
    { is: false, fields: { upstream_cluster: "outbound|8000||vllm.default.svc.cluster.local" } },
  ])("is $is for $fields", ({ is, fields }) => {
    expect(isLikeOriginalDst(lineOf(fields))).toBe(is);
  });
});

describe("isOfPod and isOfPicker", () => {
  test.each([
    { by: "pod", fields: { response_code_details: "via_upstream", ...pod } },
    { by: "pod", fields: pod },
    { by: "picker", fields: { response_code: 429, response_code_details: "" } },
    { by: "picker", fields: { response_code: 404, response_code_details: "pointsman_model_not_found" } },
    { by: "Envoy", fields: { response_code: 404, response_flags: "NR", response_code_details: "route_not_found" } },
    { by: "Envoy", fields: { response_code: 429, response_flags: "RL", response_code_details: "" } },
    { by: "Envoy", fields: { response_code: 413, response_code_details: "request_payload_too_large" } },
    { by: "Envoy", fields: { response_code: 503, response_flags: "UF", response_code_details: "x", ...pod } },
  ])("take $fields for an answer of $by", ({ by, fields }) => {
    const line = lineOf(fields);
    expect([isOfPod(line), isOfPicker(line)]).toEqual([by === "pod", by === "picker"]);
  });
});

describe("apiOf", () => {
  test.each([
    ["/v1/chat/completions", { prefix: "", api: "/v1/chat/completions" }],
    ["/v1/completions?x=1", { prefix: "", api: "/v1/completions" }],
    ["/team/llama/v1/chat/completions", { prefix: "/team/llama", api: "/v1/chat/completions" }],
    ["/v1/chat/completions/more", undefined],
    ["/v1/models", undefined],
  ])("%s", (path, api) => {
    expect(apiOf(path)).toEqual(api);
  });
});
