import { describe, expect, test } from "vitest";
import { whyMoved } from "../../../src/explain/why-header.ts";
import type { ProcessingResponse } from "../../../src/ext-proc/messages.ts";
import { headerMap } from "../../../src/ext-proc/messages.ts";
import { StreamRig } from "../../support/stream-rig.ts";

const body = JSON.stringify({ model: "m", prompt: "CANARY-PROMPT" });

function headerIn(reply: ProcessingResponse | undefined): string | undefined {
  const mutation = reply?.response_headers?.response?.header_mutation ?? reply?.immediate_response?.headers;
  const set = mutation?.set_headers ?? [];
  return set.find(({ header }) => header?.key === "x-pointsman-why")?.header?.raw_value?.toString();
}

/** The answer to the answer's headers. */
function answered(rig: StreamRig): ProcessingResponse | undefined {
  const stream = rig.open().headers("BUFFERED").body(body);
  stream.send({ response_headers: { headers: headerMap({ ":status": "200" }), end_of_stream: true } });
  return stream.replies.at(-1);
}

describe("x-pointsman-why", () => {
  test("names the pod, the reason, its score and what counted most, and nothing of the prompt", () => {
    const rig = new StreamRig({ pods: ["10.0.0.1:8000", "10.0.0.2:8000"], tellsWhy: true });
    rig.table.columns.waiting.set([3, 1]);
    expect(headerIn(answered(rig))).toBe("pod=10.0.0.2:8000; reason=scored; of=2; score=1; queue-depth=1/1");
  });

  test("is absent unless it is asked for", () => {
    expect(headerIn(answered(new StreamRig()))).toBeUndefined();
  });

  test("tells of a refusal too, in the error", () => {
    const rig = new StreamRig({ tellsWhy: true, streamLimit: 0 });
    const refused = rig.open().headers("BUFFERED").body(body).replies[0];
    expect(headerIn(refused)).toBe("refused=overloaded");
    const plain = new StreamRig({ streamLimit: 0 }).open().headers("BUFFERED").body(body).replies[0];
    expect(plain?.immediate_response).toBeDefined();
    expect(headerIn(plain)).toBeUndefined();
  });

  test("is plain ASCII of bounded length, whatever pods are called", () => {
    const rig = new StreamRig({ tellsWhy: true });
    rig.table.reconcile([{ name: `ü\r\n${"x".repeat(500)}`, address: "10.0.0.9:8000" }]);
    rig.pools.all[0]?.assign(rig.table.pods());
    const why = headerIn(answered(rig)) ?? "";
    expect(why).toMatch(/^pod=\?\?\?x+\.\.\.x+; reason=unknown_load; of=1$/);
    const moved = whyMoved(why, `ü${"y".repeat(300)}-k2x9q`);
    expect(moved.length).toBeLessThanOrEqual(256);
    expect(moved).toMatch(/; \.\.\.; served=\?y+\.\.\.y+-k2x9q$/);
    expect(whyMoved("pod=a; reason=scored", "b")).toBe("pod=a; reason=scored; served=b");
  });
});
