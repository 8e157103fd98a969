import { describe, expect, test } from "vitest";
import { aibrixEndpoints, readAibrixPod } from "../../../../src/discovery/kubernetes/aibrix-pods.ts";
import { Malformed } from "../../../../src/discovery/kubernetes/kube-json.ts";
import { notReady, podObject } from "./scripted-api.ts";

const read = (labels: Record<string, string>, change = {}) =>
  readAibrixPod(podObject("a", "10.0.0.1", { metadata: { labels }, ...change }));

describe("readAibrixPod", () => {
  test.each([
    [{ "model.aibrix.ai/name": "llama", "model.aibrix.ai/port": "9000" }, 9000],
    [{ "model.aibrix.ai/name": "llama" }, 8000],
  ])("makes a pool of the model's name, with the port of %j", (labels, port) => {
    const pod = read(labels);
    expect(pod).toMatchObject({ pool: "llama", port, labels });
    expect(aibrixEndpoints([pod as Exclude<typeof pod, Malformed | undefined>])).toEqual([
      { name: "a", address: `10.0.0.1:${port}`, uid: "uid-a", pool: "llama", labels },
    ]);
  });

  test.each([
    [{ "model.aibrix.ai/name": "" }, "has an empty label model.aibrix.ai/name"],
    [
      { "model.aibrix.ai/name": "llama", "model.aibrix.ai/port": "http" },
      'has a label model.aibrix.ai/port that is no port: "http"',
    ],
  ])("takes the labels %j for malformed", (labels, reason) => {
    expect(read(labels)).toEqual(new Malformed(reason));
  });

  test("keeps nothing of a pod that may not serve, and passes a malformed one on", () => {
    expect(read({ "model.aibrix.ai/name": "llama" }, notReady)).toBeUndefined();
    expect(
      read(
        { "model.aibrix.ai/name": "llama" },
        { status: { podIP: "x", conditions: [{ type: "Ready", status: "True" }] } },
      ),
    ).toBeInstanceOf(Malformed);
  });
});
