/** What Envoy AI Gateway makes of routes to an InferencePool: who is asked, which pod serves, and what users' errors become. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type FakePod, startFakePod } from "../../src/engine-model/fake-pod.ts";
import { type AiGateway, aiGateway, type Upstream, upstreamAttributes } from "../support/ai-gateway.ts";
import { startAiGatewayServer } from "../support/ai-gateway-server.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, sha256, startEchoPods } from "../support/echo-backend.ts";
import type { ExtProcServer } from "../support/ext-proc-server.ts";
import { type Answer, ask, echoOf, type Framing, framings } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { nobody } from "../support/pool-gateway.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const PICKS = "pointsman_picks_total";
const AFTER = "pointsman_streams_after_choice_total";
const path = "/v1/chat/completions";
const small = chatOfSize(89);
const large = chatOfSize(1024 * 1024);
/** chatOfSize's. */
const { model } = JSON.parse(small.toString()) as { model: string };
const forged = { "x-gateway-destination-endpoint": nobody, "target-pod": nobody };

const ways = (["duplex", "buffered"] as const).flatMap((mode) =>
  (["HTTPRoute", "AIGatewayRoute"] as const).map((way) => ({ way, mode })),
);

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version} as Envoy AI Gateway's`, () => {
  let pods: EchoPods;
  let picker: PickerProcess;
  let server: ExtProcServer;

  beforeAll(async () => {
    [pods, server] = await Promise.all([startEchoPods(3), startAiGatewayServer()]);
    picker = await startPicker([`--pods=${pods.addresses.join(",")}`]);
  });
  afterAll(async () => {
    await picker?.kill();
    server?.close();
    await pods?.close();
  });

  interface Way extends Pick<AiGateway, "mode"> {
    readonly way: "HTTPRoute" | "AIGatewayRoute";
  }

  const configOf = ({ way, mode }: Way, more: Partial<AiGateway> = {}): EnvoyConfig => {
    const chain = way === "AIGatewayRoute" ? { server: server.address, model } : {};
    return aiGateway({ picker: picker.address, pods: pods.addresses, mode, ...chain, ...more });
  };

  async function withEnvoy(config: EnvoyConfig, run: (port: number, envoy: RunningEnvoy) => Promise<void>) {
    const envoy = await testEnvoy!.start({ config });
    try {
      await run(envoy.ports.get("requests")!, envoy);
    } finally {
      await envoy.stop();
    }
  }

  const send = (port: number, framing: Framing, body: Buffer, at = path): Promise<Answer> =>
    ask({ port, framing, path: at, body, headers: { "content-type": "application/json", ...forged } });

  async function expectPicked(port: number, framing: Framing, body = small): Promise<void> {
    const echo = echoOf(await send(port, framing, body));
    expect({ bytes: echo.bytes, sha256: echo.sha256 }).toEqual({ bytes: body.length, sha256: sha256(body) });
    expect(echo.headers["x-gateway-destination-endpoint"]).toBe(echo.pod);
  }

  const counted = async (envoy: RunningEnvoy, name: string) =>
    [...(await envoy.admin(`/stats?filter=ext_proc.*${name}`)).matchAll(/: (\d+)$/gm)].map(([, value]) =>
      Number(value),
    );

  test.each(ways)("$way, $mode: every framing arrives whole at the picked pod, whatever its client names", (way) =>
    withEnvoy(configOf(way), async (port, envoy) => {
      const before = await picker.metric(PICKS, { reason: "scored" });
      for (const framing of framings) await expectPicked(port, framing);
      for (const framing of ["h1 chunked", "h2 content-length"] as const) await expectPicked(port, framing, large);
      const more = (await picker.metric(PICKS, { reason: "scored" })) - before;
      expect(more).toBe(framings.length + 2);
      expect(await counted(envoy, "(streams_failed|spurious|timeouts|failure_mode|rejected)")).not.toContain(1);
    }),
  );

  test.each([
    { mode: "duplex", streams: true },
    { mode: "buffered", streams: false },
  ] as const)("an event stream passes piece by piece in $mode: $streams", ({ mode, streams }) =>
    withEnvoy(configOf({ way: "HTTPRoute", mode }), async (port) => {
      const counts: number[] = [];
      const headers = { "x-echo-sse": "10/20" };
      const onReceived = (bytes: number) => counts.push(bytes);
      const answer = await ask({ port, framing: "h1 content-length", path, body: small, headers, onReceived });
      expect(answer.body.toString().match(/^data: /gm)).toHaveLength(11);
      expect(counts.length > 2).toBe(streams);
    }),
  );

  describe("a filter in the pool's cluster that asks the picker", () => {
    const upstreams: readonly { what: string; attributes: Upstream["attributes"] }[] = [
      { what: "as Envoy AI Gateway's does", attributes: upstreamAttributes },
      { what: "for the address alone", attributes: ["upstream.address"] },
    ];

    test.each(upstreams)("$what, is told to go on: one pick, one line in the log", ({ attributes }) => {
      const upstream = { address: picker.address, attributes };
      return withEnvoy(configOf({ way: "AIGatewayRoute", mode: "duplex" }, { upstream }), async (port, envoy) => {
        const [picks, after] = [await picker.metric(PICKS), await picker.metric(AFTER)];
        for (const framing of framings) await expectPicked(port, framing);
        expect((await picker.metric(PICKS)) - picks).toBe(framings.length);
        expect((await picker.metric(AFTER)) - after).toBe(framings.length);
        await picker.metricBecomes("pointsman_streams_open", 0);
        expect(await picker.metric("pointsman_in_flight")).toBe(0);
        const lines = picker.log.filter(({ msg }) => String(msg).includes("when the pod is chosen"));
        expect(lines).toMatchObject([{ peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/) }]);
        // Envoy 1.35 writes no dot between cluster and filter.
        const stats = await envoy.admin("/stats?filter=^cluster.*ext_proc.streams_(failed|started)");
        expect(stats).toMatch(/\.streams_failed: 0\n.*\.streams_started: 6\n/);
      });
    });
  });

  test.each(["duplex", "buffered"] as const)("%s: asked twice for one request, the last word counts", (mode) =>
    withEnvoy(configOf({ way: "HTTPRoute", mode }, { twice: true }), async (port) => {
      const before = await picker.metric(PICKS);
      for (const framing of framings) await expectPicked(port, framing);
      expect((await picker.metric(PICKS)) - before).toBe(2 * framings.length);
      await picker.metricBecomes("pointsman_in_flight", 0);
    }),
  );

  test("the picker's own filter may ask for the same, which is not known yet: it is picked for", () => {
    const asks = ["upstream.address", ...upstreamAttributes.filter((each) => each.includes("upstream_host"))];
    return withEnvoy(configOf({ way: "HTTPRoute", mode: "duplex" }, { asks }), async (port) => {
      const after = await picker.metric(AFTER);
      await expectPicked(port, "h1 content-length");
      expect(await picker.metric(AFTER)).toBe(after);
    });
  });

  test("no streams of either filter stay open, and none failed without an answer", async () => {
    await picker.metricBecomes("pointsman_streams_open", 0);
    expect(await picker.metric("pointsman_streams_ended_total", { answered: "false" })).toBe(0);
  });

  describe("bypassed", () => {
    test.each(ways)("$way, $mode: with the Service in place of the pool no picker is needed", (way) =>
      withEnvoy(configOf(way, { picker: nobody, bypassed: true }), async (port) => {
        const seen = new Set<string>();
        for (let i = 0; i < 6; i++) {
          const echo = echoOf(await send(port, "h1 content-length", small));
          expect(echo.headers["x-gateway-destination-endpoint"]).toBeUndefined();
          seen.add(echo.pod);
        }
        expect([...seen].sort()).toEqual([...pods.addresses].sort());
      }),
    );

    test.each(ways)("$way, $mode: not bypassed, no picker is an error, from no pod", (way) =>
      withEnvoy(configOf(way, { picker: nobody }), async (port) => {
        const { status, body } = await send(port, "h1 content-length", small);
        expect(status).toBe(500);
        expect(body.toString()).not.toContain("sha256");
      }),
    );
  });

  describe("a user's error", () => {
    let engines: FakePod[];
    let served: PickerProcess;

    beforeAll(async () => {
      engines = await Promise.all(["one", "two"].map((name) => startFakePod({ name, model: "llama", speed: 50 })));
      served = await startPicker([`--pods=${engines.map(({ address }) => address).join(",")}`]);
      for (const { address } of engines) await served.line((line) => line["pod"] === address && "models" in line);
    });
    afterAll(async () => {
      await served?.kill();
      await Promise.all((engines ?? []).map((engine) => engine.stop()));
    });

    const messages = [{ role: "user", content: "Hello" }];
    const faults = [
      { what: "an unknown path", at: "/v1/nothing", body: JSON.stringify({ model: "llama" }), status: 404 },
      { what: "JSON that is none", at: path, body: '{"model": "llama", ', status: 400 },
      { what: "no model", at: path, body: JSON.stringify({ messages }), status: 400 },
      { what: "an unknown model", at: path, body: JSON.stringify({ model: "gemma", messages }), status: 404 },
      // Where its own server reads the model there is none to find a rule by.
      { what: "no body", at: path, body: "", status: 400, behindServer: 404 },
    ];
    const cases = ways.flatMap((way) =>
      faults.map(({ behindServer, ...fault }) => ({
        ...way,
        ...fault,
        status: way.way === "AIGatewayRoute" ? (behindServer ?? fault.status) : fault.status,
      })),
    );

    test.each(cases)("$way, $mode: $what is $status, as JSON", ({ at, body, status, ...way }) =>
      withEnvoy(configOf(way, { picker: served.address, model: "llama" }), async (port) => {
        const answer = await send(port, "h1 content-length", Buffer.from(body), at);
        expect([answer.status, JSON.parse(answer.body.toString())]).toEqual([status, expect.any(Object)]);
        expect(answer.headers["content-type"]).toMatch(/^application\/json/);
      }),
    );

    test("in none of the shapes is a good request one", async () => {
      for (const way of ways) {
        await withEnvoy(configOf(way, { picker: served.address, model: "llama" }), async (port) => {
          const body = Buffer.from(JSON.stringify({ model: "llama", messages, max_tokens: 2 }));
          const { status, headers } = await send(port, "h1 content-length", body);
          expect([status, ["one", "two"].includes(String(headers["x-fake-pod"]))]).toEqual([200, true]);
        });
      }
    });
  });
});
