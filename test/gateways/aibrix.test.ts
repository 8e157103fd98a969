/** What AIBrix's Envoy becomes with the shipped patches: both kinds of request are picked for, and a missing filter is named. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import {
  adminOn,
  type Edit,
  type EnvoyConfig,
  listenOn,
  pickersAt,
  places,
  renderEnvoyConfig,
} from "../../src/demo/envoy-config.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { ask, echoOf } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const routes = [...places.hcm, "route_config", "virtual_hosts", "all", "routes"];
const path = "/v1/chat/completions";
const body = chatOfSize(89);

interface Patches {
  readonly spec: {
    readonly jsonPatches?: readonly { readonly operation: { readonly path?: string; readonly value: unknown } }[];
    readonly headers?: { readonly earlyRequestHeaders: { readonly remove: readonly string[] } };
  };
}
const text = readFileSync(new URL("../../deploy/gateways/aibrix/routes.yaml", import.meta.url), "utf8");
const objects = parseAllDocuments(text).map((document) => document.toJS() as Patches);
const operations = objects.flatMap(({ spec }) => spec.jsonPatches ?? []).map(({ operation }) => operation);
const removed = objects.flatMap(({ spec }) => spec.headers?.earlyRequestHeaders.remove ?? []);
/** The value that a patch of the manifest writes to this path of its object. */
const written = (at: string | undefined) => operations.find(({ path }) => path === at)?.value;

/** Envoy Gateway makes early mutations of a ClientTrafficPolicy's headers. */
const earlyRemoval = {
  name: "envoy.http.early_header_mutation.header_mutation",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
    mutations: removed.map((name) => ({ remove: name })),
  },
};

const asAibrix: readonly Edit[] = [
  { op: "remove", at: [...places.hcm, "http_filters", "envoy.filters.http.header_mutation"] },
  // AIBrix's own patch: whatever names a strategy.
  {
    op: "add",
    at: [...routes, 0],
    to: {
      name: "original_route",
      match: { prefix: "/", headers: [{ name: "routing-strategy", string_match: { safe_regex: { regex: ".*" } } }] },
      route: { cluster: "original_destination_cluster", timeout: "120s" },
    },
  },
  // The reserved route, which AIBrix leads to the plugin itself.
  { op: "set", at: [...routes, 1, "route", "cluster"], to: written(undefined) },
  { op: "set", at: [...routes, 1, "route", "timeout"], to: written("/timeout") },
  { op: "add", at: [...places.hcm, "local_reply_config"], to: written("/local_reply_config") },
  { op: "add", at: [...places.hcm, "early_header_mutation_extensions"], to: [earlyRemoval] },
  { op: "set", at: [...places.pods, "original_dst_lb_config", "http_header_name"], to: "target-pod" },
  { op: "set", at: [...places.pods, "name"], to: "original_destination_cluster" },
  { op: "set", at: [...places.extProc, "message_timeout"], to: "60s" },
  { op: "set", at: [...places.extProc, "processing_mode", "response_header_mode"], to: "SEND" },
  { op: "set", at: [...places.extProc, "processing_mode", "response_body_mode"], to: "STREAMED" },
];

const kinds = [
  { kind: "with a strategy", headers: { "routing-strategy": "least-request" } },
  { kind: "without a strategy", headers: {} },
] as const;

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version} as AIBrix's`, () => {
  let pods: EchoPods;
  let picker: PickerProcess;

  beforeAll(async () => {
    pods = await startEchoPods(3);
    const args = [`--pods=${pods.addresses.join(",")}`, "--routing-strategies", "--destination-header=target-pod"];
    picker = await startPicker(args);
  });
  afterAll(async () => {
    await picker?.kill();
    await pods?.close();
  });

  async function withEnvoy(edits: readonly Edit[], run: (port: number) => Promise<void>): Promise<void> {
    const all = [listenOn(0), adminOn(0), pickersAt([picker.address]), ...asAibrix, ...edits];
    const config: EnvoyConfig = renderEnvoyConfig("buffered.yaml", all);
    const envoy = await testEnvoy!.start({ config });
    try {
      await run(envoy.ports.get("requests")!);
    } finally {
      await envoy.stop();
    }
  }

  test.each(kinds)("picks for a request $kind, whatever pod its client names", ({ headers }) =>
    withEnvoy([], async (port) => {
      const before = await picker.metric("pointsman_picks_total");
      const answer = await ask({
        port,
        framing: "h1 content-length",
        path,
        body,
        headers: { ...headers, "target-pod": "127.0.0.1:1" },
      });
      const echo = echoOf(answer);
      expect(echo.headers["target-pod"]).toBe(echo.pod);
      expect(echo.bytes).toBe(body.length);
      expect((await picker.metric("pointsman_picks_total")) - before).toBe(1);
    }),
  );

  const filter: Edit = { op: "remove", at: [...places.hcm, "http_filters", "envoy.filters.http.ext_proc"] };
  test.each(kinds)("says that nobody was asked where the filter is gone, $kind, and follows no client", ({ headers }) =>
    withEnvoy([filter], async (port) => {
      const forged = { ...headers, "target-pod": pods.addresses[0]! };
      const answer = await ask({ port, framing: "h1 content-length", path, body, headers: forged });
      expect([answer.status, answer.headers["x-pointsman-error"]]).toEqual([503, "picker_skipped"]);
      expect(answer.headers["content-type"]).toBe("application/json");
      expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { code: "picker_skipped", param: null } });
    }),
  );
});
