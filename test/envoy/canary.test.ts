/** The secrets of test/wire/canary.test.ts through a real Envoy, with the shipped config that traces. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adminOn, type Edit, listenOn, pickersAt, places, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { canaryCall, leaksIn, MODEL } from "../support/canary.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { ask } from "../support/http-framings.ts";
import { type OtlpCollector, startCollector } from "../support/otlp-collector.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { Random } from "../support/random.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const REQUESTS = 400;
const folder = mkdtempSync(join(tmpdir(), "canary-"));
const decisionFile = join(folder, "decisions.jsonl");

describe.skipIf(testEnvoy === undefined)("a secret prompt and a secret key behind Envoy", () => {
  let pods: EchoPods;
  let picker: PickerProcess;
  let envoy: RunningEnvoy;
  let collector: OtlpCollector;

  beforeAll(async () => {
    [pods, collector] = await Promise.all([startEchoPods(2), startCollector()]);
    const telling = [`--tracing-endpoint=http://127.0.0.1:${collector.grpcPort}`, "--tracing-protocol=grpc"];
    const flags = ["-v=5", "--metric-names=both", "--why-header", `--decision-log=${decisionFile}`, ...telling];
    picker = await startPicker([`--pods=${pods.addresses.join(",")}`, "--body-limit=64Ki", ...flags]);
    const at = ["static_resources", "clusters", "collector", "load_assignment", "endpoints", 0, "lb_endpoints"];
    const address = { socket_address: { address: "127.0.0.1", port_value: collector.grpcPort } };
    const edits: Edit[] = [
      ...[listenOn(0), adminOn(0), pickersAt([picker.address])],
      { op: "set", at, to: [{ endpoint: { address } }] },
      { op: "set", at: [...places.hcm, "tracing", "random_sampling", "value"], to: 100 },
    ];
    envoy = await testEnvoy!.start({ config: renderEnvoyConfig("tracing.yaml", edits) });
  });

  afterAll(async () => {
    await envoy?.stop();
    await picker?.kill();
    await pods?.close();
    await collector?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("come out in no log, metric, span, page or error, of Envoy's own spans included", async () => {
    const random = new Random(7);
    const port = envoy.ports.get("requests")!;
    /** Pods echo what they got; what others say is the picker's, or Envoy's. */
    const said = new Set<string>();
    const one = async () => {
      const call = canaryCall(() => random.next());
      const { status, headers, body } = await ask({ framing: "h1 content-length", port, ...call });
      const isEcho = status === 200;
      said.add(JSON.stringify([status, headers, isEcho ? "" : body.toString("latin1")]));
    };
    const loop = async () => {
      for (let i = 0; i < REQUESTS / 8; i++) await one();
    };
    await Promise.all(Array.from({ length: 8 }, loop));
    await collector.received(REQUESTS, ({ service }) => service === "pointsman");
    await collector.received(REQUESTS, ({ service, name }) => service === "envoy" && name === "ingress");
    const page = async (path: string) => (await fetch(`http://${picker.adminAddress}${path}`)).text();
    const surfaces = {
      log: JSON.stringify(picker.log),
      metrics: await picker.page(),
      spans: Buffer.concat(collector.raw).toString("latin1"),
      answers: [...said].join("\n"),
      decisions: await page("/debug/decisions"),
      status: await page("/debug/status"),
      "decision log": readFileSync(decisionFile, "utf8"),
    };
    expect(leaksIn(surfaces)).toEqual([]);
    for (const name of ["log", "metrics", "spans", "decisions", "decision log"] as const) {
      expect([name, surfaces[name].includes(MODEL)]).toEqual([name, true]);
    }
    expect(surfaces.answers).toMatch(/malformed_json/);
  });
});
