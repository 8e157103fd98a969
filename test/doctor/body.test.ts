/** Faults of the body on its way to the pod: too long for a buffer, or of another length than it says. Made for real. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Edit, pickersAt, places } from "../../src/demo/envoy-config.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { edits, filterFirst, routes } from "../support/doctor-faults.ts";
import { hasEnvoy, startDoctorRig } from "../support/doctor-rig.ts";
import { scripted } from "../support/doctor-scripts.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { goOn, type Script, startScriptedPicker } from "../support/scripted-picker.ts";

const HEADER = "x-gateway-destination-endpoint";
const { noHealthChecks } = edits;

describe.skipIf(!(await hasEnvoy()))("the body and the answer", () => {
  let pods: EchoPods;

  beforeAll(async () => {
    pods = await startEchoPods(2);
  });

  afterAll(() => pods?.close());

  const toEcho: Script = (message) => goOn(message, { [HEADER]: pods.addresses[0]! });

  describe("row 17: a body over the smallest buffer", () => {
    const small = { row: 17, status: 413, byLines: 17, question: { body: chatOfSize(80_000) } };

    test.each([
      {
        of: "listener requests",
        limit: { op: "set", at: [...places.listener, "per_connection_buffer_limit_bytes"], to: 30_000 } as const,
      },
      {
        of: "filter envoy.filters.http.buffer",
        limit: filterFirst("envoy.filters.http.buffer", "buffer.v3.Buffer", { max_request_bytes: 30_000 }),
      },
    ])("of $of, which is named", async ({ of, limit }) => {
      const proof = /request_payload_too_large[\s\S]*downstream_rq_too_large: 3/;
      const seen = await scripted(toEcho, { ...small, edits: [limit], byCounters: 17, proof });
      expect(seen.verdict.first?.says).toContain(`longer than the 30,000 bytes of ${of}`);
    });

    test("of the listener, which the route raises: nothing is found", async () => {
      const picker = await startScriptedPicker(toEcho);
      const raised: Edit[] = [
        { op: "set", at: [...places.listener, "per_connection_buffer_limit_bytes"], to: 30_000 },
        { op: "add", at: [...routes, 0, "request_body_buffer_limit"], to: 1_000_000 },
      ];
      const rig = await startDoctorRig({ edits: [pickersAt([picker.address]), noHealthChecks, ...raised] });
      expect(await rig.askTimes(1, small.question)).toEqual([200]);
      const seen = await rig.examine();
      await rig.stop();
      picker.close();
      expect([seen.row, seen.risks], seen.report).toEqual([undefined, []]);
      expect(seen.report).toContain("longest body 1,000,000 bytes (route /*)");
    });

    test("of a cluster or of a route, whose limits refuse nothing: nothing is found", async () => {
      const picker = await startScriptedPicker(toEcho);
      const less: Edit[] = [
        { op: "set", at: [...places.pods, "per_connection_buffer_limit_bytes"], to: 3000 },
        { op: "add", at: [...routes, 0, "request_body_buffer_limit"], to: 3000 },
      ];
      const rig = await startDoctorRig({ edits: [pickersAt([picker.address]), noHealthChecks, ...less] });
      expect(await rig.askTimes(1, small.question)).toEqual([200]);
      const seen = await rig.examine();
      await rig.stop();
      picker.close();
      expect([seen.row, seen.risks], seen.report).toEqual([undefined, []]);
      expect(seen.report).toContain("longest body 33,619,968 bytes (listener requests)");
    });
  });

  test("row 19: the picker changes the body and leaves its length", async () => {
    const script: Script = (message) =>
      goOn(
        message,
        { [HEADER]: pods.addresses[0]! },
        message.request_body ? { body_mutation: { body: Buffer.from("{}") } } : {},
      );
    const changed = { row: 19, status: 503, byLines: 19, byCounters: undefined };
    await scripted(script, { ...changed, proof: /mismatch_between_content_length/ });
  });
});
