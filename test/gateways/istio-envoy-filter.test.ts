/** The shipped EnvoyFilters, applied as istiod would to an Envoy of a gateway's shape: who is asked, and what arrives. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, sha256, startEchoPods } from "../support/echo-backend.ts";
import { anyLocalityIn, applyPatches, patchesOf, withFilterOption, withMode } from "../support/envoy-filter.ts";
import { ask, echoOf, type Framing, framings, hasTrailers } from "../support/http-framings.ts";
import { type IstioGateway, istioGateway, type PickerLink, together } from "../support/istio-gateway.ts";
import { type LogLine, type PickerProcess, startPicker } from "../support/picker-process.ts";
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
    applyPatches(
      istioGateway({
        ...{ pods: pods.addresses, picker: picker.address, anyLocality: files.flatMap(anyLocalityIn) },
        ...shape,
      }),
      files.flatMap(patchesOf),
    );

  type Run = (envoy: RunningEnvoy, port: number) => Promise<void>;
  async function withEnvoy(config: EnvoyConfig, run: Run, listener = "requests") {
    const envoy = await testEnvoy!.start({ config });
    try {
      await run(envoy, envoy.ports.get(listener)!);
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

    test("without its DestinationRule is refused: Istio weighs localities, and Envoy takes no policy beside that", async () => {
      const config = gateway({ anyLocality: [] }, "istio/envoy-filter.yaml");
      await expect(testEnvoy!.start({ config })).rejects.toThrow("cannot be combined with partial fields");
    });

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
      { mode: "NONE", early: false, seen: false, trailers: "SKIP" },
      { mode: "STREAMED", early: false, seen: false, trailers: "SKIP" },
      { mode: "STREAMED", early: true, seen: true, trailers: "SKIP" },
      { mode: "BUFFERED_PARTIAL", early: false, seen: true, trailers: "SKIP" },
      { mode: "FULL_DUPLEX_STREAMED", early: false, seen: true, trailers: "SEND" },
    ])("with $mode, sent early: $early, never hangs, and the picker says whether it saw the body", (row) => {
      const { mode, early, seen, trailers } = row;
      const config = withFilterOption(gateway({}, "istio/envoy-filter.yaml"), {
        send_body_without_waiting_for_header_response: early,
      });
      const changed = withMode(config, { request_body_mode: mode, request_trailer_mode: trailers });
      return withEnvoy(changed, async (envoy, port) => {
        const before = await picker.metric(UNSEEN);
        await expectPicked(port, "h1 content-length");
        await expectPicked(port, "h2 no length", large);
        expect((await picker.metric(UNSEEN)) - before).toBe(seen ? 0 : 2);
        // With the change that would help.
        const says = (line: LogLine) =>
          line["mode"] === mode.toLowerCase() && String(line["msg"]).includes("use BUFFERED");
        if (!seen) await picker.line(says);
        expect(await counter(envoy, "(timeouts|streams_failed|failure_mode_allowed)")).toBe(0);
      });
    });

    test("with TLS to the picker needs nothing else", () =>
      withEnvoy(gateway({ link: "tls" }, "istio/envoy-filter.yaml"), async (envoy, port) => {
        await expectPicked(port, "h1 content-length");
        expect(await counter(envoy, "failure_mode_allowed")).toBe(0);
      }));

    test.each([
      { title: "speaks HTTP/1.1", link: "http1", kind: "http1" },
      { title: "trusts another CA", link: "strangers-ca", kind: "tls_handshake" },
    ] as const)("with a cluster that $title serves past the picker, which names the fault", ({ link, kind }) =>
      withEnvoy(gateway({ link }, "istio/envoy-filter.yaml"), async (envoy, port) => {
        const { status } = await ask({ port, framing: "h1 content-length", path, body: small });
        expect(status).toBe(200);
        expect(await counter(envoy, "failure_mode_allowed")).toBe(1);
        await picker.line((line) => line["kind"] === kind);
      }),
    );
  });

  describe.each(["1.27", "1.28"] as const)("the filter that istiod %s makes", (pools) => {
    const plain = framings.filter((framing) => !hasTrailers(framing));
    /** 1.27 leaves the trailer modes out. */
    const whole = (files: readonly string[]) =>
      pools === "1.28" || files.includes("istio/buffered.yaml") ? framings : plain;

    test.each([[[]], [["istio/replace-filter.yaml"]], [["istio/buffered.yaml"]]])(
      "loses no byte with the patches %j",
      (files: readonly string[]) =>
        withEnvoy(gateway({ pools, retries: false }, ...files), async (envoy, port) => {
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
  });

  describe("istiod says no authority: Envoy names the cluster, whose `|` HTTP/2 forbids, and", () => {
    const shape = { pools: "1.28" } as const;
    const statusOf = async (port: number, body = small) =>
      (await ask({ port, framing: "h2 content-length", path, body })).status;

    test.each(["h2c", "tls"] satisfies PickerLink[])("the picker is asked for hundreds of requests over %s", (link) =>
      withEnvoy(gateway({ ...shape, link }), async (envoy, port) => {
        const before = await picker.metric(PICKS, { reason: "scored" });
        for (let round = 0; round < 50; round++) {
          const statuses = await Promise.all(Array.from({ length: 8 }, () => statusOf(port)));
          expect(statuses).toEqual(Array(8).fill(200));
        }
        await expectPicked(port, "h2 no length", chatOfSize(20 * 1024 * 1024));
        expect((await picker.metric(PICKS, { reason: "scored" })) - before).toBe(401);
        expect(await counter(envoy, "(streams_failed|failure_mode_allowed|timeouts)")).toBe(0);
        // All of them over the few connections that Envoy's workers have, each of which stays.
        expect(await envoy.admin("/stats?filter=outbound.9002.*cx_destroy$")).toMatch(/: 0$/m);
      }),
    );

    test("a connection that other filters share, which do say one, costs a moment and a line in the log", () =>
      withEnvoy(
        together({ said: gateway({ ...shape, authority }), unsaid: gateway(shape) }),
        async (envoy) => {
          const said = envoy.ports.get("said")!;
          const unsaid = envoy.ports.get("unsaid")!;
          expect(await statusOf(said)).toBe(200);
          expect(await statusOf(unsaid)).toBe(500);
          await picker.line(({ kind }) => kind === "unheard_streams");
          while ((await statusOf(unsaid)) !== 200);
          for (let i = 0; i < 20; i++) expect([await statusOf(said), await statusOf(unsaid)]).toEqual([200, 200]);
        },
        "said",
      ));
  });

  test.each(framings.filter(hasTrailers))(
    "1.27 loses the body of a request as %s; buffered.yaml keeps it",
    async (framing) => {
      await withEnvoy(gateway({ pools: "1.27" }), async (_, port) => {
        expect(echoOf(await ask({ port, framing, path, body: small })).bytes).toBe(0);
      });
      await withEnvoy(gateway({ pools: "1.27" }, "istio/buffered.yaml"), (_, port) => expectPicked(port, framing));
    },
  );
});
