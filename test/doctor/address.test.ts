/** Faults of the address: none, none that is one, or none where the cluster looks. Each is made for real. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Edit, pickersAt, places, podsAt } from "../../src/demo/envoy-config.ts";
import { diagnose, evidenceOf } from "../../src/doctor/diagnose.ts";
import type { ProcessingResponse } from "../../src/ext-proc/messages.ts";
import { edits, produce, requestBodies, routes } from "../support/doctor-faults.ts";
import { examined, hasEnvoy, only, startDoctorRig } from "../support/doctor-rig.ts";
import { scripted, seenWith } from "../support/doctor-scripts.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { startPicker } from "../support/picker-process.ts";
import { goOn, type Script, startScriptedPicker, withMetadata } from "../support/scripted-picker.ts";
import { startStrictPod } from "../support/strict-pods.ts";

const HEADER = "x-gateway-destination-endpoint";
const { failsOpen, noHealthChecks } = edits;
describe.skipIf(!(await hasEnvoy()))("the address", () => {
  let pods: EchoPods;

  beforeAll(async () => {
    pods = await startEchoPods(2);
  });

  afterAll(() => pods?.close());

  const fine: Script = (message) => goOn(message, { [HEADER]: pods.addresses[0]! });

  describe("row 5: the picker answers, and names no address of one pod", () => {
    const unusable = { row: 5, status: 503, byLines: undefined, byCounters: 5 };

    test("none at all", async () => {
      const seen = await scripted((message) => goOn(message), { ...unusable, proof: /"UH"[\s\S]*none_healthy: 3/ });
      expect(seen.verdict.first?.says).toBe(
        `the picker answered, and cluster pods found no address in header ${HEADER}`,
      );
    });

    test.each([
      { of: "no address", value: () => "vllm-0.default.svc" },
      { of: "several", value: () => pods.addresses.join(",") },
    ])("one that is $of", async ({ value }) => {
      const script: Script = (message) => goOn(message, { [HEADER]: value() });
      const seen = await scripted(script, { ...unusable, proof: /original_dst_host_invalid: 3/ });
      expect(seen.report).toContain(`One ip:port in header ${HEADER}`);
    });

    test("by the line alone where the cluster's name says what it is: the body was taken in", async () => {
      const name = "original_destination_cluster";
      const named: Edit[] = [
        { op: "set", at: [...places.pods, "name"], to: name },
        { op: "set", at: [...routes, 0, "route", "cluster"], to: name },
      ];
      await scripted((message) => goOn(message), { ...unusable, byLines: 5, edits: named, proof: /none_healthy: 3/ });
    });
  });

  describe("row 34: a header that Envoy does not let in", () => {
    const rules = (regex: string): Edit => ({
      op: "add",
      at: [...places.extProc, "mutation_rules"],
      to: { disallow_expression: { regex } },
    });

    test("the address itself, so that requests have none", async () => {
      const refused = { row: 34, status: 503, byLines: undefined, byCounters: 34 };
      const proof = /rejected_header_mutations: [1-9][\s\S]*mutation_rules: .*x-gateway/;
      await scripted(fine, { ...refused, edits: [rules("x-gateway-.*")], proof });
    });

    test("another one is a risk: requests are served", async () => {
      const script: Script = (message) => goOn(message, { [HEADER]: pods.addresses[0]!, "x-note": "1" });
      const seen = await seenWith(script, { edits: [rules("x-note")] });
      expect([seen.row, seen.risks], seen.report).toEqual([undefined, [34]]);
      expect(examined(only(seen.sources, "stats.txt")).risks).toEqual([34]);
    });
  });

  describe("row 34 is not to be told", () => {
    /** What the pod got of a header that the picker set beside the address. */
    async function arrived(script: Script, mode: string): Promise<unknown> {
      const picker = await startScriptedPicker(script);
      const rig = await startDoctorRig({
        edits: [pickersAt([picker.address]), noHealthChecks, ...requestBodies(mode)],
      });
      try {
        const { headers } = JSON.parse((await rig.ask()).body.toString());
        const seen = await rig.examine();
        expect([seen.row, seen.risks], seen.report).toEqual([undefined, []]);
        return headers["x-note"];
      } finally {
        await rig.stop();
        picker.close();
      }
    }

    test("of a header that comes with a duplex body, which is on its way already", async () => {
      const late: Script = (message) => {
        if (!message.request_body) return fine(message);
        const { body, end_of_stream } = message.request_body;
        return goOn(message, { "x-note": "1" }, { body_mutation: { streamed_response: { body, end_of_stream } } });
      };
      expect(await arrived(late, "FULL_DUPLEX_STREAMED")).toBeUndefined();
    });

    test("of one that is set as value, of which the name alone arrives", async () => {
      const header = { header: { key: "x-note", value: "1" } };
      const script: Script = (message) => {
        if (message.request_headers === undefined) return fine(message);
        const set_headers = [{ header: { key: HEADER, raw_value: Buffer.from(pods.addresses[0]!) } }, header];
        return {
          answer: { request_headers: { response: { header_mutation: { set_headers } } } } as ProcessingResponse,
        };
      };
      expect(await arrived(script, "BUFFERED")).toBe("");
    });
  });

  describe("row 24: the address comes where nobody looks", () => {
    const shipped = "override-host.yaml";
    const picks: Script = (message) => withMetadata(fine(message), pods.addresses[0]!);
    const shut: Edit = { op: "remove", at: [...places.extProc, "metadata_options", "receiving_namespaces"] };

    test("the filter lets no metadata in, and pods take turns", async () => {
      const seen = await scripted(picks, {
        shipped,
        edits: [podsAt(pods.addresses), shut],
        row: 24,
        status: 200,
        byLines: undefined,
        byCounters: 24,
        proof: /receiving_namespaces is not there/,
      });
      expect(seen.report).toContain("receiving_namespaces: { untyped: [envoy.lb] }");
    });

    test("with the namespace nothing is found", async () => {
      const seen = await seenWith(picks, { shipped, edits: [podsAt(pods.addresses)] });
      expect([seen.row, seen.risks], seen.report).toEqual([undefined, []]);
    });

    const line = (pick: string, host: string) =>
      JSON.stringify({
        method: "POST",
        response_code: 200,
        response_flags: "-",
        response_code_details: "via_upstream",
        upstream_host: host,
        upstream_cluster: "pool",
        [HEADER]: pick,
      });

    test("a log that has the header tells of it without the configuration", () => {
      const lines = [line("10.0.0.1:8000", "10.0.0.2:8000"), line("10.0.0.2:8000", "10.0.0.1:8000")];
      const seen = examined([{ name: "access.log", text: lines.join("\n") }]);
      expect([seen.row, seen.also], seen.report).toEqual([24, []]);
      expect(seen.verdict.first?.says).toContain("10.0.0.1:8000 picked, 10.0.0.2:8000 served");
      const followed = examined([{ name: "access.log", text: line("10.0.0.1:8000,10.0.0.2:8000", "10.0.0.2:8000") }]);
      expect([followed.row, followed.risks], followed.report).toEqual([undefined, []]);
    });
  });

  describe("row 43: a client that names the pod itself", () => {
    const kept: Edit = { op: "remove", at: [...places.hcm, "http_filters", "envoy.filters.http.header_mutation"] };

    test("is sent there while the picker fails and the filter fails open", async () => {
      const picker = await startScriptedPicker(() => ({ end: 13, says: "no pods" }));
      const rig = await startDoctorRig({ edits: [pickersAt([picker.address]), noHealthChecks, failsOpen, kept] });
      const answer = await rig.ask({ headers: { [HEADER]: pods.addresses[1]! } });
      expect(JSON.parse(answer.body.toString())).toMatchObject({ pod: pods.addresses[1] });
      const seen = await rig.examine();
      await rig.stop();
      picker.close();
      // Requests fail of the picker; that they are served all the same is no comfort.
      expect([seen.row, seen.also, seen.risks], seen.report).toEqual([55, [23], [43, 37]]);
      expect(seen.report).toContain(`a client that sends ${HEADER} itself is sent where it says`);
    });

    test("is a fault where a probe went through", async () => {
      const { sources } = await seenWith(fine, { edits: [kept] });
      expect(examined(sources).risks).toEqual([]);
      const quote = { source: "http://127.0.0.1:10000", text: "POST with a destination of its own: 200 from there" };
      const asked = [{ question: "forged-destination", isWell: false, status: "200", quote }];
      expect(diagnose({ ...evidenceOf(sources), live: { asked } }).first?.row.row).toBe(43);
    });
  });

  describe("row 57: the picker has no pod to name", () => {
    test("as pointsman says itself, and counts", async () => {
      const folder = mkdtempSync(join(tmpdir(), "pointsman-pods-"));
      const file = join(folder, "pods.yaml");
      writeFileSync(file, "pods: []\n");
      const picker = await startPicker(["--pods-file", file]);
      const more = async () => [{ name: "picker-metrics.txt", text: await picker.page() }];
      const none = { row: 57, status: 503, byLines: 57, byCounters: undefined, more, risks: [] };
      const edits = [pickersAt([picker.address]), noHealthChecks];
      const proof = /pointsman_no_pods[\s\S]*pointsman_refusals_total\{code="no_pods"\} 3/;
      const seen = await produce({ ...none, edits, proof });
      await picker.kill();
      rmSync(folder, { recursive: true });
      expect(seen.verdict.first?.says).toBe("the picker refused 3 of 3 requests for want of a pod: it knows none");
    });
  });

  describe("row 47: the pods tell the picker nothing", () => {
    test("their page of metrics is elsewhere, and picks are made without knowing anything", async () => {
      const pod = await startStrictPod({ metrics: 404 });
      const picker = await startPicker(["--pods", pod.address]);
      await picker.metricBecomesAtLeast("pointsman_scrapes_total", 2);
      const rig = await startDoctorRig({ edits: [pickersAt([picker.address])] });
      expect(await rig.askTimes(3)).toEqual([200, 200, 200]);
      const page = { name: "picker-metrics.txt", text: await picker.page() };
      const seen = await rig.examine([page]);
      await Promise.all([rig.stop(), picker.kill()]);
      pod.close();
      expect([seen.row, seen.also, seen.risks], seen.report).toEqual([47, [], []]);
      expect(seen.verdict.first?.evidence[0].text).toMatch(/^pointsman_scrapes_total\{outcome="status"\} \d/);
      expect(examined([page]).row).toBe(47);
    });
  });
});
