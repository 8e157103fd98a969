/** Faults of bodies in duplex: the picker that gets the body sends nothing of it on, or takes its end twice. */
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pickersAt } from "../../src/demo/envoy-config.ts";
import type { ProcessingResponse } from "../../src/ext-proc/messages.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { edits, requestBodies } from "../support/doctor-faults.ts";
import { examined, hasEnvoy, only, startDoctorRig, without } from "../support/doctor-rig.ts";
import { scripted } from "../support/doctor-scripts.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { istioGateway } from "../support/istio-gateway.ts";
import { startPicker } from "../support/picker-process.ts";
import { type Act, goOn, type Script, startScriptedPicker, withMetadata } from "../support/scripted-picker.ts";
import { type StrictPod, startStrictPod } from "../support/strict-pods.ts";

const HEADER = "x-gateway-destination-endpoint";
const { noHealthChecks } = edits;

/** An answer to a piece of a duplex body. */
function streamed(kind: "request_body" | "response_body", body?: Buffer, end_of_stream?: boolean): Act {
  const streamed_response = { body: body ?? Buffer.alloc(0), end_of_stream: end_of_stream ?? false };
  return { answer: { [kind]: { response: { body_mutation: { streamed_response } } } } as ProcessingResponse };
}

describe.skipIf(!(await hasEnvoy()))("row 20: the body is eaten in duplex", () => {
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

  const toEcho: Script = (message) => goOn(message, { [HEADER]: pods.addresses[0]! });
  const toStrict: Script = (message) => goOn(message, { [HEADER]: strict.address });

  /** Ends the body, and sends nothing of it on. */
  const eating: Script = (message) => {
    if (message.request_body) return streamed("request_body", Buffer.alloc(0), message.request_body.end_of_stream);
    if (!message.response_body) return toStrict(message);
    const { body, end_of_stream } = message.response_body;
    return streamed("response_body", body, end_of_stream);
  };
  const duplex = requestBodies("FULL_DUPLEX_STREAMED");
  const eaten = { row: 20, status: 400, byCounters: undefined, edits: duplex };

  test("the pod says what it misses", async () => {
    const more = () => [{ name: "answer.json", text: strict.errors.at(-1) ?? "" }];
    const seen = await scripted(eating, { ...eaten, more, byLines: undefined, proof: /Field required/ });
    expect(seen.verdict.first?.says).toContain("3 of 3 requests with a body got 400 of the pod");
    // The line, and the pod's words: enough without the configuration.
    expect(examined(only(seen.sources, "access.log", "answer.json")).row).toBe(20);
  });

  test("the counters say it of long bodies: fewer bytes went on than came", async () => {
    const question = { body: chatOfSize(20_000) };
    await scripted(eating, { ...eaten, question, byLines: undefined, proof: /tx_bytes_total: \d+, of 60000 bytes/ });
  });

  describe("by a route of Istio 1.27, which asks for no trailers", () => {
    const seenWith = async (picker: string, pod: string) => {
      const config = istioGateway({ pods: [pod], picker, pools: "1.27", authority: "epp.llm.svc:9002" });
      const rig = await startDoctorRig({ config, log: "istio" });
      const statuses = await rig.askTimes(2);
      const seen = await rig.examine();
      await rig.stop();
      return { statuses, seen };
    };

    test("and a picker that eats it: by the mode alone, whatever the pod says", async () => {
      const picker = await startScriptedPicker((message) =>
        message.request_headers ? withMetadata(eating(message), strict.address) : eating(message),
      );
      const { statuses, seen } = await seenWith(picker.address, strict.address);
      picker.close();
      expect(statuses).toEqual([400, 400]);
      expect([seen.row, seen.also], seen.report).toEqual([20, []]);
      expect(seen.verdict.first?.says).toContain("route default.vllm.0");
      expect(seen.report).toContain("request_trailer_mode is not there");
    });

    test("and pointsman, which sends it on: a risk, for other pickers may not", async () => {
      const picker = await startPicker(["--pods", pods.addresses[0]!]);
      const { statuses, seen } = await seenWith(picker.address, pods.addresses[0]!);
      await picker.kill();
      expect(statuses).toEqual([200, 200]);
      expect([seen.row, seen.risks], seen.report).toEqual([undefined, [20]]);
    });
  });

  test("a pod that refuses what arrived is none", async () => {
    const refusing: Script = (message) => {
      if (!message.request_body) return toEcho(message);
      const { body, end_of_stream } = message.request_body;
      return streamed("request_body", body, end_of_stream);
    };
    const picker = await startScriptedPicker(refusing);
    const rig = await startDoctorRig({ edits: [pickersAt([picker.address]), noHealthChecks, ...duplex] });
    const [good] = [await rig.askTimes(2)];
    const { sources } = await rig.examine();
    await rig.stop();
    picker.close();
    expect(good).toEqual([200, 200]);
    const refused = sources.map((source) =>
      source.name === "access.log"
        ? { ...source, text: source.text.replaceAll('"response_code":200', '"response_code":400') }
        : source,
    );
    expect(examined(refused).row).toBeUndefined();
  });
});

describe("from files", () => {
  const folder = new URL("../fixtures/doctor/body-eaten/", import.meta.url);
  const files = readdirSync(folder).map((name) => ({ name, text: readFileSync(new URL(name, folder), "utf8") }));

  test("row 20: OpenShift's Istio, duplex on the route and no trailers", () => {
    const seen = examined(files);
    expect([seen.row, seen.also], seen.report).toEqual([20, []]);
    expect(seen.verdict.first?.says).toContain("route llm.chat.0");
    expect(seen.report).toContain("request_trailer_mode is not there");
    expect(seen.report).toContain("deploy/gateways/istio/buffered.yaml");
    // What the pod said is not needed where the mode says it.
    expect(examined(without(files, "answer.json")).row).toBe(20);
    expect(examined(without(files, "config_dump.json")).row).toBe(20);
    expect(examined(only(files, "access.log")).row).toBeUndefined();
    expect(examined(only(files, "config_dump.json")).risks).toEqual([20]);
  });

  test("row 21: a picker that reads the end of a body twice", () => {
    const text =
      '{"level":"error","ts":"2026-10-09T13:40:00Z","msg":"Error unmarshaling request body","error":"invalid character \'{\' after top-level value"}';
    const log = { name: "epp.log", text };
    const seen = examined([log, ...only(files, "config_dump.json")]);
    expect([seen.row, seen.also], seen.report).toEqual([21, []]);
    const buffered = only(files, "config_dump.json").map((file) => ({
      ...file,
      text: file.text.replaceAll("FULL_DUPLEX_STREAMED", "BUFFERED"),
    }));
    expect(examined([log, ...buffered]).row).not.toBe(21);
  });
});
