/** Faults of the route, each made for real: none matches for the model, or another filter refuses the request first. */
import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Edit, pickersAt, places } from "../../src/demo/envoy-config.ts";
import { edits, filterFirst, produce, routes } from "../support/doctor-faults.ts";
import { examined, hasEnvoy, startDoctorRig } from "../support/doctor-rig.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { goOn, type Script, startScriptedPicker } from "../support/scripted-picker.ts";

function keySet(): string {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "1", alg: "RS256" }] });
}

const byModel: Edit[] = [
  {
    op: "set",
    at: [...routes, 0, "match"],
    to: { prefix: "/v1", headers: [{ name: "x-ai-eg-model", string_match: { exact: "m" } }] },
  },
];

describe.skipIf(!(await hasEnvoy()))("the route", () => {
  let pods: EchoPods;
  const destination = () => ({ "x-gateway-destination-endpoint": pods.addresses[0]! });
  const named = () => ({ ...destination(), "x-ai-eg-model": "m" });

  beforeAll(async () => {
    pods = await startEchoPods(1);
  });

  afterAll(() => pods?.close());

  async function withPicker<T>(script: Script, run: (at: readonly Edit[]) => Promise<T>): Promise<T> {
    const picker = await startScriptedPicker(script);
    try {
      return await run([pickersAt([picker.address]), edits.noHealthChecks]);
    } finally {
      picker.close();
    }
  }

  describe("row 29: no route for the model", () => {
    const lost = { row: 29, status: 404, byLines: undefined, byCounters: undefined };
    const keeping: Edit = { op: "add", at: [...places.extProc, "route_cache_action"], to: "RETAIN" };

    test("the header was not set", () =>
      withPicker(
        (message) => goOn(message, destination()),
        async (at) => {
          const seen = await produce({ ...lost, edits: [...at, ...byModel], proof: /x-ai-eg-model/ });
          expect(seen.verdict.first?.says).toContain("x-ai-eg-model was not set, or");
        },
      ));

    test("it was set, and Envoy is told to keep the route", () =>
      withPicker(
        (message) => goOn(message, named(), { clear_route_cache: true }),
        async (at) => {
          const proof = /clear_route_cache_disabled: [1-9]/;
          await produce({ ...lost, edits: [...at, ...byModel, keeping], proof });
        },
      ));

    test("the cache was cleared in an answer that changes no header", () =>
      withPicker(
        (message) =>
          message.request_headers ? goOn(message, named()) : goOn(message, {}, { clear_route_cache: true }),
        async (at) => {
          await produce({ ...lost, edits: [...at, ...byModel], proof: /clear_route_cache_ignored: [1-9]/ });
        },
      ));

    test("a model that no route has, beside one that has, is no fault of the header", () =>
      withPicker(
        (message) => {
          if (message.request_headers === undefined) return goOn(message);
          const head = message.request_headers.headers?.headers ?? [];
          const asked = head.find(({ key }) => key === "x-asked")?.raw_value?.toString() ?? "m";
          return goOn(message, { ...destination(), "x-ai-eg-model": asked }, { clear_route_cache: true });
        },
        async (at) => {
          const name: Edit = { op: "add", at: [...routes, 0, "name"], to: "chat-m" };
          const rig = await startDoctorRig({ edits: [...at, ...byModel, name] });
          expect((await rig.ask()).status).toBe(200);
          expect(await rig.askTimes(2, { headers: { "x-asked": "unknown" } })).toEqual([404, 404]);
          const seen = await rig.examine();
          await rig.stop();
          expect([seen.row, seen.risks], seen.report).toEqual([undefined, []]);
        },
      ));

    test("a path that no route has is no fault of the model", () =>
      withPicker(
        (message) => goOn(message, destination()),
        async (at) => {
          const rig = await startDoctorRig({ edits: [...at, ...byModel] });
          expect((await rig.ask({ path: "/elsewhere" })).status).toBe(404);
          const seen = await rig.examine();
          await rig.stop();
          expect([seen.row, seen.risks], seen.report).toEqual([undefined, []]);
        },
      ));
  });

  describe("row 50: refused before the picker was asked", () => {
    const keyed = { permissions: [{ any: true }], principals: [{ header: { name: "x-key", present_match: true } }] };
    const authorisers: readonly { title: string; status: number; edit: Edit; proof: RegExp }[] = [
      {
        title: "RBAC",
        status: 403,
        edit: filterFirst("envoy.filters.http.rbac", "rbac.v3.RBAC", {
          rules: { action: "ALLOW", policies: { keyed } },
        }),
        proof: /rbac_access_denied/,
      },
      {
        title: "an API key",
        status: 401,
        edit: filterFirst("envoy.filters.http.api_key_auth", "api_key_auth.v3.ApiKeyAuth", {
          credentials: [{ key: "k", client: "c" }],
          key_sources: [{ header: "x-api-key" }],
        }),
        proof: /missing_api_key/,
      },
      {
        title: "basic authentication",
        status: 401,
        edit: filterFirst("envoy.filters.http.basic_auth", "basic_auth.v3.BasicAuth", {
          users: { inline_string: "user:{SHA}2kuSN7rMzfGcB2DKt67EqDWQELA=\n" },
        }),
        proof: /no_credential_for_basic_auth/,
      },
      {
        title: "a token",
        status: 401,
        edit: filterFirst("envoy.filters.http.jwt_authn", "jwt_authn.v3.JwtAuthentication", {
          providers: { own: { issuer: "tests", local_jwks: { inline_string: keySet() } } },
          rules: [{ match: { prefix: "/" }, requires: { provider_name: "own" } }],
        }),
        proof: /jwt_authn_access_denied/,
      },
      {
        title: "a service that authorises, which is not there",
        status: 403,
        edit: filterFirst("envoy.filters.http.ext_authz", "ext_authz.v3.ExtAuthz", {
          transport_api_version: "V3",
          grpc_service: { envoy_grpc: { cluster_name: "picker" } },
        }),
        proof: /ext_authz_error/,
      },
    ];

    test.each(authorisers)("by $title", ({ status, edit, proof }) =>
      withPicker(
        (message) => goOn(message, destination()),
        async (at) => {
          await produce({ row: 50, status, byLines: 50, byCounters: undefined, edits: [...at, edit], proof });
        },
      ),
    );

    test("a gateway that refuses now and then is well", () =>
      withPicker(
        (message) => goOn(message, destination()),
        async (at) => {
          const rig = await startDoctorRig({ edits: [...at, authorisers[0]!.edit] });
          expect(await rig.askTimes(1)).toEqual([403]);
          expect(await rig.askTimes(3, { headers: { "x-key": "k" } })).toEqual([200, 200, 200]);
          const seen = await rig.examine();
          await rig.stop();
          expect([seen.row, seen.risks], seen.report).toEqual([undefined, []]);
        },
      ));

    test("a pod that refuses is no gateway that does", () => {
      const line = { response_code: 401, response_flags: "-", response_code_details: "via_upstream", method: "POST" };
      expect(examined([{ name: "access.log", text: JSON.stringify(line) }]).row).toBeUndefined();
    });
  });
});
