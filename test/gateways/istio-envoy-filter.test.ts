/** The shipped EnvoyFilters, applied as istiod would to an Envoy of a gateway's shape: who is asked, and what arrives. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, sha256, startEchoPods } from "../support/echo-backend.ts";
import { applyPatches, managerOf, patchesOf, routesOf } from "../support/envoy-filter.ts";
import { ask, echoOf, type Framing, framings, hasTrailers } from "../support/http-framings.ts";
import { type IstioGateway, istioGateway } from "../support/istio-gateway.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const PICKS = "pointsman_picks_total";
const UNSEEN = "pointsman_body_unseen_total";
const small = chatOfSize(89);
const large = chatOfSize(1024 * 1024);
const path = "/v1/chat/completions";
const authority = "pointsman.default.svc.cluster.local";

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version} as Istio's gateway`, () => {
  let pods: EchoPods;
  let picker: PickerProcess;

  beforeAll(async () => {
    pods = await startEchoPods(3);
    picker = await startPicker(["--pods", pods.addresses.join(",")]);
  });

  afterAll(async () => {
    await picker?.kill();
    await pods?.close();
  });

  const gateway = (shape: Omit<IstioGateway, "pods" | "picker">, ...files: readonly string[]): EnvoyConfig =>
    applyPatches(istioGateway({ pods: pods.addresses, picker: picker.address, ...shape }), files.flatMap(patchesOf));

  async function withEnvoy(config: EnvoyConfig, run: (envoy: RunningEnvoy, port: number) => Promise<void>) {
    const envoy = await testEnvoy!.start({ config });
    try {
      await run(envoy, envoy.ports.get("requests")!);
    } finally {
      await envoy.stop();
    }
  }

  /** The body as it was, at the pod that the picker named and no client can. */
  async function expectPicked(port: number, framing: Framing, body = small): Promise<void> {
    const headers = { "x-gateway-destination-endpoint": "127.0.0.1:1", "target-pod": "127.0.0.1:1" };
    const echo = echoOf(await ask({ port, framing, path, body, headers }));
    expect({ bytes: echo.bytes, sha256: echo.sha256 }).toEqual({ bytes: body.length, sha256: sha256(body) });
    expect(echo.headers["x-gateway-destination-endpoint"]).toBe(echo.pod);
    expect(pods.addresses).toContain(echo.pod);
  }

  async function counter(envoy: RunningEnvoy, name: string): Promise<number> {
    const stats = await envoy.admin(`/stats?filter=ext_proc.*${name}`);
    return [...stats.matchAll(/: (\d+)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0);
  }

  const withMode = (config: EnvoyConfig, mode: object): EnvoyConfig => {
    const { listeners } = config["static_resources"] as { listeners: Record<string, unknown>[] };
    for (const route of listeners.map(managerOf).flatMap(routesOf)) {
      const overridden = route["typed_per_filter_config"] as
        | Record<string, { overrides: { processing_mode: object } }>
        | undefined;
      for (const { overrides } of Object.values(overridden ?? {})) {
        overrides.processing_mode = { ...overrides.processing_mode, ...mode };
      }
    }
    return config;
  };

  describe("envoy-filter.yaml", () => {
    test("asks for the one route, once a request, and for no other", () =>
      withEnvoy(gateway({}, "istio/envoy-filter.yaml"), async (envoy, port) => {
        const before = await picker.metric(PICKS, { reason: "scored" });
        for (const framing of framings) await expectPicked(port, framing);
        expect((await picker.metric(PICKS, { reason: "scored" })) - before).toBe(framings.length);
        const answer = await ask({ port, framing: "h1 chunked", path: "/direct", body: small });
        expect(echoOf(answer).headers["x-gateway-destination-endpoint"]).toBeUndefined();
        expect(await envoy.admin("/stats?filter=ext_proc.pointsman.streams_started")).toMatch(
          new RegExp(`: ${framings.length}$`, "m"),
        );
        for (const bad of ["streams_failed", "failure_mode_allowed", "spurious", "timeouts"]) {
          expect([bad, await counter(envoy, bad)]).toEqual([bad, 0]);
        }
      }));

    test("deleted leaves Istio's own balancing, with nobody asked", () =>
      withEnvoy(gateway({}), async (_, port) => {
        const before = await picker.metric(PICKS);
        const seen = new Set<string>();
        for (let i = 0; i < 6; i++) {
          seen.add(echoOf(await ask({ port, framing: "h1 content-length", path, body: small })).pod);
        }
        expect([seen.size, await picker.metric(PICKS)]).toEqual([3, before]);
      }));

    test.each([
      { mode: "NONE", seen: false, trailers: "SKIP" },
      { mode: "STREAMED", seen: false, trailers: "SKIP" },
      { mode: "BUFFERED_PARTIAL", seen: true, trailers: "SKIP" },
      { mode: "FULL_DUPLEX_STREAMED", seen: true, trailers: "SEND" },
    ])("with $mode never hangs, and the picker says whether it saw the body", ({ mode, seen, trailers }) => {
      const config = gateway({}, "istio/envoy-filter.yaml");
      const changed = withMode(config, { request_body_mode: mode, request_trailer_mode: trailers });
      return withEnvoy(changed, async (envoy, port) => {
        const before = await picker.metric(UNSEEN);
        await expectPicked(port, "h1 content-length");
        await expectPicked(port, "h2 no length", large);
        expect((await picker.metric(UNSEEN)) - before).toBe(seen ? 0 : 2);
        expect(await counter(envoy, "(timeouts|streams_failed|failure_mode_allowed)")).toBe(0);
      });
    });

    test("with TLS to the picker needs nothing else", () =>
      withEnvoy(gateway({ link: "tls" }, "istio/envoy-filter.yaml"), async (envoy, port) => {
        await expectPicked(port, "h1 content-length");
        expect(await counter(envoy, "failure_mode_allowed")).toBe(0);
      }));

    test("with a cluster that speaks HTTP/1.1 serves past the picker, which names the fault", () =>
      withEnvoy(gateway({ link: "http1" }, "istio/envoy-filter.yaml"), async (envoy, port) => {
        const { status } = await ask({ port, framing: "h1 content-length", path, body: small });
        expect(status).toBe(200);
        expect(await counter(envoy, "failure_mode_allowed")).toBe(1);
        await picker.line(({ kind }) => kind === "http1");
      }));
  });

  describe.each(["1.27", "1.28"] as const)("the filter that istiod %s makes", (pools) => {
    const plain = framings.filter((framing) => !hasTrailers(framing));
    /** 1.27 leaves the trailer modes out. */
    const whole = (files: readonly string[]) =>
      pools === "1.28" || files.includes("istio/buffered.yaml") ? framings : plain;

    test.each([[[]], [["istio/replace-filter.yaml"]], [["istio/buffered.yaml"]]])(
      "loses no byte with the patches %j",
      (files: readonly string[]) =>
        withEnvoy(gateway({ pools, authority }, ...files), async (envoy, port) => {
          const before = await picker.metric(PICKS, { reason: "scored" });
          for (const framing of whole(files)) await expectPicked(port, framing);
          await expectPicked(port, "h1 chunked", large);
          const asked = whole(files).length + 1;
          expect((await picker.metric(PICKS, { reason: "scored" })) - before).toBe(asked);
          expect(await counter(envoy, "streams_started")).toBe(asked);
          expect(await counter(envoy, "(streams_failed|failure_mode_allowed|spurious|timeouts)")).toBe(0);
          const { status } = await ask({ port, framing: "h1 chunked", path: "/direct", body: small });
          expect([status, await counter(envoy, "streams_started")]).toEqual([200, asked]);
        }),
    );

    test("names its cluster where no authority is said, which HTTP/2 forbids; buffered.yaml cures that too", async () => {
      await withEnvoy(gateway({ pools }), async (envoy, port) => {
        const { status } = await ask({ port, framing: "h1 content-length", path, body: small });
        expect([status, await counter(envoy, "streams_failed")]).toEqual([500, 1]);
      });
      await withEnvoy(gateway({ pools }, "istio/buffered.yaml"), (_, port) => expectPicked(port, "h1 content-length"));
    });
  });

  test.each(framings.filter(hasTrailers))(
    "1.27 loses the body of a request as %s; buffered.yaml keeps it",
    async (framing) => {
      await withEnvoy(gateway({ pools: "1.27", authority }), async (_, port) => {
        expect(echoOf(await ask({ port, framing, path, body: small })).bytes).toBe(0);
      });
      await withEnvoy(gateway({ pools: "1.27", authority }, "istio/buffered.yaml"), (_, port) =>
        expectPicked(port, framing),
      );
    },
  );
});
