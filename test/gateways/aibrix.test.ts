/** What AIBrix's Envoy becomes with the shipped patches: both kinds of request are picked for, and what is missing is named. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type AibrixGateway, aibrixGateway, aibrixPolicy } from "../support/aibrix-gateway.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { type ExtProcServer, startExtProcServer } from "../support/ext-proc-server.ts";
import { type Answer, ask, echoOf, type Framing, framings } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { nobody } from "../support/pool-gateway.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const path = "/v1/chat/completions";
const body = chatOfSize(89);
const PICKS = "pointsman_picks_total";

const kinds = [
  { kind: "with a strategy", headers: { "routing-strategy": "least-request" } },
  { kind: "without a strategy", headers: {} },
] as const;

test("the patched Deployment listens where AIBrix's policy looks", () => {
  const file = new URL("../../deploy/gateways/aibrix/plugin-deployment.yaml", import.meta.url);
  const { spec } = parse(readFileSync(file, "utf8")) as {
    spec: { template: { spec: { containers: { args: string[] }[] } } };
  };
  const [{ name, port } = { name: "", port: 0 }] = aibrixPolicy().backendRefs;
  expect(name).toBe("aibrix-gateway-plugins");
  expect(spec.template.spec.containers[0]?.args).toContain(`--grpc-port=${port}`);
});

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

  async function withEnvoy(
    shape: Partial<AibrixGateway>,
    run: (port: number, envoy: RunningEnvoy) => Promise<void>,
  ): Promise<void> {
    const config = aibrixGateway({ picker: picker.address, pods: pods.addresses, ...shape });
    const envoy = await testEnvoy!.start({ config });
    try {
      await run(envoy.ports.get("requests")!, envoy);
    } finally {
      await envoy.stop();
    }
  }

  const send = (port: number, headers: object, framing: Framing = "h1 content-length", at = path): Promise<Answer> =>
    ask({ port, framing, path: at, body, headers: { ...headers } });

  const forged = { "target-pod": "127.0.0.1:1", "x-gateway-destination-endpoint": "127.0.0.1:1" };

  test.each(kinds)("picks for every framing of a request $kind, whatever pod its client names", ({ headers }) =>
    withEnvoy({}, async (port, envoy) => {
      const before = await picker.metric(PICKS);
      for (const framing of framings) {
        const echo = echoOf(await send(port, { ...headers, ...forged }, framing));
        expect([echo.headers["target-pod"], echo.bytes]).toEqual([echo.pod, body.length]);
      }
      expect((await picker.metric(PICKS)) - before).toBe(framings.length);
      const bad = await envoy.admin("/stats?filter=ext_proc.*(streams_failed|spurious|message_timeouts|failure_mode)");
      expect(bad.split("\n").filter((line) => line !== "" && !line.endsWith(": 0"))).toEqual([]);
    }),
  );

  /** Below AIBrix's own limit of 4 MiB. */
  const large = chatOfSize(3 * 1024 * 1024);

  test.each(["h1 chunked", "h2 content-length", "h2 no length"] as const)(
    "%s: a long prompt arrives whole",
    (framing) =>
      withEnvoy({}, async (port) => {
        const echo = echoOf(await ask({ port, framing, path, body: large }));
        expect([echo.bytes, echo.headers["target-pod"]]).toEqual([large.length, echo.pod]);
      }),
  );

  test.each(kinds)("streams the answer to a request $kind as it comes", ({ headers }) =>
    withEnvoy({}, async (port) => {
      const pieces: number[] = [];
      const onReceived = (bytes: number) => pieces.push(bytes);
      const all = { ...headers, "x-echo-sse": "10/20" };
      const answer = await ask({ port, framing: "h1 content-length", path, body, headers: all, onReceived });
      expect(answer.body.toString().match(/^data: /gm)).toHaveLength(11);
      expect(pieces.length).toBeGreaterThan(2);
    }),
  );

  test("an answer says its strategy and pod, where one was asked for", () =>
    withEnvoy({}, async (port) => {
      const routed = await send(port, { "routing-strategy": "random" });
      expect(routed.headers["target-pod-ip"]).toBe(echoOf(routed).pod);
      expect(routed.headers["routing-strategy"]).toBe("random");
      expect((await send(port, {})).headers["target-pod-ip"]).toBeUndefined();
    }));

  test("requests of a client's own model header, and for the list of models, are not picked for", () =>
    withEnvoy({}, async (port) => {
      const before = await picker.metric(PICKS);
      const seen = new Set<string>();
      for (let i = 0; i < 6; i++) seen.add(echoOf(await send(port, { model: "m" })).pod);
      const models = await fetch(`http://127.0.0.1:${port}/v1/models`);
      expect(((await models.json()) as { pod: string }).pod).toBe(pods.addresses[0]);
      expect([seen.size, (await picker.metric(PICKS)) - before]).toEqual([3, 0]);
    }));

  /** 503, as JSON that names the layer. */
  function expectNamed(answer: Answer, code: string): void {
    expect([answer.status, answer.headers["x-pointsman-error"]]).toEqual([503, code]);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { code, param: null } });
  }

  describe.each(kinds)("$kind", ({ headers }) => {
    const named = () => ({ ...headers, "target-pod": pods.addresses[0]! });

    test("says that nobody was asked where the policy was refused, and follows no client", () =>
      withEnvoy({ accepted: false }, async (port) => expectNamed(await send(port, named()), "picker_skipped")));

    test("says that nobody answered where the picker is gone, and follows no client", () =>
      withEnvoy({ picker: nobody }, async (port) => expectNamed(await send(port, named()), "picker_unreachable")));

    test("hides nothing that the picker says itself", () =>
      withEnvoy({}, async (port) => {
        const answer = await ask({ port, framing: "h1 chunked", path, body: Buffer.from("{bad"), headers });
        expect([answer.status, answer.headers["x-pointsman-error"]]).toEqual([400, "malformed_json"]);
      }));
  });

  test("of another release's filter, requests without a strategy are picked for; AIBrix's own patch misses it", () =>
    withEnvoy({ release: "mine" }, async (port) => {
      const echo = echoOf(await send(port, {}));
      expect(echo.headers["target-pod"]).toBe(echo.pod);
      expectNamed(await send(port, { "routing-strategy": "least-request" }), "picker_skipped");
    }));

  describe("bypassed, step by step", () => {
    let plugin: ExtProcServer;
    beforeAll(async () => {
      plugin = await startExtProcServer(() => {
        let hasStrategy = false;
        return (message) => {
          if (message.request_headers) {
            hasStrategy =
              message.request_headers.headers?.headers?.some(({ key }) => key === "routing-strategy") ?? false;
            return { request_headers: { response: { clear_route_cache: true } } };
          }
          // A strategy that takes the second pod, always; without one the model's own route, found anew.
          const [key, value] = hasStrategy ? ["target-pod", pods.addresses[1]!] : ["model", "m"];
          const header = { key, raw_value: Buffer.from(value) };
          const mutation = { set_headers: [{ header, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" }] };
          const response = { header_mutation: mutation, clear_route_cache: true };
          if (message.request_body) return { request_body: { response } };
          return message.response_headers ? { response_headers: {} } : { response_body: {} };
        };
      });
    });
    afterAll(() => plugin?.close());

    test.each([
      ["AIBrix's plugin again, our patches still there", true],
      ["our patches gone too", false],
    ])("%s: every request is served, and the picker hears nothing", (_what, patched) =>
      withEnvoy({ picker: plugin.address, patched }, async (port) => {
        const before = await picker.metric(PICKS);
        expect(echoOf(await send(port, { "routing-strategy": "random" })).pod).toBe(pods.addresses[1]);
        for (const headers of [{}, { model: "m" }]) {
          const seen = new Set<string>();
          for (let i = 0; i < 6; i++) seen.add(echoOf(await send(port, headers)).pod);
          expect(seen.size).toBe(3);
        }
        expect((await picker.metric(PICKS)) - before).toBe(0);
      }),
    );

    test("in the other order requests without a strategy would be sent to the picker itself", () =>
      withEnvoy({ patched: false }, async (port) => {
        expect((await send(port, { "routing-strategy": "random" })).status).toBe(200);
        expect((await send(port, {})).status).not.toBe(200);
      }));

    test("the page says the steps in this order", () => {
      const page = readFileSync(new URL("../../deploy/gateways/aibrix/README.md", import.meta.url), "utf8");
      const steps = page
        .split("## Bypass")[1]
        ?.match(/^kubectl .*$/gm)
        ?.map((line) => line.split(" ").slice(3, 5).join(" "));
      expect(steps).toEqual(["rollout undo", "rollout status", "delete envoypatchpolicy"]);
    });
  });
});
