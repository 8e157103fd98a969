/**
 * Prompts as long as the picker takes them, with the limits of failover.yaml: both attempts are made of the whole body, and
 * Envoy survives a backend that takes its time to connect. Without these limits it does not.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Edit } from "../../src/demo/envoy-config.ts";
import { type BackendsRig, chatBody, failoverPlaces, startBackendsRig } from "../support/backends-rig.ts";
import { type DeafPort, startBlockedPort } from "../support/deaf-port.ts";
import { findTestEnvoy, type TestEnvoy } from "../support/test-envoy.ts";
import { answers } from "../support/wired-backend.ts";

const MIB = 1024 * 1024;
const envoys = (await Promise.all(["1.37.0", "1.38.3", undefined].map(findTestEnvoy))).filter(
  (envoy): envoy is TestEnvoy => envoy !== undefined,
);

/** A chat of exactly so many bytes. */
function chatOf(bytes: number): Buffer {
  const empty = chatBody({ messages: [{ role: "user", content: "" }] });
  return chatBody({ messages: [{ role: "user", content: "x".repeat(bytes - empty.length) }] });
}

const most = chatOf(32 * MIB);
const tooMany = chatOf(32 * MIB + 1);

describe.each(envoys)("Envoy $version", ({ version }) => {
  let rig: BackendsRig;

  beforeAll(async () => {
    rig = await startBackendsRig({ version });
  });

  afterAll(() => rig?.stop());

  beforeEach(() => {
    rig.primary.forget();
    rig.fallback.forget();
  });

  test.each(["h1 content-length", "h1 chunked", "h2 content-length", "h2 no length"] as const)(
    "takes 32 MiB as %s and makes both attempts of them, and the picker refuses more",
    async (framing) => {
      rig.does("primary", answers(500));
      expect((await rig.ask({ framing, body: most })).status).toBe(200);
      for (const [backend, model] of [
        [rig.primary, "model-of-primary"],
        [rig.fallback, "model-of-fallback"],
      ] as const) {
        const { body } = backend.only;
        expect(body.length - most.length).toBe(model.length - "chat".length);
        expect(body.subarray(0, 40).toString()).toContain(`{"model":"${model}"`);
      }
      const refused = await rig.ask({ framing, body: tooMany });
      expect([refused.status, JSON.parse(refused.body.toString()).error.code]).toEqual([413, "body_too_large"]);
    },
  );
});

describe.skipIf(envoys.length === 0)("a primary that cannot be connected to, and a long prompt", () => {
  let blocked: DeafPort;

  beforeAll(async () => {
    blocked = await startBlockedPort();
  });

  afterAll(() => blocked?.close());

  test("end in the fallback", async () => {
    const rig = await startBackendsRig({ at: { primary: blocked.address } });
    expect((await rig.ask({ body: most })).status).toBe(200);
    expect(rig.fallback.only.body.length).toBeGreaterThan(32 * MIB);
    // As many at once as wait for room between Envoy and the picker.
    const many = await Promise.all(Array.from({ length: 8 }, () => rig.ask({ body: chatOf(4 * MIB) })));
    expect(new Set(many.map(({ status }) => status))).toEqual(new Set([200]));
    await rig.stop();
  });

  test("end Envoy where the picker's cluster has Envoy's own limits", async () => {
    const picker = [...failoverPlaces.picker, "typed_extension_protocol_options"];
    const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    const window = [...picker, options, "explicit_http_config", "http2_protocol_options", "initial_stream_window_size"];
    const edits: Edit[] = [
      { op: "remove", at: window },
      { op: "set", at: [...failoverPlaces.cluster, "connect_timeout"], to: "20s" },
    ];
    const rig = await startBackendsRig({ at: { primary: blocked.address }, edits });
    await expect(rig.ask({ body: most })).rejects.toThrow();
    await expect(rig.ask()).rejects.toThrow(/ECONN/);
    await rig.stop();
  });
});
