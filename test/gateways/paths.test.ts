/** Prefixes in front of an API's path, cut off by the route or not, and the list of models beside the pool's route. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type FakePod, startFakePod } from "../../src/engine-model/fake-pod.ts";
import { type AiGateway, aiGateway, toPool, toService } from "../support/ai-gateway.ts";
import { startAiGatewayServer } from "../support/ai-gateway-server.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import type { ExtProcServer } from "../support/ext-proc-server.ts";
import { ask, echoOf, type Framing } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const model = "llama";
const text = "What all of these begin with is the same. ".repeat(50);
const chat = { model, messages: [{ role: "user", content: text }] };
const completion = { model, prompt: text };

interface Case {
  readonly path: string;
  readonly body: object;
  /** What the pod sees; left out where it is the path. */
  readonly seen?: string;
}

const cases: readonly Case[] = [
  { path: "/team-a/v1/chat/completions", seen: "/v1/chat/completions", body: chat },
  { path: "/team-a/v1/chat/completions?api-version=1", seen: "/v1/chat/completions?api-version=1", body: chat },
  { path: "/team-b/v1/chat/completions", body: chat },
  { path: "/team-b/llama-3/v1/completions", body: completion },
  { path: "/openai/v1/chat/completions", body: chat },
  { path: "/openai/v1/completions", body: completion },
  { path: "/openai/v1/embeddings", body: { model, input: text } },
  { path: "/openai/v1/responses", body: { model, input: text } },
  { path: "/anthropic/v1/messages", body: { ...chat, max_tokens: 9 } },
  { path: "/cohere/v2/rerank", body: { model, query: text, documents: ["one", "two"] } },
];

const framings: readonly Framing[] = ["h1 content-length", "h1 chunked", "h2 content-length"];

describe.skipIf(testEnvoy === undefined)("paths", () => {
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

  const start = (more: Pick<AiGateway, "mode"> & Partial<AiGateway>): Promise<RunningEnvoy> =>
    testEnvoy!.start({ config: aiGateway({ picker: picker.address, pods: pods.addresses, ...more }) });

  interface Told {
    readonly reason: string;
    readonly model: string;
    readonly address: string;
  }
  async function latest(): Promise<Told> {
    const { port } = picker.log.find(({ service }) => service === "admin") ?? {};
    const answer = await fetch(`http://127.0.0.1:${port}/debug/decisions`);
    const [first] = (await answer.json()) as Told[];
    if (first === undefined) throw new Error("nothing was decided");
    return first;
  }

  /** By model and prompt: without a prompt the reason is another. */
  async function expectPicked(port: number, { path, seen = path, body }: Case, framing: Framing): Promise<void> {
    const answer = await ask({
      port,
      framing,
      path,
      body: Buffer.from(JSON.stringify(body)),
      headers: { "content-type": "application/json" },
    });
    const echo = echoOf(answer);
    expect([echo.path, echo.headers["x-gateway-destination-endpoint"]]).toEqual([seen, echo.pod]);
    expect(await latest()).toMatchObject({ reason: "scored", model, address: echo.pod });
  }

  const cutting = [toPool({ prefix: "/team-a/" }, { prefix_rewrite: "/" })];

  describe.each(["duplex", "buffered"] as const)("of an HTTPRoute, %s", (mode) => {
    let envoy: RunningEnvoy;
    beforeAll(async () => {
      envoy = await start({ mode, routes: cutting });
    });
    afterAll(() => envoy?.stop());

    test.each(cases)("$path is picked for by model and prompt", async (each) => {
      for (const framing of framings) await expectPicked(envoy.ports.get("requests")!, each, framing);
    });

    test("one prompt goes to one pod, under whatever prefix", async () => {
      const seen = new Set<string>();
      for (const each of cases.filter(({ body }) => body === chat)) {
        await expectPicked(envoy.ports.get("requests")!, each, "h1 content-length");
        seen.add((await latest()).address);
      }
      expect(seen.size).toBe(1);
    });
  });

  test("behind Envoy AI Gateway's own filter its prefixes are picked for by model and prompt", async () => {
    const envoy = await start({ mode: "duplex", server: server.address, model });
    try {
      const known = cases.filter(({ path }) => /^\/(openai\/v1\/chat|anthropic|cohere)/.test(path));
      for (const each of known) await expectPicked(envoy.ports.get("requests")!, each, "h1 content-length");
      expect(known.length).toBe(3);
    } finally {
      await envoy.stop();
    }
  });

  describe("/v1/models", () => {
    const get = async (envoy: RunningEnvoy, path: string) =>
      (await fetch(`http://127.0.0.1:${envoy.ports.get("requests")}${path}`)).json() as Promise<
        Record<string, unknown>
      >;

    describe("of pods that tell theirs", () => {
      let engine: FakePod;
      let told: PickerProcess;
      beforeAll(async () => {
        engine = await startFakePod({ model });
        told = await startPicker([`--pods=${engine.address}`]);
        await told.line((line) => line["pod"] === engine.address && "models" in line);
      });
      afterAll(async () => {
        await told?.kill();
        await engine?.stop();
      });

      test.each(["duplex", "buffered"] as const)("on the pool's route the picker answers, %s", async (mode) => {
        const envoy = await start({ picker: told.address, mode, routes: cutting });
        try {
          for (const path of ["/v1/models", "/team-a/v1/models", "/openai/v1/models"]) {
            expect(await get(envoy, path)).toMatchObject({ object: "list", data: [{ id: model }] });
          }
          expect(await told.metric("pointsman_picks_total")).toBe(0);
        } finally {
          await envoy.stop();
        }
      });
    });

    test.each(["duplex", "buffered"] as const)("on a route to a Service nobody asks the picker, %s", async (mode) => {
      const envoy = await start({ mode, routes: [toService({ path: "/v1/models" })] });
      try {
        const before = await picker.metric("pointsman_streams_ended_total");
        expect(await get(envoy, "/v1/models")).toMatchObject({ path: "/v1/models", method: "GET" });
        await expectPicked(envoy.ports.get("requests")!, cases[2]!, "h1 content-length");
        await picker.metricBecomes("pointsman_streams_ended_total", before + 1);
      } finally {
        await envoy.stop();
      }
    });
  });
});
