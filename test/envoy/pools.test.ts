import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adminOn, listenOn, pickersAt, places, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type FakePod, startFakePod } from "../../src/engine-model/fake-pod.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const routes = [...places.hcm, "route_config", "virtual_hosts", "all", "routes"];

/** The first route of the shipped file once more, for paths under /large, with the pool in its metadata. */
function largeRoute(file: string): object {
  const walk = (node: unknown, key: string | number): unknown =>
    Array.isArray(node) && typeof key === "string"
      ? node.find((each: { name?: string }) => each.name === key)
      : (node as Record<string | number, unknown>)[key];
  const [first] = routes.reduce<unknown>(walk, renderEnvoyConfig(file, [])) as object[];
  return {
    ...first,
    match: { prefix: "/large" },
    metadata: { filter_metadata: { pointsman: { pool: "large" } } },
  };
}

const poolOf = (name: string, pod: FakePod) => ({ name, pods: { static: [pod.address] } });

/** JSON is YAML. */
function writeConfig(config: object): string {
  const path = join(mkdtempSync(join(tmpdir(), "pointsman-pools-")), "pools.yaml");
  writeFileSync(path, JSON.stringify(config));
  return path;
}

describe.skipIf(testEnvoy === undefined).each(["buffered.yaml", "duplex.yaml"])("two pools behind %s", (file) => {
  let small: FakePod;
  let large: FakePod;
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    [small, large] = await Promise.all([
      startFakePod({ name: "small-pod", model: "small-model", speed: 20 }),
      startFakePod({ name: "large-pod", model: "large-model", speed: 20 }),
    ]);
    const config = { pools: [poolOf("small", small), poolOf("large", large)] };
    picker = await startPicker([`--config-file=${writeConfig(config)}`]);
    const route = { op: "add", at: [...routes, 0], to: largeRoute(file) } as const;
    const edits = [listenOn(0), adminOn(0), pickersAt([picker.address]), route];
    envoy = await testEnvoy!.start({ config: renderEnvoyConfig(file, edits) });
    for (const pod of [small, large]) await picker.line((line) => line["pod"] === pod.address && "models" in line);
  });

  afterAll(async () => {
    await envoy?.stop();
    await picker?.kill();
    await Promise.all([small, large].map((pod) => pod?.stop()));
  });

  const url = (path: string) => `http://127.0.0.1:${envoy.ports.get("requests")}${path}`;

  async function ask(model: string, headers: Record<string, string> = {}, prefix = "") {
    const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }], max_tokens: 2 });
    const all = { "content-type": "application/json", ...headers };
    const response = await fetch(url(`${prefix}/v1/chat/completions`), { method: "POST", headers: all, body });
    const { error } = (await response.json()) as { error?: { code?: unknown; message: string } };
    return { status: response.status, pod: response.headers.get("x-fake-pod"), error };
  }

  test("a model decides the pool, a header beats the model, a route's metadata beats the header", async () => {
    expect(await ask("small-model")).toMatchObject({ status: 200, pod: "small-pod" });
    expect(await ask("large-model")).toMatchObject({ status: 200, pod: "large-pod" });
    const named = await ask("small-model", { "x-pointsman-pool": "large" });
    expect(named).toMatchObject({ status: 404, pod: null, error: { code: "model_not_found" } });
    expect(named.error?.message).toContain("Known: large-model.");
    const routed = await ask("large-model", { "x-pointsman-pool": "small" }, "/large");
    expect(routed.pod ?? routed.error).toBe("large-pod");
  });

  test("an unknown model gets a 404 that names the known ones, an unknown pool one that names the pools", async () => {
    const model = await ask("medium-model");
    expect([model.status, model.error?.code]).toEqual([404, "model_not_found"]);
    expect(model.error?.message).toContain("Known: small-model, large-model.");
    const pool = await ask("small-model", { "x-pointsman-pool": "medium" });
    expect([pool.status, pool.error?.code]).toEqual([404, "pool_unknown"]);
    expect(pool.error?.message).toContain("Known: small, large.");
  });

  test("GET /v1/models is the union of the pools, or of the one that is named", async () => {
    const list = async (headers = {}, prefix = "") => {
      const response = await fetch(url(`${prefix}/v1/models`), { headers });
      return ((await response.json()) as { data: { id: string }[] }).data.map(({ id }) => id);
    };
    expect(await list()).toEqual(["small-model", "large-model"]);
    expect(await list({ "x-pointsman-pool": "small" })).toEqual(["small-model"]);
    expect(await list({}, "/large")).toEqual(["large-model"]);
  });
});
