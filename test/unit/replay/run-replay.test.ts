import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError, type ConfigFault } from "../../../src/errors.ts";
import { decodeMessage } from "../../../src/ext-proc/decode-message.ts";
import { headerMap, protoMethods } from "../../../src/ext-proc/messages.ts";
import { Stream } from "../../../src/ext-proc/stream.ts";
import { type Comparison, writeComparison } from "../../../src/replay/compare.ts";
import { type NamedProfile, readNamedProfile } from "../../../src/replay/read-profile.ts";
import { type Records, readRecords } from "../../../src/replay/read-records.ts";
import { runReplay } from "../../../src/replay/run-replay.ts";
import { PickerInHand } from "../../support/picker-in-hand.ts";
import { Random } from "../../support/random.ts";

const PODS = 6;
const LOGGED = 200;
let folder: string;

const profileOf = (scorers: string, pick = "best") => `
pools: [{ name: chat, pods: { static: [10.0.0.1:8000] } }]
profiles:
  default: { scorers: [${scorers}], pick: ${pick} }
`;
const affine = profileOf("{ use: prefix-cache, weight: 3 }, { use: queue-depth, weight: 2 }, kv-cache");
const texts = {
  "affine.yaml": affine,
  "loads.yaml": profileOf("queue-depth, kv-cache, in-flight"),
  "capacity.yaml": profileOf("capacity, queue-depth"),
  "drawn.yaml": profileOf("prefix-cache, kv-cache", "weighted-random"),
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "replay-"));
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
  await writeLog("affine.jsonl", affine);
  await writeLog("loads.jsonl", texts["loads.yaml"]);
  writeFileSync(join(folder, "sessions.jsonl"), sessions());
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The log of a picker with this configuration, under a traffic with shared heads on busy pods. */
async function writeLog(name: string, config: string): Promise<void> {
  const pods = Array.from({ length: PODS }, (_, i) => ({ name: `pod-${i}`, address: `10.0.0.${i}:8000` }));
  const picker = new PickerInHand(config, pods, { decisionLog: join(folder, name) });
  const random = new Random(11);
  const { requestSerialize } = protoMethods().process;
  for (let n = 0; n < LOGGED; n++) {
    if (n % 10 === 0) picker.shuffle(random);
    for (const { slot } of picker.table.pods()) picker.table.admission[slot] = 1;
    const stream = new Stream({ send: () => {}, end: () => {}, peer: () => "test" }, picker.host);
    const content = `${"the same head for some. ".repeat(40)}${random.int(6)}${" and more ".repeat(random.int(90))}`;
    const body = Buffer.from(JSON.stringify({ model: "m", messages: [{ role: "user", content }] }));
    const headers = {
      ":method": "POST",
      ":path": "/v1/chat/completions",
      "x-request-id": `r${n}`,
      "content-length": "9",
    };
    for (const message of [
      { request_headers: { headers: headerMap(headers) }, protocol_config: { request_body_mode: "BUFFERED" as const } },
      { request_body: { body, end_of_stream: true } },
    ]) {
      stream.on(decodeMessage(requestSerialize(message)));
    }
    stream.onHalfClose();
  }
  await picker.decisions?.close();
}

/** A trace of conversations that grow, as JSON lines with ids of 512 tokens. */
function sessions(): string {
  const rows = Array.from({ length: 60 }, (_, at) => {
    const [session, turn] = [at % 12, Math.floor(at / 12)];
    const ids = [1, 2, ...Array.from({ length: turn + 1 }, (__, n) => 100 * (session + 1) + n)];
    return {
      timestamp: session * 700,
      input_length: ids.length * 512 - 100,
      output_length: 40,
      hash_ids: ids,
      session,
      think: 1,
    };
  });
  return rows.map((row) => JSON.stringify(row)).join("\n");
}

function named(file: string): NamedProfile {
  const faults: ConfigFault[] = [];
  const read = readNamedProfile(join(folder, file), faults);
  if (read === undefined || faults.length > 0) throw new ConfigError(faults);
  return read;
}

async function compared(file: string, one: string, other: string, seed = 0): Promise<Comparison> {
  const records = await readRecords(join(folder, file), 0);
  const options = { path: file, examples: 3, podCount: 4, speed: 1, isSeeded: seed !== 0, seed: seed || 1 };
  return runReplay(records, [named(one), named(other)], options);
}

describe("a replay of a decision log", () => {
  test("makes every pick as the log says with the profile that the log was made with, ties by lot included", async () => {
    const { sums, differing, requests } = await compared("affine.jsonl", "affine.yaml", "affine.yaml");
    expect({ requests, differing }).toEqual({ requests: LOGGED, differing: 0 });
    expect(sums.map(({ asLogged }) => asLogged)).toEqual([LOGGED, LOGGED]);
    expect(sums[0]?.predictedHit).toBeGreaterThan(0.3);
  });

  test("tells where another profile goes elsewhere, and why each goes where it does", async () => {
    const { differing, examples, sums } = await compared("affine.jsonl", "affine.yaml", "loads.yaml");
    expect(differing).toBeGreaterThan(10);
    expect(sums[1]?.asLogged).toBe(LOGGED - differing);
    expect(sums[0]?.predictedHit).toBeGreaterThan(sums[1]?.predictedHit ?? 1);
    expect(examples).toHaveLength(3);
    for (const { picks } of examples) {
      expect(picks[0]?.pod).not.toBe(picks[1]?.pod);
      for (const { pod, why } of picks) expect(why).toContain(`${pod} `);
    }
  });

  test("finds prefix hits by the fingerprints where nobody had asked for them", async () => {
    const { sums } = await compared("loads.jsonl", "loads.yaml", "affine.yaml");
    expect(sums.map(({ asLogged }) => asLogged)).toEqual([LOGGED, expect.any(Number)]);
    expect(sums[1]?.predictedHit).toBeGreaterThan(0.3);
  });

  test("says of what the log tells nothing", async () => {
    const { notes } = await compared("affine.jsonl", "affine.yaml", "capacity.yaml");
    expect(notes).toEqual([
      `${join(folder, "capacity.yaml")} reads capacity, of which the log tells nothing: unknown.`,
    ]);
  });

  test("draws other lots with a seed of its own, and the same ones again with the same", async () => {
    const once = await compared("affine.jsonl", "affine.yaml", "drawn.yaml", 5);
    expect(await compared("affine.jsonl", "affine.yaml", "drawn.yaml", 5)).toEqual(once);
    expect(await compared("affine.jsonl", "affine.yaml", "drawn.yaml", 6)).not.toEqual(once);
    expect(once.sums[0]?.asLogged).toBeLessThan(LOGGED);
  });

  test("passes over other lines, such as those of a log on the same output", async () => {
    const log = readFileSync(join(folder, "affine.jsonl"), "utf8");
    writeFileSync(join(folder, "mixed.jsonl"), `{"level":30,"msg":"starting"}\nno json\n${log}`);
    expect(await readRecords(join(folder, "mixed.jsonl"), 7)).toMatchObject({
      kind: "log",
      unread: 2,
      picks: { length: 7 },
    });
  });
});

describe("a log with lines that are no picks of ours", () => {
  test("is a log all the same: wrong shapes are left out and counted, a row of a trace is another line", async () => {
    const [line = ""] = readFileSync(join(folder, "affine.jsonl"), "utf8").split("\n");
    const { candidates, ...pick } = JSON.parse(line);
    const wrong = [
      { ...pick, candidates, prefix: { blockTokens: 64, ids: 5 } },
      { ...pick, candidates: [{ pod: "a", signals: {} }] },
      { ...pick, candidates: { ...candidates, addresses: [] } },
      { ...pick, candidates: { ...candidates, signals: { waiting: "none" } } },
      { ...pick, candidates, promptTokens: "x" },
    ];
    const row = { hash_ids: [1], input_length: 9 };
    const texts = [pick.event, ...[{ ...pick, candidates }, row, ...wrong].map((each) => JSON.stringify(each))];
    writeFileSync(join(folder, "wrong.jsonl"), texts.join("\n"));
    expect(await readRecords(join(folder, "wrong.jsonl"), 0)).toMatchObject({
      ...{ kind: "log", picks: { length: 1 }, unread: 7, misshapen: 5 },
    });
    expect((await compared("wrong.jsonl", "affine.yaml", "loads.yaml")).source).toContain(
      "1 requests, 7 other lines (5 are picks that cannot be read, perhaps of another version)",
    );
    writeFileSync(join(folder, "old.jsonl"), wrong.map((each) => JSON.stringify(each)).join("\n"));
    const fault = await readRecords(join(folder, "old.jsonl"), 0).catch((error: unknown) => error);
    expect(fault instanceof ConfigError ? fault.faults[0]?.got : fault).toContain("another version");
  });

  test("is read to the last request that is wanted, and not further", async () => {
    const log = readFileSync(join(folder, "affine.jsonl"), "utf8");
    const long = "x".repeat(17 * 1024 * 1024);
    writeFileSync(join(folder, "long.jsonl.gz"), gzipSync(`${long}\n${log}${long}`));
    const read = async (limit: number) => await readRecords(join(folder, "long.jsonl.gz"), limit);
    expect(await read(3)).toMatchObject({ picks: { length: 3 } });
    expect(await read(0)).toMatchObject({ picks: { length: LOGGED } });
    // Cut in the middle, it is read as far as wanted.
    writeFileSync(join(folder, "cut.jsonl.gz"), gzipSync(log).subarray(0, -40));
    expect(await readRecords(join(folder, "cut.jsonl.gz"), 3)).toMatchObject({ picks: { length: 3 } });
  });
});

describe("a replay of a trace", () => {
  const run = (one: string, other: string): Promise<Comparison> => compared("sessions.jsonl", one, other);

  test("serves it by model pods behind each profile: what goes by prefixes hits more, and so answers sooner", async () => {
    const { sums, differing, requests } = await run("affine.yaml", "loads.yaml");
    const [affinity, load] = sums;
    expect(requests).toBe(60);
    expect(differing).toBeGreaterThan(10);
    expect(affinity?.hit).toBeGreaterThan((load?.hit ?? 1) + 0.1);
    expect(affinity?.ttftSeconds?.mean).toBeLessThan(load?.ttftSeconds?.mean ?? 0);
    // The engines hit what was predicted of them.
    expect(affinity?.predictedHit).toBeCloseTo(affinity?.hit ?? 0, 1);
  });

  test("is the same run each time, and the same twice for one profile", async () => {
    const once = await run("affine.yaml", "drawn.yaml");
    expect(await run("affine.yaml", "drawn.yaml")).toEqual(once);
    expect((await run("affine.yaml", "affine.yaml")).differing).toBe(0);
  });
});

describe("readRecords", () => {
  test("reads rows with ids, packed or not, and a table of lengths", async () => {
    const rows = '{"timestamp":5,"input_length":600,"output_length":3,"hash_ids":[1,2]}\nbroken\n';
    writeFileSync(join(folder, "rows.jsonl.gz"), gzipSync(rows));
    const row = { atMs: 5, promptTokens: 600, answerTokens: 3, ids: [1, 2], session: undefined, thinkMs: 0 };
    expect(await readRecords(join(folder, "rows.jsonl.gz"), 0)).toEqual({ kind: "trace", unread: 1, rows: [row] });
    const table =
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:47.1805900,9,0\n";
    writeFileSync(join(folder, "table.csv"), table);
    const { rows: read } = (await readRecords(join(folder, "table.csv"), 0)) as Extract<Records, { kind: "trace" }>;
    expect(read.map(({ atMs, promptTokens, answerTokens }) => [atMs, promptTokens, answerTokens])).toEqual([
      [0, 374, 44],
      [500, 9, 1],
    ]);
  });

  test.each([
    ["missing.jsonl", undefined, "a readable file"],
    ["empty.jsonl", "", "a decision log, or a trace"],
    ["text.jsonl", "hello", "a decision log, or a trace"],
    ["ends.jsonl", '{"event":"end","id":"x-1"}', "a decision log, or a trace"],
  ])("says what is wrong with %s", async (name, text, expected) => {
    const path = join(folder, name);
    if (text !== undefined) writeFileSync(path, text);
    const fault = await readRecords(path, 0).catch((error: unknown) => error);
    expect(fault instanceof ConfigError ? fault.faults[0]?.expected : fault).toContain(expected);
  });
});

test("readNamedProfile takes the profile of the file's pool, or the one that is named, and lists faults", () => {
  const two =
    "pools: [{ name: p, profile: second, pods: { static: [10.0.0.1:1] } }, { name: q, profile: first, pods: { static: [10.0.0.1:1] } }]\nprofiles: { first: { scorers: [queue-depth] }, second: { scorers: [kv-cache] } }\n";
  const path = join(folder, "two.yaml");
  writeFileSync(path, two);
  const faults: ConfigFault[] = [];
  const scorersOf = (label: string) =>
    readNamedProfile(label, faults)?.profile.scorers.map(({ scorer }) => scorer.name);
  expect(scorersOf(`${path}#second`)).toEqual(["kv-cache"]);
  expect(scorersOf(`${path}#first`)).toEqual(["queue-depth"]);
  expect(faults).toEqual([]);
  expect(scorersOf(`${path}#third`)).toBeUndefined();
  expect(faults).toMatchObject([{ expected: "one of default, first, second", got: "third" }]);
});

test("writeComparison puts the sums of both beside each other, and then the examples", async () => {
  const text = writeComparison(await compared("affine.jsonl", "affine.yaml", "loads.yaml")).join("\n");
  expect(text).toMatch(/picks as the log says +200 +\d+\n/);
  expect(text).toMatch(/They differ in \d+ of 200 requests \(\d+\.\d %\)\./);
  expect(text).toMatch(/\n {2}A: pod-\d .*\n {2}B: pod-\d /);
});
