/** What explain says of a request is what becomes of it: asked of one picker whose state only its own picks move. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Explanation } from "../../src/explain/explanation.ts";
import { connectExtProc, type ExtProcClient } from "../../src/ext-proc/client.ts";
import { headerMap, type ProcessingResponse } from "../../src/ext-proc/messages.ts";
import { readAsked } from "../../src/observe/read-asked.ts";
import { PickerInHand } from "../support/picker-in-hand.ts";
import { Random } from "../support/random.ts";

const REQUESTS = 1_000;
const SEED = 20261;

const config = `
strategies: { enabled: true }
rewrites:
  - models: drawn
    to: [{ model: base, weight: 1 }, { model: other, weight: 1 }]
pools:
  - { name: plain, pods: { static: [10.0.0.1:8000] } }
  - { name: busy, profile: all, pods: { static: [10.0.0.1:8000] } }
  - { name: lots, profile: lots, pods: { static: [10.0.0.1:8000] } }
  - { name: strict, profile: strict, pods: { static: [10.0.0.1:8000] } }
profiles:
  all:
    scorers:
      - { use: prefix-cache, weight: 3 }
      - { use: queue-depth, weight: 2 }
      - { use: session-affinity, weight: 2 }
      - { use: lora-affinity, weight: 1 }
      - { use: token-load, weight: 1 }
      - { use: no-hit-lru, weight: 1 }
      - { use: capacity, weight: 1 }
    pick: { use: best, endpoints: 3 }
  lots:
    scorers: [prefix-cache, kv-cache]
    pick: weighted-random
  strict:
    scorers: [prefix-cache, in-flight]
    filters: [saturation]
    pick: { use: top-k, k: 3 }
`;

interface Asked {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: unknown;
  readonly subset?: string[];
}

const PODS = 7;
const addresses = Array.from({ length: PODS }, (_, i) => `10.0.0.${i + 1}:8000`);
let picker: PickerInHand;
let client: ExtProcClient;

beforeAll(async () => {
  const pods = addresses.map((address, i) => ({ name: `pod-${i + 1}`, address, labels: { gpus: String(i % 2) } }));
  picker = await new PickerInHand(config, pods).listen();
  const models = (names: string[]) => ({ entries: names.map((id) => ({ id })) }) as never;
  for (const [i, pod] of picker.table.pods().entries()) {
    picker.models.set(pod, models(i < 4 ? ["base", "tuned"] : ["base", "other"]));
  }
  picker.objectives.set("busy", new Map([["urgent", 10]]));
  client = connectExtProc({ address: picker.address });
  await client.ready(5_000);
});

afterAll(() => {
  client.close();
  picker.stop();
});

function randomRequest(random: Random): Asked {
  const system = `You are helper number ${random.int(4)}. ${"Be kind and brief. ".repeat(20 + random.int(40))}`;
  const turns = Array.from({ length: random.int(4) }, (_, turn) => ({
    role: turn % 2 === 0 ? "user" : "assistant",
    content: `conversation ${random.int(3)}: ${"and then some ".repeat(random.int(60))}`,
  }));
  const model = random.of(["base", "base", "tuned", "other", "drawn", "nobody-serves-it"]);
  const messages = [{ role: "system", content: system }, ...turns];
  const isChat = random.chance(0.7);
  return {
    path: isChat ? "/v1/chat/completions" : "/v1/completions",
    headers: {
      "content-type": "application/json",
      ...(random.chance(0.9) && { "x-pointsman-pool": random.of(["plain", "busy", "lots", "strict", "no-such-pool"]) }),
      ...(random.chance(0.4) && { "x-session-id": `s${random.int(9)}` }),
      ...(random.chance(0.2) && { "x-llm-d-inference-objective": "urgent" }),
      ...(random.chance(0.2) && {
        "routing-strategy": random.of(["least-request", "prefix-cache", "random", "power-of-two", "lots", "nonsense"]),
      }),
      ...(random.chance(0.05) && { prefer: "if-available" }),
    },
    body: isChat ? { model, messages } : { model, prompt: system, user: `u${random.int(3)}` },
    ...(random.chance(0.15) && { subset: Array.from({ length: random.int(4) }, () => random.of(addresses)) }),
  };
}

/** By a stream of its own, as Envoy asks. */
async function live(
  { path, headers, body, subset }: Asked,
  isDuplex: boolean,
): Promise<ProcessingResponse | undefined> {
  const stream = client.process();
  const bytes = Buffer.from(JSON.stringify(body));
  const all = {
    ":method": "POST",
    ":path": path,
    "x-request-id": "r",
    ...headers,
    "content-length": String(bytes.length),
  };
  const hint = { fields: { "x-gateway-destination-endpoint-subset": { stringValue: (subset ?? []).join(",") } } };
  stream.send({
    request_headers: { headers: headerMap(all) },
    ...(subset !== undefined && { metadata_context: { filter_metadata: { "envoy.lb.subset_hint": hint } } }),
    protocol_config: { request_body_mode: isDuplex ? "FULL_DUPLEX_STREAMED" : "BUFFERED", response_body_mode: "NONE" },
  });
  // The answer to the headers waits for the body in the one mode, and the body for that answer in the other.
  const first = isDuplex ? undefined : await stream.reply();
  stream.send({ request_body: { body: bytes, end_of_stream: true } });
  const reply = first?.immediate_response === undefined ? await stream.reply() : first;
  stream.halfClose();
  await stream.ended;
  return reply;
}

/** What must be equal: all but when it was and how long it took. */
function comparable({ id: _, at: __, milliseconds: ___, candidates, seed, outcome, ...rest }: Explanation): object {
  const withoutAge = candidates.map(({ ageMs, ...each }) => ({ ...each, isAged: ageMs !== null }));
  return { ...rest, outcome, candidates: withoutAge, seed: outcome.kind === "picked" ? seed : "none" };
}

function destinationOf(reply: ProcessingResponse | undefined): string | undefined {
  const common = (reply?.request_body ?? reply?.request_headers)?.response;
  const headers = common?.header_mutation?.set_headers ?? [];
  return headers.find(({ header }) => header?.key === "x-gateway-destination-endpoint")?.header?.raw_value?.toString();
}

function explained(asked: Asked): Explanation {
  const read = readAsked(Buffer.from(JSON.stringify(asked)), undefined);
  if ("fault" in read) throw new Error(read.fault);
  const told = picker.explain(read);
  if (told === "listed") throw new Error("listed");
  return told;
}

test(`explain says where each of ${REQUESTS} random requests goes, and why, before it goes there`, async () => {
  const random = new Random(SEED);
  const seen = new Map<string, number>();
  const note = (word: string) => seen.set(word, (seen.get(word) ?? 0) + 1);
  for (let n = 0; n < REQUESTS; n++) {
    if (n % 5 === 0) picker.shuffle(random);
    const asked = randomRequest(random);
    const before = structuredClone({ columns: picker.table.columns, entries: picker.index.entries });
    const foreseen = explained(asked);
    expect(explained(asked).outcome, `request ${n}, asked twice`).toEqual(foreseen.outcome);
    expect({ columns: picker.table.columns, entries: picker.index.entries }).toEqual(before);
    const reply = await live(asked, random.chance(0.3));
    const [latest] = picker.trace.latest(1) as { id: string }[];
    const made = picker.trace.explanation(latest?.id ?? "");
    expect(made && comparable(made), `request ${n}: ${JSON.stringify(asked)}`).toEqual(comparable(foreseen));
    const { outcome, candidates } = foreseen;
    expect(destinationOf(reply)?.split(",")[0]).toBe(outcome.kind === "picked" ? outcome.address : undefined);
    if (outcome.kind === "picked") {
      const [winner, ...others] = candidates.filter(({ isPicked }) => isPicked);
      expect({ pod: winner?.pod, total: winner?.total, others }).toEqual({
        pod: outcome.pod,
        total: outcome.score,
        others: [],
      });
      const weighed = (scores: readonly (number | null)[]) =>
        scores.reduce<number>((sum, score, at) => sum + (score ?? 0) * (foreseen.scorers[at]?.weight ?? 0), 0);
      for (const { scores, total } of candidates) expect(total).toBeCloseTo(weighed(scores), 9);
    }
    note(outcome.kind === "picked" ? foreseen.reason : outcome.code);
    const best = candidates.filter(({ place }) => place === 1);
    if (best.length > 1 && best.some(({ isPicked }) => isPicked)) note("ties");
    if (foreseen.absent.length > 0) note("absent");
    if (foreseen.priority !== undefined) note("priority");
    if (foreseen.strategy !== undefined) note("strategy");
  }
  // The traffic has something of everything, or the test shows little.
  for (const word of ["scored", "model_not_found", "subset_empty", "pool_unknown", "strategy_unknown"]) {
    expect(seen.get(word), word).toBeGreaterThan(5);
  }
  for (const word of ["ties", "absent", "priority", "strategy"]) expect(seen.get(word), word).toBeGreaterThan(20);
});
