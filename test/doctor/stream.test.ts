/** Faults of the conversation between Envoy and the picker, each made for real. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Edit, pickersAt, places, podsAt } from "../../src/demo/envoy-config.ts";
import type { ProcessingResponse } from "../../src/ext-proc/messages.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { edits, held, requestBodies, timeoutOf } from "../support/doctor-faults.ts";
import { examined, hasEnvoy, only, startDoctorRig } from "../support/doctor-rig.ts";
import { scripted } from "../support/doctor-scripts.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { type Act, goOn, type Script, startScriptedPicker } from "../support/scripted-picker.ts";

const { noHealthChecks, noTimeout, failsOpen } = edits;
const OLD = "1.36.4";
const hasOld = await hasEnvoy(OLD);

let pods: EchoPods;
const fine: Script = (message) => goOn(message, { "x-gateway-destination-endpoint": pods.addresses[0]! });
const silent: Script = () => "silence";
const waitsForBody: Script = (message) => (message.request_headers ? "silence" : fine(message));
const failing: Script = () => ({ end: 13, says: "no pods are known" });

describe.skipIf(!(await hasEnvoy()))("the stream to the picker", () => {
  beforeAll(async () => {
    pods = await startEchoPods(2);
  });

  afterAll(() => pods?.close());

  test("row 8: an answer that takes longer than 200 ms, which is what Envoy waits where nothing is said", async () => {
    const late = { row: 8, status: 504, byLines: 8, byCounters: 8 };
    const seen = await scripted(silent, { ...late, edits: [noTimeout], proof: /message_timeout is not there/ });
    expect(seen.report).toContain("In filter envoy.filters.http.ext_proc: message_timeout: 10s");
  });

  test("row 8 is a risk as long as every answer came in time", async () => {
    const picker = await startScriptedPicker(fine);
    const rig = await startDoctorRig({ edits: [pickersAt([picker.address]), noHealthChecks, noTimeout] });
    await rig.askTimes(2);
    const seen = await rig.examine();
    await rig.stop();
    picker.close();
    expect([seen.row, seen.also, seen.risks], seen.report).toEqual([undefined, [], [8]]);
  });

  describe("row 9: each side waits for the other", () => {
    test("STREAMED bodies and a picker that wants the body before it answers", async () => {
      const stuck = { row: 9, status: 504, times: 2, byLines: 10, byCounters: 9 };
      const edits = [timeoutOf("1.2s"), ...requestBodies("STREAMED")];
      const seen = await scripted(waitsForBody, { ...stuck, edits, proof: /stream_msgs_received: 0/ });
      expect(seen.verdict.first?.says).toContain("sends bodies STREAMED");
    });

    test("even with the wait left at its default, which is not what is wrong", async () => {
      const stuck = { row: 9, status: 504, times: 2, byLines: 8, byCounters: 9 };
      await scripted(waitsForBody, {
        ...stuck,
        edits: [noTimeout, ...requestBodies("STREAMED")],
        proof: /"request_body_mode":"STREAMED"/,
      });
    });

    test("BUFFERED bodies, and the headers unanswered", async () => {
      const stuck = { row: 9, status: 504, times: 1, byLines: 10, byCounters: 9 };
      const seen = await scripted(waitsForBody, {
        ...stuck,
        edits: [timeoutOf("1.2s")],
        proof: /stream_msgs_received: 0/,
      });
      expect(seen.verdict.first?.says).toContain("waits for something it is not sent, or is stuck");
    });
  });

  test("row 16: a body above the limit of the picker, which the error names", async () => {
    const seen = await scripted(fine, {
      receiveLimit: 1000,
      question: { body: chatOfSize(5000) },
      row: 16,
      status: 503,
      byLines: 16,
      byCounters: undefined,
      proof: /gRPC_error_8/,
    });
    expect(seen.report).toContain("Raise the picker's limit for one message, 1000 bytes,");
  });

  test("row 18: replies of another mode than the filter's", async () => {
    const misfit = { row: 18, status: 503, byLines: 18, byCounters: 18 };
    const edits = requestBodies("FULL_DUPLEX_STREAMED");
    const seen = await scripted(fine, { ...misfit, edits, proof: /spurious_msgs_received: \d/ });
    expect(seen.verdict.first?.says).toContain("FULL_DUPLEX_STREAMED there");
  });

  describe("row 23: past the picker", () => {
    // What the picker does wrong comes first; the counters alone know of the bypass only.
    const past = { row: 55, also: [23], byLines: undefined, byCounters: 55, proof: /upstream_rq_200: [1-9]/ };

    test("to pods that take turns: every answer 200", async () => {
      const edits = [podsAt(pods.addresses)];
      const seen = await scripted(failing, { ...past, shipped: "override-host.yaml", edits, status: 200 });
      const { verdict } = examined(only(seen.sources, "stats.txt"));
      expect(verdict.first?.row.row).toBe(23);
      expect(verdict.first?.evidence[0].text).toMatch(/failure_mode_allowed: 3$/);
    });

    test("to a cluster that has no address without it: 503", async () => {
      await scripted(failing, { ...past, also: [23, 37], edits: [failsOpen], status: 503 });
    });

    test("once in many is a risk", async () => {
      let asked = 0;
      const script: Script = (message) => (message.request_headers && asked++ === 0 ? failing(message) : fine(message));
      const picker = await startScriptedPicker(script);
      const rig = await startDoctorRig({
        shipped: "override-host.yaml",
        edits: [pickersAt([picker.address]), podsAt(pods.addresses), noHealthChecks],
      });
      await rig.askTimes(5);
      const seen = await rig.examine();
      await rig.stop();
      picker.close();
      expect([seen.row, seen.also, seen.risks], seen.report).toEqual([undefined, [], [23]]);
    });
  });

  test("row 55: the picker ends every stream with an error of its own, and says why", async () => {
    const ended = { row: 55, status: 503, byLines: 55, byCounters: 55, proof: /gRPC_error_13/ };
    const seen = await scripted(failing, ended);
    expect(seen.verdict.first?.says).toBe("the picker behind cluster picker ended the stream: no pods are known");
  });

  test("row 54 with Envoy 1.36, which has one counter for both limits", { skip: !hasOld }, async () => {
    const picker = await startScriptedPicker(fine);
    const to = { thresholds: [{ max_requests: 2 }] };
    const breaker: Edit = { op: "set", at: [...places.picker, "circuit_breakers"], to };
    const edits = [pickersAt([picker.address]), noHealthChecks, breaker];
    const rig = await startDoctorRig({ version: OLD, edits });
    await Promise.all(Array.from({ length: 6 }, () => rig.ask({ headers: { "x-echo-sse": "2/300" } })));
    const proof = /upstream_rq_pending_overflow: [1-9]/;
    const seen = held(await rig.examine(), { row: 54, status: 503, byLines: 54, byCounters: 54, proof });
    await rig.stop();
    picker.close();
    expect(seen.verdict.first?.says).toContain("max_requests 2");
  });

  describe("row 54: more at once than the breaker lets through", () => {
    test.each([
      { limit: "max_requests", to: { max_requests: 2 }, counter: /upstream_rq_active_overflow: \d/ },
      { limit: "max_pending_requests", to: { max_pending_requests: 0 }, counter: /upstream_rq_pending_overflow: \d/ },
    ])("$limit", async ({ limit, to, counter }) => {
      const picker = await startScriptedPicker(fine);
      const breaker: Edit = { op: "set", at: [...places.picker, "circuit_breakers"], to: { thresholds: [to] } };
      const rig = await startDoctorRig({ edits: [pickersAt([picker.address]), noHealthChecks, breaker] });
      // Answers that last hold their streams open.
      const all = await Promise.all(Array.from({ length: 6 }, () => rig.ask({ headers: { "x-echo-sse": "2/300" } })));
      expect(all.map(({ status }) => status)).toContain(503);
      const seen = held(await rig.examine(), { row: 54, status: 503, byLines: 54, byCounters: 54, proof: counter });
      await rig.stop();
      picker.close();
      expect(seen.verdict.first?.says).toContain(`${limit} ${Object.values(to)[0]}`);
    });
  });

  test("row 35: the picker asks for another mode, and what allows it cannot have it", async () => {
    const script: Script = (message) => {
      const act = fine(message);
      return message.request_headers ? withMode(act) : act;
    };
    const picker = await startScriptedPicker(script);
    const sendsAtOnce: Edit = {
      op: "add",
      at: [...places.extProc, "send_body_without_waiting_for_header_response"],
      to: true,
    };
    const allowed: Edit = { op: "add", at: [...places.extProc, "allow_mode_override"], to: true };
    const ask = async (more: readonly Edit[]) => {
      const rig = await startDoctorRig({
        edits: [pickersAt([picker.address]), noHealthChecks, allowed, ...requestBodies("STREAMED"), ...more],
      });
      await rig.ask();
      const seen = await rig.examine();
      await rig.stop();
      return seen;
    };
    const heeded = await ask([]);
    const messages = picker.seen.length;
    const ignored = await ask([sendsAtOnce]);
    picker.close();
    // NONE was asked for: no body comes where the filter heeds it.
    expect([messages, heeded.risks], heeded.report).toEqual([1, []]);
    expect(picker.seen.length - messages).toBeGreaterThan(1);
    expect([ignored.row, ignored.risks], ignored.report).toEqual([undefined, [35]]);
  });
});

function withMode(act: Act): Act {
  if (act === "silence" || !("answer" in act)) return act;
  const mode_override = { request_header_mode: "SEND", request_body_mode: "NONE" };
  return { answer: { ...act.answer, mode_override } as ProcessingResponse };
}
