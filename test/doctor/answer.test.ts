/** Faults of the answer on its way back, each made for real: it is cut off, or comes in one piece. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Edit, pickersAt, places } from "../../src/demo/envoy-config.ts";
import { edits, held, routes } from "../support/doctor-faults.ts";
import { type Examined, hasEnvoy, startDoctorRig } from "../support/doctor-rig.ts";
import { scripted, seenWith } from "../support/doctor-scripts.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { goOn, type Script, startScriptedPicker } from "../support/scripted-picker.ts";

const HEADER = "x-gateway-destination-endpoint";
const { noHealthChecks } = edits;

function timeoutOfRoute(name: "timeout" | "idle_timeout", text: string): Edit {
  return { op: "set", at: [...routes, 0, "route", name], to: text };
}

function responseBodies(mode: string): Edit[] {
  const at = [...places.extProc, "processing_mode"];
  return [
    { op: "set", at: [...at, "response_header_mode"], to: "SEND" },
    { op: "set", at: [...at, "response_body_mode"], to: mode },
  ];
}

describe.skipIf(!(await hasEnvoy()))("the answer", () => {
  let pods: EchoPods;

  beforeAll(async () => {
    pods = await startEchoPods(1);
  });

  afterAll(() => pods?.close());

  const toEcho: Script = (message) => goOn(message, { [HEADER]: pods.addresses[0]! });

  describe("row 32: answers that are cut", () => {
    const events = { headers: { "x-echo-sse": "30/100" } };

    async function cut(edit: Edit, question: object): Promise<Examined> {
      const picker = await startScriptedPicker(toEcho);
      const rig = await startDoctorRig({ edits: [pickersAt([picker.address]), noHealthChecks, edit] });
      // What was cut ends without an end.
      for (let i = 0; i < 2; i++) await rig.ask(question).catch(() => undefined);
      const seen = await rig.examine();
      await rig.stop();
      picker.close();
      return seen;
    }

    test("by the route's timeout, in the middle", async () => {
      const seen = await cut(timeoutOfRoute("timeout", "1s"), events);
      held(seen, { row: 32, status: 200, byLines: 32, byCounters: 32, proof: /"UT"[\s\S]*timeout: "1s"/ });
      expect(seen.verdict.first?.says).toMatch(/2 of 2 answers were cut off after 1\.\d s: the route's timeout is for/);
    });

    test("by silence", async () => {
      const seen = await cut(timeoutOfRoute("idle_timeout", "0.5s"), { headers: { "x-echo-sse": "3/1500" } });
      held(seen, { row: 32, status: 200, byLines: 32, byCounters: undefined, proof: /idle_timeout: "0.500s"/ });
    });

    test("is a risk while all are short", async () => {
      const none: Edit = { op: "remove", at: [...routes, 0, "route", "timeout"] };
      const seen = await seenWith(toEcho, { edits: [none] }, { times: 2 });
      expect([seen.row, seen.risks], seen.report).toEqual([undefined, [32]]);
      expect(seen.report).toContain("gives a whole answer 15 s");
    });
  });

  test("row 33: the filter holds answers until they are whole", async () => {
    const question = { headers: { "x-echo-sse": "3/20" } };
    const whole = { row: 33, status: 200, byLines: undefined, byCounters: 33, question };
    await scripted(toEcho, { ...whole, edits: responseBodies("BUFFERED"), proof: /response_body_mode: "BUFFERED"/ });
  });
});
