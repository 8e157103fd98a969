import { describe, expect, test } from "vitest";
import { noControl, readControl } from "../../../src/ext-proc/control-headers.ts";
import { controlBit, controlNames, removedNames } from "../../../src/ext-proc/control-names.ts";
import { decodeMessage } from "../../../src/ext-proc/decode-message.ts";
import { headerMap, protoMethods } from "../../../src/ext-proc/messages.ts";

function decoded(headers: Readonly<Record<string, string>>) {
  const request = { request_headers: { headers: headerMap({ ":path": "/", ...headers }) } };
  return decodeMessage(protoMethods().process.requestSerialize(request));
}
const read = (headers: Readonly<Record<string, string>>) => readControl(decoded(headers));

describe("readControl", () => {
  test("reads every header under its present name and the one before", () => {
    const present = {
      "x-llm-d-inference-fairness-id": "tenant",
      "x-llm-d-inference-objective": "batch",
      "x-llm-d-model-name-rewrite": "m-v2",
      "x-llm-d-slo-ttft-ms": "250",
      "x-llm-d-slo-tpot-ms": "12.5",
    };
    const expected = {
      fairnessId: "tenant",
      objective: "batch",
      modelRewrite: "m-v2",
      sloTtftMs: 250,
      sloTpotMs: 12.5,
    };
    const renamed = Object.entries(present).map(([name, value]) => {
      const spellings = Object.values<readonly string[]>(controlNames).find((each) => each[0] === name);
      return [spellings?.[1] ?? "", value];
    });
    expect(read(present)).toMatchObject(expected);
    expect(read(Object.fromEntries(renamed))).toMatchObject(expected);
    const video = { "x-llm-d-video-fps": "24", "x-llm-d-video-duration-seconds": "8" };
    expect(read({ ...video, "x-llm-d-video-resolution": "640x480" })).toMatchObject({
      videoFps: 24,
      videoDurationSeconds: 8,
      videoResolution: "640x480",
    });
  });

  test.each(["Käufer 東京", "voilà"])("reads %j as it was written, in UTF-8", (name) => {
    const headers = { "x-llm-d-inference-fairness-id": ` ${name} `, "x-llm-d-model-name-rewrite": name };
    expect(read(headers)).toMatchObject({ fairnessId: name, modelRewrite: name });
  });

  test("takes the present name where both came", () => {
    const both = { "x-gateway-inference-objective": "old", "x-llm-d-inference-objective": "new" };
    expect(read(both).objective).toBe("new");
  });

  test.each(["", "0", "-1", "1e3", "fast", "Infinity"])("takes %j for no number", (text) => {
    expect(read({ "x-slo-ttft-ms": text }).sloTtftMs).toBeNaN();
  });

  test("of a request without any costs nothing but a look", () => {
    expect(read({ "x-session-id": "1", "x-gateway": "2", "x-llm-d-": "3", host: "h" })).toBe(noControl);
  });
});

describe("controlBit", () => {
  test("tells all names apart, and from every other", () => {
    const bits = removedNames.map((name) => controlBit(Buffer.from(name), 0, name.length));
    expect(new Set(bits).size).toBe(removedNames.length);
    expect(bits.reduce((all, bit) => all | bit, 0)).toBe(2 ** removedNames.length - 1);
    for (const name of [
      "x",
      "x-",
      "x-l",
      "x-slo-ttft-m",
      "x-slo-ttft-msx",
      "X-SLO-TTFT-MS",
      "t",
      "target-po",
      "target-pods",
      "x-gateway-model-name-rewritf",
    ]) {
      expect(controlBit(Buffer.from(name), 0, name.length)).toBe(0);
    }
  });

  test("of a message has a bit for each header that came", () => {
    const { controlBits } = decoded({ "x-slo-tpot-ms": "1", "x-gateway-destination-endpoint-served": "1.2.3.4:5" });
    expect(removedNames.filter((_, place) => (controlBits & (1 << place)) !== 0)).toEqual([
      "x-slo-tpot-ms",
      "x-gateway-destination-endpoint-served",
    ]);
  });
});
