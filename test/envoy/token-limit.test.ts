/**
 * Envoy's global rate limits by tokens, with the parts that are shipped for it: what an answer cost is charged to its payer
 * when it is over, whoever served it and in whatever form, and who has nothing left is refused before any backend is asked.
 */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Edit } from "../../src/demo/envoy-config.ts";
import { type BackendsRig, chatBody, failoverPlaces, keys, startBackendsRig } from "../support/backends-rig.ts";
import { completes } from "../support/chat-answers.ts";
import { partsOf } from "../support/config-parts.ts";
import type { Answer } from "../support/http-framings.ts";
import { type RateLimitServer, startRateLimitServer } from "../support/rate-limit-server.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";
import { answers } from "../support/wired-backend.ts";

const hasEnvoy = (await findTestEnvoy()) !== undefined;
const BUDGET = 100;

/** Where the service is. */
function serviceAt(address: string): Edit {
  const [host, port] = address.split(":");
  const to = { socket_address: { address: host, port_value: Number(port) } };
  const endpoint = ["load_assignment", "endpoints", 0, "lb_endpoints", 0, "endpoint", "address"];
  return { op: "set", at: ["static_resources", "clusters", "rate-limits", ...endpoint], to };
}

const bodies = { "in one piece": chatBody(), "as a stream": chatBody({ stream: true }) } as const;

describe.skipIf(!hasEnvoy)("token-limit.yaml", () => {
  let service: RateLimitServer;
  let rig: BackendsRig;

  beforeAll(async () => {
    service = await startRateLimitServer(BUDGET);
    rig = await startBackendsRig({ pickers: 2, edits: [...partsOf("token-limit.yaml"), serviceAt(service.address)] });
  });

  afterAll(async () => {
    await rig?.stop();
    service?.close();
  });

  beforeEach(() => {
    rig.does("primary", completes(30));
    rig.does("fallback", completes(50));
  });

  const askAs = (user: string, body: Buffer = chatBody()): Promise<Answer> =>
    rig.ask({ body, headers: { "x-user-id": user } });
  const callsOf = (user: string) => service.calls.filter(({ descriptor }) => descriptor === `user=${user}`);

  /** Asks, and waits until the service has been told what it cost. */
  async function spend(user: string, body?: Buffer): Promise<Answer> {
    const before = callsOf(user).length;
    const answer = await askAs(user, body);
    while (callsOf(user).length < before + 2) await delay(5);
    return answer;
  }

  test.each(Object.entries(bodies))("counts down by the tokens of answers %s, then refuses", async (how, body) => {
    const user = `ann, ${how}`;
    const seen: [number, unknown][] = [];
    for (let i = 0; i < 4; i++) {
      const { status, headers } = await spend(user, body);
      seen.push([status, headers["x-ratelimit-remaining"]]);
    }
    // What was left when the request came.
    expect(seen).toEqual([100, 70, 40, 10].map((left) => [200, String(left)]));
    expect(service.left(`user=${user}`)).toBe(-20);
    const asked = rig.asked.length;
    const refused = await askAs(user, body);
    expect([refused.status, refused.headers["x-ratelimit-remaining"]]).toEqual([429, "0"]);
    expect(rig.asked.length).toBe(asked);
    expect(callsOf(user).map(({ hits }) => hits)).toEqual([0, 30, 0, 30, 0, 30, 0, 30, 0]);
  });

  test.each(Object.entries(bodies))(
    "charges %s what the backend that served took, and for the failed one nothing",
    async (how, body) => {
      const user = `ben, ${how}`;
      rig.does("primary", answers(500));
      const { status, headers } = await spend(user, body);
      expect([status, headers["x-envoy-attempt-count"]]).toEqual([200, "2"]);
      rig.does("primary", completes(30));
      await spend(user, body);
      expect(callsOf(user).map(({ hits }) => hits)).toEqual([0, 50, 0, 30]);
    },
  );

  test("charges nothing for answers that cost nothing: errors, and what has no route", async () => {
    rig.does("primary", answers(400));
    expect((await askAs("cid")).status).toBe(400);
    expect((await askAs("cid", chatBody({ model: "other" }))).status).toBe(404);
    expect((await askAs("cid", Buffer.from("{"))).status).toBe(400);
    rig.does("primary", completes(30));
    await spend("cid");
    expect(callsOf("cid").map(({ hits }) => hits)).toEqual([0, 0, 30]);
  });

  test("keeps payers apart, and those without a name together", async () => {
    for (let i = 0; i < 4; i++) await spend("dan");
    expect([(await askAs("dan")).status, (await askAs("eve")).status]).toEqual([429, 200]);
    const nobody = await rig.ask();
    expect([nobody.status, service.calls.some(({ descriptor }) => descriptor === "user=nobody")]).toEqual([200, true]);
  });

  test("shows the payer's header to no backend, and the service nothing but the payer", async () => {
    rig.primary.forget();
    await spend("fay");
    expect(rig.primary.wire).toMatch(/^POST /);
    expect(rig.primary.wire).not.toMatch(/x-user-id|fay/);
    expect(callsOf("fay")).toEqual([0, 30].map((hits) => ({ domain: "pointsman", descriptor: "user=fay", hits })));
  });

  test("charges for a stream that its client leaves what was told by then: nothing", async () => {
    rig.does("primary", (_received, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('data: {"choices":[]}\n\n');
    });
    const port = rig.envoy.ports.get("requests");
    const leaving = new AbortController();
    const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
      method: "POST",
      body: chatBody({ stream: true }),
      headers: { "content-type": "application/json", "x-user-id": "gil" },
      signal: leaving.signal,
    });
    leaving.abort();
    await expect(answer.text()).rejects.toThrow();
    rig.does("primary", completes(30));
    await spend("gil");
    expect(callsOf("gil").map(({ hits }) => hits)).toEqual([0, 0, 30]);
  });
});

describe.skipIf(!hasEnvoy)("token-limit.yaml without its service", () => {
  test("lets requests pass", async () => {
    const rig = await startBackendsRig({ edits: [...partsOf("token-limit.yaml"), serviceAt("127.0.0.1:1")] });
    const { status } = await rig.ask();
    await rig.stop();
    expect(status).toBe(200);
  });
});

describe.skipIf(!hasEnvoy)("a charge by a header", () => {
  /** Why the payer's name is moved into metadata: the charge reads the headers as the last attempt left them. */
  test.each([
    { header: "authorization", charged: ["key=Bearer client", `key=Bearer ${keys.primary}`] },
    { header: "cookie", charged: ["key=client"] },
  ])("$header is told as the attempt has it", async ({ header, charged }) => {
    const service = await startRateLimitServer(BUDGET);
    const edits = [...partsOf("token-limit.yaml"), serviceAt(service.address)];
    const limits = [...failoverPlaces.route, "typed_per_filter_config", "envoy.filters.http.ratelimit", "rate_limits"];
    const to = [{ request_headers: { header_name: header, descriptor_key: "key" } }];
    const byHeader = [0, 1].map((at): Edit => ({ op: "set", at: [...limits, at, "actions"], to }));
    // Who is charged for sure: its charge comes behind the other's.
    const last: Edit = {
      op: "add",
      at: [...limits, 2],
      to: {
        actions: [{ generic_key: { descriptor_key: "all", descriptor_value: "all" } }],
        apply_on_stream_done: true,
        hits_addend: { format: "%DYNAMIC_METADATA(pointsman:llm_total_token)%" },
      },
    };
    const rig = await startBackendsRig({ edits: [...edits, ...byHeader, last] });
    await rig.ask({ headers: { authorization: "Bearer client", cookie: "client" } });
    while (!service.calls.some(({ descriptor }) => descriptor === "all=all")) await delay(5);
    await rig.stop();
    service.close();
    const told = service.calls.map(({ descriptor }) => descriptor).filter((each) => each !== "all=all");
    expect(told).toEqual(charged);
  });
});
