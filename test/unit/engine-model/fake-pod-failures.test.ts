import { afterEach, describe, expect, test, vi } from "vitest";
import { type FakePod, type FakePodOptions, startFakePod } from "../../../src/engine-model/fake-pod.ts";

/** A busy machine may need long for what takes a moment on an idle one. */
const patiently = { timeout: 8000 };

const pods: FakePod[] = [];
afterEach(async () => {
  await Promise.all(pods.splice(0).map((pod) => pod.stop()));
});

async function start(options: FakePodOptions = {}): Promise<FakePod> {
  const pod = await startFakePod({ speed: 1000, ...options });
  pods.push(pod);
  return pod;
}

/** A connection per request: one kept from a killed pod would fail the first request to its next life. */
const headers = { connection: "close", "content-type": "application/json" };

function get(pod: FakePod, path: string): Promise<Response> {
  return fetch(`http://${pod.address}${path}`, { headers });
}

function complete(pod: FakePod, extra: object = {}): Promise<Response> {
  const body = JSON.stringify({ prompt: "import os", max_tokens: 2, ...extra });
  return fetch(`http://${pod.address}/v1/completions`, { method: "POST", headers, body });
}

function flip(pod: FakePod, switches: object): Promise<Response> {
  return fetch(`http://${pod.address}/fake/switches`, { method: "POST", headers, body: JSON.stringify(switches) });
}

async function statusOf(answer: Promise<Response>): Promise<number> {
  const { status, body } = await answer;
  await body?.cancel();
  return status;
}

/** A request that is still unanswered after others, sent later, went back and forth. */
async function expectUnanswered(request: Promise<unknown>, other: () => Promise<unknown>): Promise<void> {
  const settled = request.then(
    () => "answered",
    () => "failed",
  );
  for (let round = 0; round < 3; round++) {
    expect(await Promise.race([settled, other().then(() => "unanswered")])).toBe("unanswered");
  }
}

describe("fake pod, switches", () => {
  test("fail500 fails inference and leaves the probes well", async () => {
    const pod = await start();
    pod.switches.fail500 = true;
    expect(await statusOf(complete(pod))).toBe(500);
    expect(await statusOf(get(pod, "/health"))).toBe(200);
    pod.switches.fail500 = false;
    expect(await statusOf(complete(pod))).toBe(200);
  });

  test("hang accepts and never answers, but can be switched off", async () => {
    const pod = await start();
    await flip(pod, { hang: true });
    const hung = [complete(pod), get(pod, "/health"), get(pod, "/metrics")];
    for (const request of hung) await expectUnanswered(request, () => get(pod, "/fake/switches"));
    await flip(pod, { hang: false });
    expect(await statusOf(complete(pod))).toBe(200);
    await pod.stop();
    expect((await Promise.allSettled(hung)).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  });

  test("slowMetricsMs delays the metrics only", async () => {
    const pod = await start();
    pod.switches.slowMetricsMs = 3_600_000;
    const slow = get(pod, "/metrics");
    await expectUnanswered(slow, () => get(pod, "/health"));
    await pod.stop();
    await expect(slow).rejects.toThrow();
    const other = await start();
    other.switches.slowMetricsMs = 1;
    expect(await statusOf(get(other, "/metrics"))).toBe(200);
  });

  test("lieMetrics replaces the gauges it names", async () => {
    const pod = await start({ model: "m" });
    pod.switches.lieMetrics = { waiting: 41, kvUsage: 0.75 };
    const page = await (await get(pod, "/metrics")).text();
    const labels = '{engine="0",model_name="m"}';
    expect(page).toContain(`vllm:num_requests_waiting${labels} 41.0\n`);
    expect(page).toContain(`vllm:num_requests_running${labels} 0.0\n`);
    expect(page).toContain(`vllm:kv_cache_usage_perc${labels} 0.75\n`);
  });

  test("drain refuses new requests and lets old ones finish", async () => {
    // Far more steps than the clock runs in one turn, so the first chunk is read while the stream goes on.
    const pod = await start({ speed: 200 });
    const answer = await complete(pod, { stream: true, max_tokens: 3000, ignore_eos: true });
    const reader = answer.body!.getReader();
    let text = new TextDecoder().decode((await reader.read()).value);
    pod.switches.drain = true;
    expect(text).not.toContain("[DONE]");
    expect(await statusOf(get(pod, "/health"))).toBe(503);
    expect(await statusOf(complete(pod))).toBe(503);
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += new TextDecoder().decode(part.value);
    }
    expect(text.match(/"object":"text_completion"/g)).toHaveLength(3000);
    expect(text).toMatch(/data: \[DONE\]\n\n$/);
  });

  test("are set and read over HTTP", async () => {
    const pod = await start();
    const lie = { waiting: 3 };
    const answer = await flip(pod, { fail500: true, lieMetrics: lie });
    const expected = { fail500: true, hang: false, slowMetricsMs: 0, lieMetrics: lie, drain: false };
    expect(await answer.json()).toEqual(expected);
    expect(await (await get(pod, "/fake/switches")).json()).toEqual(expected);
    expect(pod.switches).toEqual(expected);
  });

  test.each([
    [{ explode: true }, "explode: no such switch"],
    [{ hang: "yes" }, "hang: expected a boolean"],
    [{ slowMetricsMs: -1 }, "slowMetricsMs: expected milliseconds"],
    [{ lieMetrics: { queue: 1 } }, "lieMetrics: expected null, or numbers"],
  ])("refuse %o and change nothing", async (patch, message) => {
    const pod = await start();
    const answer = await flip(pod, { drain: true, ...patch });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain(message);
    expect(pod.switches.drain).toBe(false);
  });

  test("know two methods", async () => {
    const pod = await start();
    const answer = await fetch(`http://${pod.address}/fake/switches`, { method: "DELETE" });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, POST"]);
  });
});

describe("fake pod, death", () => {
  test("kill cuts open streams and refuses connections", async () => {
    const pod = await start({ speed: 1 });
    const answer = await complete(pod, { stream: true, max_tokens: 30_000, ignore_eos: true });
    await pod.kill();
    await expect(answer.text()).rejects.toThrow();
    await expect(get(pod, "/health")).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
    expect(pod.alive).toBe(false);
  });

  test("revive brings a cold pod back on the same port, its switches as they were", async () => {
    const pod = await start({ engine: { blockTokens: 4 } });
    const { address } = pod;
    const cachedTokens = async () => {
      const answer = await complete(pod, { prompt: "one two three four five six seven eight" });
      return ((await answer.json()) as { usage: { prompt_tokens_details: { cached_tokens: number } } }).usage
        .prompt_tokens_details.cached_tokens;
    };
    expect([await cachedTokens(), await cachedTokens()]).toEqual([0, 8]);
    pod.switches.lieMetrics = { waiting: 1 };
    await pod.kill();
    await pod.revive();
    expect([pod.address, pod.alive, pod.switches.lieMetrics]).toEqual([address, true, { waiting: 1 }]);
    expect(pod.engine.metrics.promptTokens).toBe(0);
    expect(await cachedTokens()).toBe(0);
  });

  test("refuse over HTTP answers first, then kills", async () => {
    const pod = await start();
    expect(await statusOf(flip(pod, { refuse: true }))).toBe(200);
    await vi.waitFor(() => expect(pod.alive).toBe(false), patiently);
    await pod.revive();
    expect(await statusOf(get(pod, "/health"))).toBe(200);
  });

  test("refuse with reviveAfterMs comes back by itself, as a new life", async () => {
    const pod = await start();
    const { engine } = pod;
    await flip(pod, { refuse: true, reviveAfterMs: 1 });
    await vi.waitFor(() => expect(pod.engine).not.toBe(engine), patiently);
    expect(await statusOf(get(pod, "/health"))).toBe(200);
  });

  test("kill, revive and stop may be called twice", async () => {
    const pod = await start();
    await Promise.all([pod.kill(), pod.kill()]);
    await Promise.all([pod.revive(), pod.revive()]);
    expect(await statusOf(complete(pod))).toBe(200);
    expect(pod.engine.metrics.promptTokens).toBeGreaterThan(0);
    await Promise.all([pod.stop(), pod.stop()]);
    await pod.revive();
    expect(pod.alive).toBe(false);
  });
});

describe("startFakePod", () => {
  test("fails at once when its port is taken", async () => {
    const pod = await start();
    const port = Number(pod.address.split(":")[1]);
    await expect(startFakePod({ port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  test.each([
    [{ maxModelLen: 2000, engine: { kvTokens: 1000 } }, "maxModelLen 2000 is above the KV capacity 992"],
    [{ answerTokens: [9, 5] as const }, "answerTokens"],
    [{ speed: -1 }, "speed"],
  ])("refuses %o", async (options, message) => {
    await expect(startFakePod(options)).rejects.toThrow(message);
  });
});
