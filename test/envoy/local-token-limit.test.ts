/**
 * Envoy's local rate limits by tokens, with the parts that are shipped for them: each request pays what the answers before it
 * have cost its payer, streaming or not, whoever served them.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type BackendsRig, chatBody, startBackendsRig, twoBackends } from "../support/backends-rig.ts";
import { completes } from "../support/chat-answers.ts";
import { partsOf } from "../support/config-parts.ts";
import type { Answer } from "../support/http-framings.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";
import { answers } from "../support/wired-backend.ts";

const hasEnvoy = (await findTestEnvoy()) !== undefined;
const bodies = { "in one piece": chatBody(), "as a stream": chatBody({ stream: true }) } as const;

/** Of the bucket that nobody empties, for requests that have nothing to pay. */
const UNCOUNTED = "4294967295";

/** Its status, and what was left of 100 tokens when the request had paid; undefined where it paid nothing. */
function seen({ status, headers }: Answer): unknown[] {
  const left = headers["x-ratelimit-remaining"];
  return [status, left === UNCOUNTED ? undefined : left];
}

describe.skipIf(!hasEnvoy)("local-token-limit.yaml", () => {
  let rig: BackendsRig;

  beforeAll(async () => {
    const file = twoBackends.replace("listen: {", "listen: { payerHeader: x-user-id, payerMost: 90,");
    rig = await startBackendsRig({ file, edits: partsOf("local-token-limit.yaml") });
  });

  afterAll(() => rig?.stop());

  beforeEach(() => {
    rig.does("primary", completes(30));
    rig.does("fallback", completes(50));
  });

  const askAs = (user: string, body: Buffer = chatBody()): Promise<Answer> =>
    rig.ask({ body, headers: { "x-user-id": user } });

  test.each(Object.entries(bodies))("counts down by the tokens of answers %s, then refuses", async (how, body) => {
    const user = `ann, ${how}`;
    const answersSeen: unknown[] = [];
    for (let i = 0; i < 5; i++) answersSeen.push(seen(await askAs(user, body)));
    expect(answersSeen).toEqual([
      [200, undefined],
      [200, "70"],
      [200, "40"],
      [200, "10"],
      [429, "10"],
    ]);
    const asked = rig.asked.length;
    // What is refused stays due: the next one is refused as well, and no backend asked.
    expect((await askAs(user, body)).status).toBe(429);
    expect(rig.asked.length).toBe(asked);
  });

  test.each(Object.entries(bodies))("charges %s what the backend that served took", async (how, body) => {
    const user = `ben, ${how}`;
    rig.does("primary", answers(500));
    await askAs(user, body);
    expect(seen(await askAs(user, body))).toEqual([200, "50"]);
  });

  test("charges nothing for what cost nothing, and each payer for its own", async () => {
    rig.does("primary", answers(400));
    expect((await askAs("cid")).status).toBe(400);
    rig.does("primary", completes(30));
    await askAs("dan");
    expect(seen(await askAs("cid"))).toEqual([200, undefined]);
    expect(seen(await askAs("dan"))).toEqual([200, "70"]);
  });

  const models = (user: string) =>
    fetch(`http://127.0.0.1:${rig.envoy.ports.get("requests")}/v1/models`, { headers: { "x-user-id": user } });

  test.each<[string, (user: string) => Promise<unknown>]>([
    ["a model that has no route", (user) => askAs(user, chatBody({ model: "nope" }))],
    ["what cannot be read", (user) => askAs(user, Buffer.from("{"))],
    [
      "the list of models, which is charged as well",
      async (user) => expect([200, 429]).toContain((await models(user)).status),
    ],
  ])("lets nobody off who asks in between for %s", async (what, askOther) => {
    const user = `gus, ${what}`;
    for (let i = 0; i < 4; i++) {
      await askAs(user);
      await askOther(user);
    }
    expect((await askAs(user)).status).toBe(429);
  });

  test("has what is more than a bucket holds paid in parts", async () => {
    rig.does("primary", completes(150));
    await askAs("eve");
    expect(seen(await askAs("eve"))).toEqual([200, "10"]);
    expect((await askAs("eve")).status).toBe(429);
  });

  test("shows the payer's header to no backend, the second one neither", async () => {
    rig.does("primary", answers(500));
    rig.primary.forget();
    rig.fallback.forget();
    await askAs("fay");
    for (const { wire } of [rig.primary, rig.fallback]) {
      expect(wire).toMatch(/^POST /);
      expect(wire).not.toMatch(/x-user-id|fay/);
    }
  });
});
