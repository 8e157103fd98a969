/** Faults of the control plane that show in Envoy: updates that it refused for real, and routes that answer 500. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  adminOn,
  type EnvoyConfig,
  listenOn,
  pickersAt,
  places,
  renderEnvoyConfig,
} from "../../src/demo/envoy-config.ts";
import type { Source } from "../../src/doctor/diagnose.ts";
import { edits, routes } from "../support/doctor-faults.ts";
import { examined, hasEnvoy, only, startDoctorRig, without } from "../support/doctor-rig.ts";

function fixture(name: string): Source {
  const text = readFileSync(new URL(`../fixtures/doctor/accepted/${name}`, import.meta.url), "utf8");
  return { name, text };
}

describe.skipIf(!(await hasEnvoy()))("with a real Envoy", () => {
  test("row 22: Envoy refuses a listener with duplex bodies and no trailers, and says so in three places", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pointsman-lds-"));
    const path = join(folder, "lds.json");
    const noTrailers = { op: "remove", at: [...places.extProc, "processing_mode", "request_trailer_mode"] } as const;
    const bad = renderEnvoyConfig("duplex.yaml", [listenOn(0), noTrailers]);
    const { listeners } = bad["static_resources"] as { listeners: object[] };
    const listener = {
      "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
      ...listeners[0],
      name: "more",
    };
    writeFileSync(path, JSON.stringify({ version_info: "1", resources: [listener] }));
    const config: EnvoyConfig = {
      ...renderEnvoyConfig("round-robin.yaml", [listenOn(0), adminOn(0)]),
      node: { id: "gateway", cluster: "gateways" },
      dynamic_resources: { lds_config: { path_config_source: { path } } },
    };
    const rig = await startDoctorRig({ config });
    const seen = await rig.examine();
    const log = { name: "envoy.log", text: rig.envoy.log.join("\n") };
    await rig.stop();
    rmSync(folder, { recursive: true });
    expect([seen.row, seen.also, seen.risks], seen.report).toEqual([22, [], []]);
    expect(seen.verdict.first?.says).toContain("Envoy refused listener more (If the ext_proc filter has");
    expect(seen.verdict.first?.evidence[0].text).toMatch(/error_state\.details: .*request_trailer_mode/);
    const { sources } = seen;
    expect(examined([log]).row).toBe(22);
    // A counter may tell of what was mended since.
    const counted = examined(only(sources, "stats.txt"));
    expect([counted.row, counted.risks], counted.report).toEqual([undefined, [22]]);
  });

  describe("row 4: a route that answers 500 in place of its backend", () => {
    const ask = async (...more: readonly Source[]) => {
      const rig = await startDoctorRig({
        edits: [
          { op: "remove", at: [...routes, 0, "route"] },
          { op: "add", at: [...routes, 0, "direct_response"], to: { status: 500 } },
          { op: "add", at: [...routes, 0, "name"], to: "httproute/default/llm/rule/0/match/0/*" },
          { op: "remove", at: [...places.hcm, "http_filters", "envoy.filters.http.ext_proc"] },
        ],
      });
      expect(await rig.askTimes(2)).toEqual([500, 500]);
      const seen = await rig.examine(more);
      await rig.stop();
      return seen;
    };

    test("with the policy that is behind it", async () => {
      const seen = await ask(fixture("refused-policy.yaml"), fixture("envoy-gateway.log"));
      const sources = without(seen.sources, "refused-policy.yaml", "envoy-gateway.log");
      expect([seen.row, seen.also, seen.risks], seen.report).toEqual([4, [], []]);
      expect(seen.verdict.first?.evidence.map(({ text }) => text).join("\n")).toMatch(
        /direct_response"[\s\S]*direct_response: \{"status":500/,
      );
      expect(seen.report).toContain(
        "Do what the condition's message says: EnvoyExtensionPolicy default/picker has Accepted=False: ExtProc: backend ref",
      );
      expect(seen.verdict.first?.because?.map(({ says }) => says)).toHaveLength(2);
      expect(examined(only(sources, "access.log")).row).toBe(4);
      expect(examined(without(sources, "access.log")).row).toBe(4);
    });

    test("an answer of 500 that comes of a pod is none", () => {
      const line = { method: "POST", response_code: 500, response_flags: "-", response_code_details: "via_upstream" };
      const answered = { name: "access.log", text: JSON.stringify(line) };
      expect(examined([answered]).row).toBeUndefined();
    });
  });

  test("what no request fails of is a risk beside a link that they do fail of: a refused listener of before, an object undone", async () => {
    const rig = await startDoctorRig({ edits: [pickersAt(["127.0.0.1:1"]), edits.noHealthChecks] });
    await rig.askTimes(2);
    const seen = await rig.examine([fixture("fail-open-refused.log"), fixture("reverted.yaml")]);
    await rig.stop();
    expect([seen.row, seen.also, seen.risks], seen.report).toEqual([12, [], [41, 45]]);
  });
});

test("row 45: Envoy 1.35.0 refuses what fails open and has duplex bodies", () => {
  const server = {
    name: "server_info.json",
    text: '{"version":"ab/1.35.0/Clean/RELEASE","command_line_options":{}}',
  };
  const seen = examined([fixture("fail-open-refused.log"), server]);
  expect([seen.row, seen.also], seen.report).toEqual([45, []]);
  expect(seen.verdict.first?.says).toBe(
    "Envoy 1.35.0 refused an update, for its filter fails open and has duplex bodies",
  );
});
