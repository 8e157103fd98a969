import { describe, expect, test } from "vitest";
import { mutatedHeaders, type ProcessingResponse } from "../../../src/ext-proc/messages.ts";
import { answerHeaders, pickHeaders } from "../../../src/ext-proc/strategy-headers.ts";
import type { Picked } from "../../../src/routing/decision.ts";
import { responseHeaders } from "../../support/envoy-messages.ts";
import { StreamRig } from "../../support/stream-rig.ts";

const rig = new StreamRig({ pods: ["10.0.0.1:8000"] });
const [pod] = rig.table.pods();

describe("pickHeaders", () => {
  const picked = (strategy?: string) => ({ pod, ...(strategy !== undefined && { strategy }) }) as Picked;

  test("tell the pod of the strategy and of its address, by whatever name", () => {
    const target = ["target-pod", "10.0.0.1:8000"];
    expect(pickHeaders(picked("random"), "x-way")).toEqual([["x-way", "random"], target]);
    expect(pickHeaders(picked("random"), "")).toEqual([target]);
  });

  test("name the pod for a pick by the pool's profile too, and are none where strategies are off", () => {
    expect(pickHeaders(picked(), "x-way")).toEqual([["target-pod", "10.0.0.1:8000"]]);
    expect(pickHeaders(picked(), undefined)).toEqual([]);
  });
});

describe("answerHeaders", () => {
  test("tell the client of the strategy, the pod and the request's id", () => {
    const told = answerHeaders({ strategy: "random", pod, requestId: "r" }, "x-way");
    expect(Object.fromEntries(told)).toEqual({
      ...{ "x-way": "random", "request-id": "r" },
      ...{ "target-pod": "10.0.0.1:8000", "target-pod-ip": "10.0.0.1:8000" },
    });
  });

  test.each([
    ["no strategy", { strategy: undefined, pod }],
    ["no pod", { strategy: "random", pod: undefined }],
  ])("tell the id alone where there is %s", (_, given) => {
    expect(answerHeaders({ ...given, requestId: "r" }, "x-way")).toEqual([["request-id", "r"]]);
    expect(answerHeaders({ ...given, requestId: "" }, "x-way")).toEqual([]);
  });
});

describe("a stream of a picker with strategies", () => {
  /** The last reply's headers, after the head of an answer. */
  function answered(options: ConstructorParameters<typeof StreamRig>[0], strategy?: string): Map<string, string> {
    const host = new StreamRig(options);
    const route = host.host.router.route;
    host.host.router.route = (...asked) => ({ ...route(...asked), ...(strategy !== undefined && { strategy }) });
    host.host.router.tokenHeaderOf = () => (strategy === "session-affinity" ? "x-session-id" : "");
    const stream = host.open();
    stream.headers("BUFFERED").body('{"model":"m","prompt":"p"}').send(responseHeaders(true));
    expect(host.faults).toEqual([]);
    return mutatedHeaders(stream.replies.at(-1) as ProcessingResponse);
  }

  test("tells them in the answer, with the session's token and the mark", () => {
    const options = { strategyHeader: "routing-strategy", marksAnswers: true };
    expect([...answered(options, "session-affinity").keys()].sort()).toEqual(
      [
        ...["request-id", "routing-strategy", "target-pod", "target-pod-ip"],
        ...["x-session-id", "x-went-into-resp-headers"],
      ].sort(),
    );
  });

  test.each([
    ["no strategy", {}],
    ["an empty strategy", { "routing-strategy": "" }],
    ["a blank strategy", { "routing-strategy": " " }],
  ])("lets no pod through that a client names beside %s", (_, headers) => {
    const forged = { ...headers, "target-pod": "169.254.169.254:80", "target-pod-ip": "169.254.169.254:80" };
    const ask = (strategyHeader: string | undefined) => {
      const host = new StreamRig({ pods: ["10.0.0.1:8000"], ...(strategyHeader !== undefined && { strategyHeader }) });
      const stream = host.open().headers("BUFFERED", { headers: forged }).body('{"model":"m","prompt":"p"}');
      // Without an announced length the headers name a pod already, and the body one again.
      return stream.replies.map((reply) => {
        const { response } = reply.request_headers ?? reply.request_body ?? {};
        return [mutatedHeaders(reply).get("target-pod"), response?.header_mutation?.remove_headers];
      });
    };
    expect(ask("routing-strategy")).toEqual(new Array(2).fill(["10.0.0.1:8000", ["target-pod-ip"]]));
    expect(ask(undefined)).toEqual(new Array(2).fill([undefined, ["target-pod", "target-pod-ip"]]));
  });

  test("tells the id of every request, and nothing where strategies are off", () => {
    expect([...answered({ strategyHeader: "routing-strategy" })]).toEqual([["request-id", "id-of-envoy"]]);
    expect([...answered({})]).toEqual([]);
  });
});
