/**
 * OpenShift's Istio lost the bodies of requests to a pool, and an EnvoyFilter to BUFFERED cured it: one and the same
 * picker loses no byte before the filter, behind it, and while it is put in and taken out.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type FakePod, startFakePod } from "../../src/engine-model/fake-pod.ts";
import { allSizes, describeCells } from "../envoy/body-mode-cells.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, sha256, startEchoPods } from "../support/echo-backend.ts";
import { applyPatches, patchesOf, withFilterOption, withMode } from "../support/envoy-filter.ts";
import { ask, echoOf, type Framing, framings, hasTrailers } from "../support/http-framings.ts";
import { type IstioGateway, istioGateway, together, withPushedRoutes } from "../support/istio-gateway.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const path = "/v1/chat/completions";
const body = chatOfSize(89);
const withTrailers = framings.filter(hasTrailers);
const withoutTrailers = framings.filter((framing) => !hasTrailers(framing));

type Surroundings = Pick<IstioGateway, "pods" | "picker">;
type Shape = Omit<IstioGateway, keyof Surroundings>;
const gateway = (around: Surroundings, shape: Shape, ...files: readonly string[]): EnvoyConfig =>
  applyPatches(istioGateway({ ...around, ...shape }), files.flatMap(patchesOf));

type Make = (around: Surroundings, retries?: boolean) => EnvoyConfig;

/** What istiod has a gateway do, then what an EnvoyFilter makes of it: the first of those is the cure, and the one we ship. */
const duplex27: Make = (around, retries) => gateway(around, { pools: "1.27", retries });
const duplex28: Make = (around, retries) => gateway(around, { pools: "1.28", retries });
const buffered: Make = (around, retries) => gateway(around, { pools: "1.27", retries }, "istio/buffered.yaml");
const partial: Make = (...how) => withMode(buffered(...how), { request_body_mode: "BUFFERED_PARTIAL" });
const replaced: Make = (around, retries) => gateway(around, { pools: "1.27", retries }, "istio/replace-filter.yaml");
const sentEarly: Make = (...how) =>
  withFilterOption(withMode(replaced(...how), { request_body_mode: "STREAMED", response_body_mode: "NONE" }), {
    send_body_without_waiting_for_header_response: true,
  });
const without = (make: Make) => (around: Surroundings) => make(around, false);

/** Which requests stay whole, of each gateway. Istio's routes retry unless told. */
const gateways: Readonly<Record<string, { make: Make; whole: readonly Framing[] }>> = {
  "buffered.yaml": { make: buffered, whole: framings },
  "duplex as of 1.27": { make: duplex27, whole: withoutTrailers },
  "duplex as of 1.28": { make: duplex28, whole: withoutTrailers },
  "partially buffered": { make: partial, whole: withoutTrailers },
  "streamed, sent early": { make: sentEarly, whole: withoutTrailers },
  "duplex as of 1.28, no retries": { make: without(duplex28), whole: withTrailers },
  "partially buffered, no retries": { make: without(partial), whole: withTrailers },
  "streamed, sent early, no retries": { make: without(sentEarly), whole: withTrailers },
};
const allGateways = (around: Surroundings): EnvoyConfig =>
  together(Object.fromEntries(Object.entries(gateways).map(([name, { make }]) => [name, make(around)])));

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version} as OpenShift's gateway`, () => {
  let pods: EchoPods;
  let picker: PickerProcess;
  let envoy: RunningEnvoy;
  const around = () => ({ pods: pods.addresses, picker: picker.address });

  beforeAll(async () => {
    pods = await startEchoPods(3);
    picker = await startPicker(["--pods", pods.addresses.join(",")]);
    envoy = await testEnvoy!.start({ config: allGateways(around()) });
  });

  afterAll(async () => {
    await envoy?.stop();
    await picker?.kill();
    await pods?.close();
  });

  describe("every byte of a body arrives, asked by one picker:", () => {
    const running = () => ({ pods: pods.addresses, ports: envoy.ports });
    for (const [name, { whole }] of Object.entries(gateways)) {
      describeCells([{ name, watching: false }], allSizes, running, whole);
    }

    test("and no stream of all these failed", async () => {
      const stats = await envoy.admin("/stats?filter=ext_proc.*(streams_failed|spurious|timeouts|failure_mode)");
      expect(stats.split("\n").filter((line) => line !== "" && !line.endsWith(": 0"))).toEqual([]);
      await picker.metricBecomes("pointsman_streams_open", 0);
    });
  });

  describe.each(withTrailers)("known faults, with a request as %s:", (framing) => {
    const timesAt = async (name: string) => {
      const answer = await ask({ port: envoy.ports.get(name)!, framing, path, body });
      return echoOf(answer).bytes / body.length;
    };

    test("istiod 1.27 does not ask for trailers, and Envoy drops the body", async () => {
      expect(await timesAt("duplex as of 1.27")).toBe(0);
    });

    test.each(["duplex as of 1.28", "streamed, sent early"])(
      "Envoy sends the body twice where the route retries and the mode is not BUFFERED: %s",
      async (name) => {
        expect(await timesAt(name)).toBe(2);
      },
    );
  });

  test("the filter is put in and taken out under way: each stream is answered in its own mode, whole", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "pointsman-routes-")), "routes.json");
    const before = duplex27(around());
    const after = buffered(around());
    const { config, push } = withPushedRoutes(before, file);
    const changing = await testEnvoy!.start({ config });
    try {
      const port = changing.ports.get("requests")!;
      const picks = () => picker.metric("pointsman_picks_total", { reason: "scored" });
      const picksBefore = await picks();
      let arrived = 0;
      const askOnce = async () => {
        const framing = withoutTrailers[arrived++ % withoutTrailers.length]!;
        const echo = echoOf(await ask({ port, framing, path, body }));
        expect([echo.bytes, echo.sha256]).toEqual([body.length, sha256(body)]);
      };
      // Trailers tell the modes apart: only BUFFERED keeps the body of what has some.
      const isBuffered = async () => {
        const { bytes } = echoOf(await ask({ port, framing: "h1 chunked + trailers", path, body }));
        if (bytes > 0) arrived++;
        return bytes === body.length;
      };
      for (const [next, wanted] of [
        [after, true],
        [before, false],
        [after, true],
      ] as const) {
        expect(await isBuffered()).toBe(!wanted);
        push(next);
        while ((await isBuffered()) !== wanted) await Promise.all([askOnce(), askOnce(), askOnce()]);
        await askOnce();
      }
      expect((await picks()) - picksBefore).toBe(arrived);
    } finally {
      await changing.stop();
    }
  });
});

describe.skipIf(testEnvoy === undefined)("a model's name", () => {
  let models: FakePod[];
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    models = await Promise.all(["granite", "llama"].map((model) => startFakePod({ name: model, model, speed: 20 })));
    const pods = models.map(({ address }) => address);
    picker = await startPicker([`--pods=${pods.join(",")}`]);
    const around = { pods, picker: picker.address };
    // They want the answer before the body: there a header is all that can name the model.
    const unseen = (request_body_mode: string) => withMode(buffered(around), { request_body_mode });
    const listeners = { none: unseen("NONE"), streamed: unseen("STREAMED") };
    const both = together({ before: duplex28(around), after: buffered(around), ...listeners });
    envoy = await testEnvoy!.start({ config: both });
    for (const pod of pods) await picker.line((line) => line["pod"] === pod && "models" in line);
  });

  afterAll(async () => {
    await envoy?.stop();
    await picker?.kill();
    await Promise.all((models ?? []).map((pod) => pod.stop()));
  });

  async function askFor(name: string, model: string, headers: Record<string, string> = {}) {
    const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }], max_tokens: 2 });
    const all = { "content-type": "application/json", ...headers };
    const url = `http://127.0.0.1:${envoy.ports.get(name)}${path}`;
    const response = await fetch(url, { method: "POST", headers: all, body });
    const { error } = (await response.json()) as { error?: { code: string; message: string } };
    return { status: response.status, pod: response.headers.get("x-fake-pod"), error };
  }

  test.each(["before", "after"])("that nobody serves is answered 404 with the names that are: %s", async (name) => {
    const { status, error, pod } = await askFor(name, "granite-in-kubernetes");
    expect([status, pod, error?.code]).toEqual([404, null, "model_not_found"]);
    expect(error?.message).toMatch(/Known: (granite, llama|llama, granite)\./);
    expect((await askFor(name, "llama")).pod).toBe("llama");
  });

  test.each(["streamed", "none"])("is read from a header where the body comes too late: %s", async (name) => {
    const picks = () => Promise.all([0, 1, 2, 3].map(() => askFor(name, "llama", { model: "llama" })));
    expect((await picks()).map(({ pod }) => pod)).toEqual(["llama", "llama", "llama", "llama"]);
    const { status, error } = await askFor(name, "llama", { model: "granite-in-kubernetes" });
    expect([status, error?.code]).toEqual([404, "model_not_found"]);
  });
});
