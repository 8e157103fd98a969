import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Edit, pickersAt, places } from "../../src/demo/envoy-config.ts";
import type { Source } from "../../src/doctor/diagnose.ts";
import type { ProcessingResponse } from "../../src/ext-proc/messages.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { startBlockedPort } from "../support/deaf-port.ts";
import { edits, produce, routes } from "../support/doctor-faults.ts";
import { examined, hasEnvoy, startDoctorRig } from "../support/doctor-rig.ts";
import { scripted } from "../support/doctor-scripts.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { startPicker } from "../support/picker-process.ts";
import { goOn, type Script, startScriptedPicker } from "../support/scripted-picker.ts";
import { type StrictPod, startStrictPod } from "../support/strict-pods.ts";

const HEADER = "x-gateway-destination-endpoint";
const NOBODY = "127.0.0.1:1";
const { noHealthChecks } = edits;

function to(address: () => string): Script {
  return (message) => goOn(message, { [HEADER]: address() });
}

function immediately(code: number, details?: string): Script {
  const immediate_response = { status: { code }, body: Buffer.from("no"), ...(details !== undefined && { details }) };
  return () => ({ answer: { immediate_response } as ProcessingResponse });
}

describe.skipIf(!(await hasEnvoy()))("behind the pick", () => {
  let pods: EchoPods;
  let strict: StrictPod;

  beforeAll(async () => {
    pods = await startEchoPods(2);
    strict = await startStrictPod({ model: "qwen2.5" });
  });

  afterAll(async () => {
    strict?.close();
    await pods?.close();
  });

  const toStrict = to(() => strict.address);

  describe("row 7: the pod that was picked", () => {
    const gone = { row: 7, status: 503, byLines: 7, byCounters: 7 };
    const pod = (ip: string) => `
apiVersion: v1
kind: Pod
metadata: { name: vllm-0, namespace: default }
status: { podIP: ${ip}, conditions: [{ type: Ready, status: "False", message: "containers with unready status" }] }`;

    test("refuses the connection", async () => {
      const more = () => [{ name: "pods.yaml", text: pod("127.0.0.1") }];
      const seen = await scripted(
        to(() => NOBODY),
        { ...gone, more, proof: /Connection_refused[\s\S]*upstream_cx_connect_fail: 3/ },
      );
      expect(seen.verdict.first?.says).toContain(
        "3 of 3 requests came to nothing at 127.0.0.1:1: the connection was refused",
      );
      expect(seen.verdict.first?.because?.[0]?.says).toBe("Pod default/vllm-0 is not ready.");
    });

    test("is no pod any more", async () => {
      const more = () => [{ name: "pods.yaml", text: pod("10.0.0.9") }];
      const seen = await scripted(
        to(() => NOBODY),
        { ...gone, more, proof: /none with the address/ },
      );
      expect(seen.report).toContain(
        "kubectl get pods -A -o wide --field-selector status.podIP=127.0.0.1: is it there, Ready, and listening at 1?",
      );
    });

    test("is not heard of", async () => {
      const deaf = await startBlockedPort();
      const quick: Edit = { op: "set", at: [...places.pods, "connect_timeout"], to: "0.2s" };
      const seen = await scripted(
        to(() => deaf.address),
        { ...gone, edits: [quick], times: 2, proof: /upstream_cx_connect_fail: 2/ },
      );
      deaf.close();
      expect(seen.verdict.first?.says).toContain("there was no connection in time");
    });

    test("was gone for a while, twenty requests ago: a risk", async () => {
      let asked = 0;
      const picker = await startScriptedPicker((message) =>
        to(() => (asked++ < 2 ? NOBODY : pods.addresses[0]!))(message),
      );
      const rig = await startDoctorRig({ edits: [pickersAt([picker.address]), noHealthChecks] });
      await rig.askTimes(24);
      const seen = await rig.examine();
      await rig.stop();
      picker.close();
      expect([seen.row, seen.risks], seen.report).toEqual([undefined, [7]]);
    });
  });

  describe("row 30: the model", () => {
    const unknown = { row: 30, status: 404, byLines: 30, byCounters: undefined };
    const answer = (): Source => ({ name: "answer.json", text: strict.errors.at(-1) ?? "" });

    test("is served under another name: the pod's own words name the one, its flags the other", async () => {
      const flags = '["--model", "Qwen/Qwen2.5-0.5B", "--served-model-name", "qwen2.5", "--port", "8000"]';
      const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: vllm, namespace: default }
spec: { template: { spec: { containers: [{ name: vllm, args: ${flags} }] } } }`;
      const more = () => [answer(), { name: "deployment.yaml", text: deployment }];
      const seen = await scripted(toStrict, { ...unknown, more, proof: /via_upstream[\s\S]*model `m` does not exist/ });
      expect(seen.verdict.first?.says).toBe("m is not what the pods serve (qwen2.5): the pod answers 404");
      expect(seen.report).toContain("Ask for one of: qwen2.5; or start vLLM with --served-model-name m;");
      expect(examined([answer()]).row).toBe(30);
    });

    test("is refused by the picker, which knows what the pods serve", async () => {
      const picker = await startPicker(["--pods", strict.address, "--unknown-model", "refuse"]);
      await picker.metricBecomesAtLeast("pointsman_scrapes_total", 1);
      const rig = await startDoctorRig({ edits: [pickersAt([picker.address])] });
      while ((await rig.ask()).status !== 404);
      expect(await rig.askTimes(3)).toEqual([404, 404, 404]);
      const seen = await rig.examine([{ name: "picker-metrics.txt", text: await picker.page() }]);
      await Promise.all([rig.stop(), picker.kill()]);
      expect([seen.row, seen.also], seen.report).toEqual([30, []]);
      expect(seen.verdict.first?.says).toContain("the picker answers 404");
    });

    test("that one client in many gets wrong is its own affair", async () => {
      const picker = await startScriptedPicker(toStrict);
      const rig = await startDoctorRig({ edits: [pickersAt([picker.address]), noHealthChecks] });
      const right = Buffer.from(chatOfSize(89).toString().replace('"m"', '"qwen2.5"'));
      expect(await rig.askTimes(3, { body: right })).toEqual([200, 200, 200]);
      expect(await rig.askTimes(1)).toEqual([404]);
      const seen = await rig.examine();
      await rig.stop();
      picker.close();
      expect([seen.row, seen.risks], seen.report).toEqual([undefined, []]);
    });
  });

  describe("row 31: 429 of the picker", () => {
    const shed = { row: 31, status: 429, byLines: 31, byCounters: undefined };

    test("whose pods are at their limit, in the words of pointsman", async () => {
      const folder = mkdtempSync(join(tmpdir(), "pointsman-full-"));
      const file = join(folder, "picker.json");
      const filters = [{ use: "saturation", waitingLimit: 0, fallbackOnEmpty: false }];
      const full = { scorers: [{ use: "prefix-cache" }], filters };
      const pools = [{ name: "full", pods: { static: [pods.addresses[0]] }, profile: "full" }];
      writeFileSync(file, JSON.stringify({ pools, profiles: { full } }));
      const picker = await startPicker(["--config-file", file]);
      await picker.metricBecomesAtLeast("pointsman_scrapes_total", 1);
      const more = async () => [{ name: "picker-metrics.txt", text: await picker.page() }];
      const edits = [pickersAt([picker.address]), noHealthChecks];
      const seen = await produce({ ...shed, edits, more, proof: /pointsman_saturated[\s\S]*code="saturated"\} 3/ });
      await picker.kill();
      rmSync(folder, { recursive: true });
      expect(seen.verdict.first?.says).toBe("the picker refused 3 of 3 requests with 429 (pointsman_saturated)");
    });

    test("that has too many requests open itself", async () => {
      const words = "pointsman_overloaded";
      const seen = await scripted(immediately(503, words), { ...shed, status: 503, proof: /pointsman_overloaded/ });
      expect(seen.verdict.first?.says).toContain("requests with 503 (pointsman_overloaded)");
    });

    test("of a picker that says nothing", async () => {
      await scripted(immediately(429), { ...shed, proof: /"response_code":429/ });
    });

    test("of a pod is none", () => {
      const line = { method: "POST", response_code: 429, response_flags: "-", response_code_details: "via_upstream" };
      const text = JSON.stringify({ ...line, upstream_host: "10.0.0.1:8000" });
      expect(examined([{ name: "access.log", text }]).row).toBeUndefined();
    });
  });

  describe("row 53: a path with a prefix", () => {
    const question = { path: "/team/llama/v1/chat/completions" };
    const prefixed = { row: 53, status: 404, byLines: 53, byCounters: undefined, question };

    test("that the picker does not know, though the route takes it away", async () => {
      const rewrite: Edit = { op: "add", at: [...routes, 0, "route", "prefix_rewrite"], to: "/v1/" };
      const match: Edit = { op: "set", at: [...routes, 0, "match"], to: { prefix: "/team/llama/v1/" } };
      const seen = await scripted(immediately(404), { ...prefixed, edits: [rewrite, match], proof: /\/team\/llama/ });
      expect(seen.verdict.first?.says).toBe(
        "the picker answers 404 to /team/llama/v1/chat/completions: it knows /v1/chat/completions, and /team/llama stands before it",
      );
    });

    test("that reaches the pod, for no route takes it away", async () => {
      const seen = await scripted(toStrict, { ...prefixed, proof: /via_upstream/ });
      expect(seen.verdict.first?.says).toContain("the pod answers 404 to /team/llama/v1/chat/completions");
    });
  });
});
