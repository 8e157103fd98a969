/** What the shipped EnvoyPatchPolicy makes of Envoy Gateway's routes: the picked pod or none, and the layer that failed is named. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { type Answer, ask, echoOf, type Framing, framings } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import {
  extProcFilter,
  grpcCluster,
  nobody,
  poolGateway,
  removedEarly,
  serviceCluster,
  withFilter,
} from "../support/pool-gateway.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const body = chatOfSize(89);
const destination = "x-gateway-destination-endpoint";
const filterName = "envoy.filters.http.ext_proc/envoyextensionpolicy/default/pointsman/extproc/0";

interface Patch {
  readonly operation: { readonly jsonPath?: string; readonly path?: string; readonly value: unknown };
}
const text = readFileSync(new URL("../../deploy/gateways/envoy-gateway/original-dst.yaml", import.meta.url), "utf8");
const patches = parseAllDocuments(text).flatMap(
  (document) => (document.toJS() as { spec: { jsonPatches: readonly Patch[] } }).spec.jsonPatches,
);
function written(isWanted: (operation: Patch["operation"]) => boolean): unknown {
  const found = patches.map(({ operation }) => operation).find(isWanted);
  if (found === undefined) throw new Error("original-dst.yaml lacks a patch");
  return found.value;
}

interface Shape {
  readonly picker: string;
  /** Is the EnvoyPatchPolicy there? */
  readonly patched?: boolean;
  /** Is the EnvoyExtensionPolicy? */
  readonly filtered?: boolean;
}

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version} as Envoy Gateway's, patched`, () => {
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

  /** The filter as the policy of override.yaml makes it, with `failOpen: false` as the file asks for. */
  function configOf({ picker: address, patched = true, filtered = true }: Shape) {
    const modes = { request_header_mode: "SEND", request_body_mode: "BUFFERED", response_header_mode: "SEND" };
    const filter = { name: filterName, cluster: "picker", mode: modes, disabled: true, message_timeout: "10s" };
    const cluster = patched ? written(({ jsonPath = "" }) => jsonPath.includes("'vllm'")) : "service";
    const own = written(({ path, jsonPath }) => path === "" && jsonPath === undefined) as object;
    return poolGateway({
      removed: removedEarly("envoy-gateway/route.yaml"),
      filters: filtered ? [extProcFilter(filter)] : [],
      routes: [
        {
          match: { prefix: "/" },
          route: { cluster, timeout: "0s" },
          ...(filtered ? { typed_per_filter_config: withFilter(filterName) } : {}),
        },
      ],
      clusters: [
        ...(patched ? [own] : []),
        serviceCluster("service", pods.addresses),
        grpcCluster("picker", address, "h2c"),
      ],
      manager: patched ? { local_reply_config: written(({ path }) => path === "/local_reply_config") } : {},
    });
  }

  async function withEnvoy(shape: Partial<Shape>, run: (port: number) => Promise<void>): Promise<void> {
    const envoy = await testEnvoy!.start({ config: configOf({ picker: picker.address, ...shape }) });
    try {
      await run(envoy.ports.get("requests")!);
    } finally {
      await envoy.stop();
    }
  }

  const send = (port: number, framing: Framing = "h1 content-length", what = body): Promise<Answer> =>
    ask({ port, framing, path: "/v1/chat/completions", body: what, headers: { [destination]: pods.addresses[0]! } });

  function expectNamed(answer: Answer, code: string): void {
    expect([answer.status, answer.headers["x-pointsman-error"]]).toEqual([503, code]);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { code, param: null } });
  }

  async function expectTurns(port: number): Promise<void> {
    const seen = new Set<string>();
    for (let i = 0; i < 6; i++) seen.add(echoOf(await send(port)).pod);
    expect(seen.size).toBe(3);
  }

  test("every framing goes to the picked pod, whatever its client names", () =>
    withEnvoy({}, async (port) => {
      const before = await picker.metric("pointsman_picks_total", { reason: "scored" });
      for (const framing of framings) {
        const echo = echoOf(await send(port, framing));
        expect([echo.headers[destination], echo.bytes]).toEqual([echo.pod, body.length]);
      }
      expect((await picker.metric("pointsman_picks_total", { reason: "scored" })) - before).toBe(framings.length);
    }));

  test("the picker's own refusal passes as it is", () =>
    withEnvoy({}, async (port) => {
      const { status, headers } = await send(port, "h1 chunked", Buffer.from("{bad"));
      expect([status, headers["x-pointsman-error"]]).toEqual([400, "malformed_json"]);
    }));

  test("a picker that is gone is an error that says so, from no pod", () =>
    withEnvoy({ picker: nobody }, async (port) => expectNamed(await send(port), "picker_unreachable")));

  describe("bypassed", () => {
    test("with the EnvoyPatchPolicy gone the pods take turns, the picker asked or not", async () => {
      await withEnvoy({ patched: false }, expectTurns);
      await withEnvoy({ patched: false, filtered: false, picker: nobody }, expectTurns);
    });

    test("in the wrong order requests fail, and say that nobody was asked", () =>
      withEnvoy({ filtered: false }, async (port) => expectNamed(await send(port), "picker_skipped")));
  });
});
