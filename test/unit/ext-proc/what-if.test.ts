import { beforeEach, describe, expect, test } from "vitest";
import { type AskedRequest, foresee } from "../../../src/ext-proc/what-if.ts";
import { StreamRig } from "../../support/stream-rig.ts";

const body = JSON.stringify({ model: "m", prompt: "p" });
let rig: StreamRig;

beforeEach(() => {
  rig = new StreamRig({ pods: ["10.0.0.1:8000", "10.0.0.2:8000"], bodyLimitBytes: 1_000 });
});

function asked(more: Partial<AskedRequest> = {}): AskedRequest {
  const headers = { "content-type": "application/json" };
  return { method: "POST", path: "/v1/completions", headers, body: Buffer.from(body), ...more };
}

/** In short: the pod and the reason, or the code. */
function told(request: AskedRequest): string {
  const foreseen = foresee(rig.host, request);
  if (foreseen === "listed") return foreseen;
  const { decision } = foreseen;
  return decision.kind === "picked" ? `${decision.pod.address} ${decision.reason}` : decision.code;
}

describe("foresee", () => {
  test("says what a stream would: the pick, or the code it would be refused with", () => {
    rig.table.columns.waiting.set([1, 0]);
    expect(told(asked())).toBe("10.0.0.2:8000 scored");
    expect(told(asked({ subset: ["10.0.0.1"] }))).toBe("10.0.0.1:8000 scored");
    expect(told(asked({ subset: ["10.9.9.9"] }))).toBe("subset_empty");
    expect(told(asked({ body: Buffer.from("{}") }))).toBe("model_missing");
    expect(told(asked({ body: Buffer.alloc(1_001) }))).toBe("body_too_large");
    expect(told(asked({ body: Buffer.alloc(0) }))).toBe("10.0.0.2:8000 no_prompt");
    expect(told(asked({ path: "/health" }))).toBe("10.0.0.2:8000 no_prompt");
  });

  test("takes the body as plain, whatever the headers say of its coding and length", () => {
    const headers = { "content-encoding": "gzip", "content-length": "7", "transfer-encoding": "chunked" };
    expect(told(asked({ headers }))).toMatch(/ scored$/);
  });

  test("knows the limits on streams and on buffered bytes", () => {
    rig.host.budget.limitBytes = 10;
    expect(told(asked())).toMatch(/ buffer_full$/);
    Object.assign(rig.host.settings, { streamLimit: 0 });
    expect(told(asked())).toBe("overloaded");
  });

  test("knows that only a cached prompt is wanted", () => {
    expect(told(asked({ headers: { prefer: "if-available" } }))).toMatch(/ scored$/);
  });

  test("neither counts nor learns, and draws with the next request's seed or the one that is given", () => {
    const next = rig.host.router.nextSeed;
    expect(foresee(rig.host, asked())).toMatchObject({ seed: next, decision: { seed: next } });
    expect(foresee(rig.host, asked({ seed: 5 }))).toMatchObject({ seed: 5, decision: { seed: 5 } });
    expect(rig.host.router.nextSeed).toBe(next);
    expect({ inFlight: rig.inFlightCount, learnt: rig.learnt, picks: rig.picks, refusals: rig.refusals }).toEqual({
      ...{ inFlight: 0, learnt: 0, picks: [], refusals: [] },
    });
  });
});

test("a request that is over is not held on to, whether it was picked for or refused", () => {
  rig.open().headers("BUFFERED").body(body);
  expect(rig.host.router.trail.request).toBeUndefined();
  rig.pools.all[0]?.assign([]);
  rig.open().headers("BUFFERED").body(body);
  expect(rig.refusals).toEqual(["no_pods"]);
  expect(rig.host.router.trail.request).toBeUndefined();
});
