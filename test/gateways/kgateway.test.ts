/** What kgateway makes of an InferencePool: TLS to the picker, both bodies in duplex, the pod found by metadata. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type Echo, type EchoPods, sha256, startEchoPods } from "../support/echo-backend.ts";
import { type Answer, ask, echoOf, type Framing, framings } from "../support/http-framings.ts";
import { type Kgateway, kgateway } from "../support/kgateway.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { nobody } from "../support/pool-gateway.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const small = chatOfSize(89);
const large = chatOfSize(1024 * 1024);
const PICKS = "pointsman_picks_total";
const destination = "x-gateway-destination-endpoint";

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version} as kgateway's`, () => {
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

  async function withEnvoy(shape: Omit<Kgateway, "pods">, run: (port: number, envoy: RunningEnvoy) => Promise<void>) {
    const envoy = await testEnvoy!.start({ config: kgateway({ pods: pods.addresses, ...shape }) });
    try {
      await run(envoy.ports.get("requests")!, envoy);
    } finally {
      await envoy.stop();
    }
  }

  const send = (port: number, framing: Framing = "h1 content-length", body = small, prefix = ""): Promise<Answer> =>
    ask({ port, framing, path: `${prefix}/v1/chat/completions`, body, headers: { [destination]: nobody } });

  async function expectPicked(port: number, framing: Framing, body: Buffer): Promise<Echo> {
    const echo = echoOf(await send(port, framing, body));
    expect({ bytes: echo.bytes, sha256: echo.sha256 }).toEqual({ bytes: body.length, sha256: sha256(body) });
    expect(echo.headers[destination]).toBe(echo.pod);
    return echo;
  }

  async function podsOf(port: number, count: number, prefix = ""): Promise<Set<string>> {
    const seen = new Set<string>();
    for (let i = 0; i < count; i++) seen.add(echoOf(await send(port, "h1 content-length", small, prefix)).pod);
    return seen;
  }

  test.each(["2.0", "2.1"] as const)("%s: every framing arrives whole at the picked pod", (version) =>
    withEnvoy({ picker: picker.address, version }, async (port, envoy) => {
      const before = await picker.metric(PICKS, { reason: "scored" });
      for (const framing of framings) await expectPicked(port, framing, small);
      await expectPicked(port, "h1 chunked", large);
      expect((await picker.metric(PICKS, { reason: "scored" })) - before).toBe(framings.length + 1);
      const bad = await envoy.admin("/stats?filter=ext_proc.(streams_failed|spurious|message_timeouts|failure_mode)");
      expect(bad.split("\n").filter((line) => line !== "" && !line.endsWith(": 0"))).toEqual([]);
    }),
  );

  test("requests on other routes are asked for too, and nobody follows the answer", () =>
    withEnvoy({ picker: picker.address }, async (port) => {
      const before = await picker.metric(PICKS);
      expect((await podsOf(port, 6, "/direct")).size).toBe(3);
      expect((await picker.metric(PICKS)) - before).toBe(6);
    }));

  test("a picker without TLS is an error, and says why", async () => {
    const plain = await startPicker([`--pods=${pods.addresses.join(",")}`, "--secure-serving=false"]);
    try {
      await withEnvoy({ picker: plain.address }, async (port) => {
        expect((await send(port)).status).toBe(500);
        await plain.line(({ kind }) => kind === "tls_refused");
      });
    } finally {
      await plain.kill();
    }
  });

  describe("where the metadata says more than one address", () => {
    async function started(config: object, flags: readonly string[] = []): Promise<PickerProcess> {
      const file = join(mkdtempSync(join(tmpdir(), "pointsman-kgateway-")), "picker.json");
      writeFileSync(file, JSON.stringify(config));
      const other = await startPicker([`--config-file=${file}`, ...flags]);
      await other.metricBecomes("pointsman_pool_usable_pods", 3);
      return other;
    }
    const poolOf = (pick: object) => ({
      pools: [{ name: "only", pods: { static: pods.addresses }, profile: "one" }],
      profiles: { one: { scorers: [{ use: "queue-depth" }], pick: { use: "best", ...pick } } },
    });

    test.each([
      { what: "two pods", pick: { endpoints: 2 }, flags: [] },
      { what: "the scores of all", pick: {}, flags: ["--emit-endpoint-scores"] },
    ])("as with $what, no pod is found", async ({ pick, flags }) => {
      const other = await started(poolOf(pick), flags);
      try {
        await withEnvoy({ picker: other.address }, async (port) => {
          expect((await send(port)).status).toBe(503);
        });
      } finally {
        await other.kill();
      }
    });
  });

  describe("without a picker", () => {
    test("FailClose is an error, from no pod", () =>
      withEnvoy({ picker: nobody }, async (port) => {
        expect((await send(port)).status).toBe(500);
      }));

    test("FailOpen has the pods take turns where nobody is behind the picker's Service, whatever a client names", () =>
      withEnvoy({ picker: "", failOpen: true }, async (port) => {
        expect((await podsOf(port, 6)).size).toBe(3);
      }));

    test("FailOpen serves what has no body where its address refuses, and fails what has: it was sent already", () =>
      withEnvoy({ picker: nobody, failOpen: true }, async (port) => {
        expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
        expect((await send(port)).status).toBe(500);
      }));
  });

  describe("bypassed, with the Service in place of the pool", () => {
    test("no picker is needed once no route of the Gateway names a pool", () =>
      withEnvoy({ picker: nobody, filter: false }, async (port) => {
        expect((await podsOf(port, 6, "/direct")).size).toBe(3);
      }));

    test("a picker that is gone still is an error while another route names a pool that fails closed", () =>
      withEnvoy({ picker: nobody }, async (port) => {
        expect((await send(port, "h1 content-length", small, "/direct")).status).toBe(500);
      }));
  });
});
