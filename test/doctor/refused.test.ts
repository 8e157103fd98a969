/** Objects that their controller refused, for any reason: the condition that says so comes first, with its words. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Source } from "../../src/doctor/diagnose.ts";
import { examined } from "../support/doctor-rig.ts";

interface Case {
  readonly kind: string;
  readonly api?: string;
  readonly of?: "parents" | "ancestors";
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly spec?: object;
  readonly layer: string;
}

const gatewayApi = "gateway.networking.k8s.io/v1";
const envoyGateway = "gateway.envoyproxy.io/v1alpha1";

function objectOf({ kind, api = gatewayApi, of, type, reason, message, spec = {} }: Case, name = "llm"): Source {
  const conditions = [{ type, status: "False", reason, message }];
  const ref = of === "parents" ? "parentRef" : "ancestorRef";
  const status = of === undefined ? { conditions } : { [of]: [{ [ref]: { name: "eg" }, conditions }] };
  const metadata = { name, namespace: "llm" };
  return { name: `${kind}-${name}.json`, text: JSON.stringify({ apiVersion: api, kind, metadata, spec, status }) };
}

const policy = { api: envoyGateway, of: "ancestors", layer: "filter" } as const;
const route = { kind: "HTTPRoute", of: "parents", layer: "route" } as const;
const cases: readonly Case[] = [
  { ...policy, kind: "EnvoyExtensionPolicy", type: "Accepted", reason: "Invalid", message: "service llm/p not found" },
  { ...policy, kind: "EnvoyExtensionPolicy", type: "Accepted", reason: "TargetNotFound", message: "HTTPRoute llm/llm" },
  { ...policy, kind: "EnvoyPatchPolicy", type: "Programmed", reason: "ResourceNotFound", message: "no resource x" },
  {
    ...policy,
    kind: "EnvoyPatchPolicy",
    type: "Accepted",
    reason: "Disabled",
    message: "EnvoyPatchPolicy is disabled",
  },
  { ...route, type: "Accepted", reason: "NoMatchingParent", message: "no listener" },
  { ...route, type: "ResolvedRefs", reason: "RefNotPermitted", message: "" },
  {
    kind: "InferencePool",
    api: "inference.networking.k8s.io/v1",
    of: "parents",
    type: "ResolvedRefs",
    reason: "InvalidExtensionRef",
    message: "extension picker not found",
    layer: "pool",
  },
];

describe("row 58: a condition that is False", () => {
  test.each(cases)("$kind $type=False $reason", (given) => {
    const { row, also, verdict, report } = examined([objectOf(given)]);
    expect([row, also], report).toEqual([58, []]);
    const words = given.message || given.reason;
    expect(verdict.first?.says).toBe(`${given.kind} llm/llm has ${given.type}=False: ${words} (said for eg)`);
    expect(verdict.first?.evidence[0].text).toContain(JSON.stringify(words));
    expect(report).toContain(`Do what its condition says of ${given.kind} llm/llm: ${words}`);
    expect(report).toContain(`BAD ${given.layer.padEnd(11)} row 58`);
  });

  test("a Gateway that is not programmed and has no address is row 49, with the words of its condition", () => {
    const why = { type: "Programmed", reason: "NoResources", message: "replicas unavailable", layer: "address" };
    const { row, also, report } = examined([objectOf({ ...why, kind: "Gateway" })]);
    expect([row, also], report).toEqual([49, []]);
    expect(report).toContain("It has Programmed=False: replicas unavailable");
  });

  describe("beside a route that leads to a picker", () => {
    const pool = { backendRefs: [{ kind: "InferencePool", name: "vllm" }] };
    const good = { apiVersion: gatewayApi, kind: "HTTPRoute", metadata: { name: "chat", namespace: "llm" } };
    const chat = { name: "chat.json", text: JSON.stringify({ ...good, spec: { rules: [pool] } }) };
    const shop: Case = { ...route, type: "ResolvedRefs", reason: "BackendNotFound", message: "no Service shop" };

    test("another route that was refused is a risk, until a request fails on it", () => {
      const object = objectOf(shop, "shop");
      const seen = examined([chat, object]);
      expect([seen.row, seen.risks], seen.report).toEqual([undefined, [58]]);
      const line = { response_code: 500, response_flags: "-", route_name: "httproute/llm/shop/rule/0/match/0/*" };
      const access = { name: "access.log", text: JSON.stringify({ ...line, response_code_details: "" }) };
      expect(examined([chat, object, access]).row).toBe(58);
    });

    test("that very route is the fault", () => {
      expect(examined([objectOf({ ...shop, spec: { rules: [pool] } }, "chat")]).row).toBe(58);
    });
  });

  test("of True and of other kinds nothing is said", () => {
    const [given] = cases as [Case];
    const { name, text } = objectOf(given);
    expect(examined([{ name, text: text.replace('"False"', '"True"') }]).row).toBeUndefined();
    expect(examined([objectOf({ ...given, api: "shop.example.com/v1" })]).row).toBeUndefined();
  });
});

describe("with the configuration and the log of the outage of AIBrix", () => {
  const folder = new URL("../fixtures/doctor/aibrix-disk-full/", import.meta.url);
  const read = (name: string): Source => ({ name, text: readFileSync(new URL(name, folder), "utf8") });

  test("a policy that was refused for another reason is named before the filter that is missing for it", () => {
    const policies = read("policies.yaml");
    const text = policies.text.replace("Wasm: wasm cache is not initialized", "ExtProc: backend service p not found");
    expect(text).not.toBe(policies.text);
    const seen = examined([{ ...policies, text }, read("config_dump.json"), read("access.log")]);
    expect([seen.row, seen.also], seen.report).toEqual([58, [1]]);
    expect(seen.verdict.first?.says).toContain("ExtProc: backend service p not found");
    expect(seen.report).toContain(
      "turns on the filter of EnvoyExtensionPolicy aibrix-system/aibrix-gateway-plugins-extension-policy",
    );
  });
});
