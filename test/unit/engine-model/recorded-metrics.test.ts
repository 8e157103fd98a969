/** Compares the fake pod's metrics page with pages of a real vLLM: families, types, help, label names and buckets. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type FakePod, startFakePod } from "../../../src/engine-model/fake-pod.ts";

const folder = join(import.meta.dirname, "../../fixtures/vllm");
const pages = readdirSync(folder).filter((file) => /^metrics-.*\.txt$/.test(file));

/** Families of a real page that the fake pod does not show, and why. */
const knownMissing: Readonly<Record<string, string>> = {
  python_gc_objects_collected_total: "no Python here",
  python_gc_objects_uncollectable_total: "no Python here",
  python_gc_collections_total: "no Python here",
  python_info: "no Python here",
  process_virtual_memory_bytes: "several fake pods share one process",
  process_resident_memory_bytes: "several fake pods share one process",
  process_start_time_seconds: "several fake pods share one process",
  process_cpu_seconds_total: "several fake pods share one process",
  process_open_fds: "several fake pods share one process",
  process_max_fds: "several fake pods share one process",
  "vllm:lora_requests_info": "the fake pod serves no adapters",
};
/** The LoRA family is there only on a server with adapters. */
const onlyOnSomePages = ["vllm:lora_requests_info"];

interface Family {
  readonly type: string;
  readonly hasHelp: boolean;
  /** "sample name{label names}" of all samples; of labels with a fixed list of values also these. */
  readonly samples: readonly string[];
}

function parsePage(text: string): Map<string, Family> {
  const families = new Map<string, { type: string; hasHelp: boolean; samples: Set<string> }>();
  let helped = "";
  let family = { type: "", hasHelp: false, samples: new Set<string>() };
  for (const line of text.trimEnd().split("\n")) {
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
    if (keyword === "HELP") helped = rest === "" ? "" : name;
    else if (keyword === "TYPE") {
      family = { type: rest, hasHelp: helped === name, samples: new Set() };
      families.set(name, family);
    } else family.samples.add(sampleShape(line));
  }
  return new Map(
    [...families].map(([name, { type, hasHelp, samples }]) => [name, { type, hasHelp, samples: [...samples].sort() }]),
  );
}

function sampleShape(line: string): string {
  const [, name = "", braces = "", value = ""] = /^([\w:]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (!Number.isFinite(Number(value))) throw new Error(`no sample: ${line}`);
  // Values count where they are a fixed list that a reader may match.
  const listed = ["le", "reason", "source", "finished_reason", "sleep_state"];
  const labels = [...braces.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) =>
    listed.includes(label ?? "") ? `${label}=${text}` : label,
  );
  return `${name}{${labels.join(",")}}`;
}

function recorded(page: string): Map<string, Family> {
  return parsePage(readFileSync(join(folder, page), "utf8"));
}

/** A busy machine may need long for what takes a moment on an idle one. */
const patiently = { timeout: 8000 };

let pod: FakePod;
let freshPage: Map<string, Family>;
let usedPage: Map<string, Family>;

async function scrape(): Promise<Map<string, Family>> {
  const answer = await fetch(`http://${pod.address}/metrics`);
  expect(answer.headers.get("content-type")).toMatch(/^text\/plain; version=/);
  return parsePage(await answer.text());
}

async function sampleValue(sample: string): Promise<number> {
  const text = await (await fetch(`http://${pod.address}/metrics`)).text();
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${sample} `));
  return Number(line?.slice(sample.length));
}

beforeAll(async () => {
  pod = await startFakePod({ model: "tiny", speed: 1000, engine: { blockTokens: 32 } });
  freshPage = await scrape();
  for (const path of ["/v1/completions", "/tokenize", "/nothing"]) {
    const body = JSON.stringify({ prompt: "import os", max_tokens: 2 });
    const headers = { "content-type": "application/json" };
    await (await fetch(`http://${pod.address}${path}`, { method: "POST", headers, body })).text();
  }
  // Requests are counted when the connection has taken the answer, which the client may learn first.
  await vi.waitFor(async () => {
    usedPage = await scrape();
    expect(usedPage.get("http_requests_total")?.samples).toHaveLength(1);
    expect(await sampleValue(`http_requests_total{handler="none",method="POST",status="4xx"}`)).toBe(1);
  }, patiently);
});
afterAll(() => pod.stop());

describe("fake pod against recorded metrics pages", () => {
  test("there are pages to compare", () => {
    expect(pages.length).toBeGreaterThanOrEqual(4);
    expect(pages).toContain("metrics-idle-fresh.txt");
  });

  test.each(pages)("shows the families of %s, with type, help, labels and buckets", (page) => {
    const real = recorded(page);
    const ours = page === "metrics-idle-fresh.txt" ? freshPage : usedPage;
    const missing = [...real.keys()].filter((name) => !ours.has(name));
    const expected = Object.keys(knownMissing).filter((name) => real.has(name) || !onlyOnSomePages.includes(name));
    expect(missing.sort()).toEqual(expected.sort());
    expect([...ours.keys()].filter((name) => !real.has(name))).toEqual([]);
    for (const [name, family] of ours) expect({ name, ...family }).toEqual({ name, ...real.get(name) });
  });

  test("keeps the order of the families, as a reader may stop early", () => {
    const real = [...recorded("metrics-under-load-no-lora.txt").keys()].filter((name) => !(name in knownMissing));
    expect([...usedPage.keys()]).toEqual(real);
  });
});

describe("fake pod's metrics page", () => {
  test("tells the engine's capacity and block size", async () => {
    const text = await (await fetch(`http://${pod.address}/metrics`)).text();
    const info = text.split("\n").find((line) => line.startsWith("vllm:cache_config_info{")) ?? "";
    expect(info).toContain('block_size="32"');
    expect(info).toContain('num_gpu_blocks="12500"');
    expect(info).toContain('kv_cache_size_tokens="400000"');
  });

  test("counts requests, tokens and HTTP answers", async () => {
    const base = 'engine="0",model_name="tiny"';
    expect(await sampleValue(`vllm:request_success_total{engine="0",finished_reason="length",model_name="tiny"}`)).toBe(
      1,
    );
    expect(await sampleValue(`vllm:generation_tokens_total{${base}}`)).toBe(2);
    expect(await sampleValue(`vllm:time_to_first_token_seconds_count{${base}}`)).toBe(1);
    expect(await sampleValue(`vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf",model_name="tiny"}`)).toBe(
      1,
    );
    expect(await sampleValue(`http_requests_total{handler="/v1/completions",method="POST",status="2xx"}`)).toBe(1);
    expect(await sampleValue(`http_requests_total{handler="none",method="POST",status="4xx"}`)).toBe(1);
  });
});
