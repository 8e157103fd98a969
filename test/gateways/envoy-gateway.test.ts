/** What Envoy Gateway makes of the shipped policies: pods known by their Service, overridden by the picker's header. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import {
  adminOn,
  type Edit,
  listenOn,
  pickersAt,
  places,
  podsAt,
  renderEnvoyConfig,
} from "../../src/demo/envoy-config.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { ask, echoOf, framings } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const path = "/v1/chat/completions";
const body = chatOfSize(89);
const bodyModes = { Buffered: "BUFFERED", FullDuplexStreamed: "FULL_DUPLEX_STREAMED" } as const;

interface ExtProc {
  readonly processingMode: Readonly<Record<"request" | "response", { readonly body?: keyof typeof bodyModes }>>;
  readonly failOpen: boolean;
  readonly messageTimeout: string;
}

const objectsOf = (file: string) =>
  parseAllDocuments(readFileSync(new URL(`../../deploy/gateways/envoy-gateway/${file}`, import.meta.url), "utf8")).map(
    (document) => document.toJS() as { readonly kind: string; readonly spec: Readonly<Record<string, unknown>> },
  );

function specOf<Spec>(file: string, kind: string): Spec {
  const found = objectsOf(file).find((object) => object.kind === kind);
  if (found === undefined) throw new Error(`${file} has no ${kind}`);
  return found.spec as Spec;
}

const { headers } = specOf<{ headers: { earlyRequestHeaders: { remove: string[] } } }>(
  "route.yaml",
  "ClientTrafficPolicy",
);
const { loadBalancer } = specOf<{ loadBalancer: { endpointOverride: { extractFrom: object[] } } }>(
  "override.yaml",
  "BackendTrafficPolicy",
);

const noRetry: Edit = {
  op: "remove",
  at: [...places.hcm, "route_config", "virtual_hosts", "all", "routes", 0, "route", "retry_policy"],
};

/** As the translator of Envoy Gateway 1.9 writes a policy into the filter. */
function filterOf(file: string): Edit[] {
  const [extProc] = specOf<{ extProc: readonly ExtProc[] }>(file, "EnvoyExtensionPolicy").extProc;
  if (extProc === undefined) throw new Error(`${file} has no extProc`);
  const mode = (direction: "request" | "response") => {
    const { body: named } = extProc.processingMode[direction];
    const trailers = named === "FullDuplexStreamed" ? { [`${direction}_trailer_mode`]: "SEND" } : {};
    const set = named === undefined ? "NONE" : bodyModes[named];
    return { [`${direction}_header_mode`]: "SEND", [`${direction}_body_mode`]: set, ...trailers };
  };
  return [
    { op: "set", at: [...places.extProc, "processing_mode"], to: { ...mode("request"), ...mode("response") } },
    { op: "set", at: [...places.extProc, "failure_mode_allow"], to: extProc.failOpen },
    { op: "set", at: [...places.extProc, "message_timeout"], to: extProc.messageTimeout },
    ...("retry" in specOf<object>(file, "BackendTrafficPolicy") ? [] : [noRetry]),
  ];
}

const overrideHost = [
  ...[...places.pods, "load_balancing_policy", "policies", 0],
  ...["typed_extension_config", "typed_config"],
];

const asEnvoyGateway: readonly Edit[] = [
  { op: "remove", at: [...places.hcm, "http_filters", "envoy.filters.http.header_mutation"] },
  {
    op: "add",
    at: [...places.hcm, "early_header_mutation_extensions"],
    to: [
      {
        name: "envoy.http.early_header_mutation.header_mutation",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
          mutations: headers.earlyRequestHeaders.remove.map((name) => ({ remove: name })),
        },
      },
    ],
  },
  { op: "set", at: [...overrideHost, "override_host_sources"], to: loadBalancer.endpointOverride.extractFrom },
  { op: "remove", at: [...overrideHost, "selected_host_key"] },
];

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version} as Envoy Gateway's`, () => {
  let pods: EchoPods;
  let picker: PickerProcess;

  beforeAll(async () => {
    pods = await startEchoPods(3);
    picker = await startPicker([`--pods=${pods.addresses.join(",")}`]);
  });
  afterAll(async () => {
    await picker?.kill();
    await pods?.close();
  });

  async function withEnvoy(
    file: string,
    pickers: readonly string[],
    run: (port: number) => Promise<void>,
    further: readonly Edit[] = [],
  ) {
    const edits = [listenOn(0), adminOn(0), pickersAt(pickers), podsAt(pods.addresses)];
    const config = renderEnvoyConfig("override-host.yaml", [
      ...edits,
      ...asEnvoyGateway,
      ...filterOf(file),
      ...further,
    ]);
    const envoy = await testEnvoy!.start({ config });
    try {
      await run(envoy.ports.get("requests")!);
    } finally {
      await envoy.stop();
    }
  }

  const forged = (pod: string) => ({ "x-gateway-destination-endpoint": pod, "target-pod": pod });

  test.each(["override.yaml", "duplex.yaml"])(
    "%s: every framing is picked for, whatever pod its client names",
    (file) =>
      withEnvoy(file, [picker.address], async (port) => {
        const before = await picker.metric("pointsman_picks_total", { reason: "scored" });
        for (const framing of framings) {
          const echo = echoOf(await ask({ port, framing, path, body, headers: forged("127.0.0.1:1") }));
          expect(echo.bytes).toBe(body.length);
          expect(echo.headers["x-gateway-destination-endpoint"]).toBe(echo.pod);
        }
        expect((await picker.metric("pointsman_picks_total", { reason: "scored" })) - before).toBe(framings.length);
      }),
  );

  /** Nobody listens there. */
  const nobody = ["127.0.0.1:1"];

  test("override.yaml without a picker: the pods take turns, and no client chooses one", () =>
    withEnvoy("override.yaml", nobody, async (port) => {
      const [wanted] = pods.addresses;
      const seen = new Set<string>();
      for (let i = 0; i < 6; i++) {
        const answer = await ask({ port, framing: "h1 content-length", path, body, headers: forged(wanted!) });
        const echo = echoOf(answer);
        expect(echo.headers["x-gateway-destination-endpoint"]).toBeUndefined();
        seen.add(echo.pod);
      }
      expect([...seen].sort()).toEqual([...pods.addresses].sort());
    }));

  test.each(["override.yaml", "duplex.yaml"])("%s without its EnvoyExtensionPolicy: the pods take turns", (file) => {
    const filter: Edit = { op: "remove", at: [...places.hcm, "http_filters", "envoy.filters.http.ext_proc"] };
    return withEnvoy(
      file,
      nobody,
      async (port) => {
        const seen = new Set<string>();
        for (let i = 0; i < 6; i++) seen.add(echoOf(await ask({ port, framing: "h1 chunked", path, body })).pod);
        expect(seen.size).toBe(3);
      },
      [filter],
    );
  });

  test("duplex.yaml without a picker: an error, from no pod", () =>
    withEnvoy("duplex.yaml", nobody, async (port) => {
      const { status } = await ask({
        port,
        framing: "h1 content-length",
        path,
        body,
        headers: forged(pods.addresses[0]!),
      });
      expect(status).toBe(503);
    }));
});
