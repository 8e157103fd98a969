/** A real Envoy with some config, traffic through it, and what the doctor says of all that it leaves behind. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { adminOn, type Edit, type EnvoyConfig, listenOn, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { bundleOf } from "../../src/doctor/collect.ts";
import { diagnose, evidenceOf, type Source } from "../../src/doctor/diagnose.ts";
import { expectOf, fixOf } from "../../src/doctor/fix.ts";
import { reportOf } from "../../src/doctor/report.ts";
import type { Finding, Verdict } from "../../src/doctor/verdict.ts";
import { type AccessLogFormat, accessLogTo } from "./access-log-formats.ts";
import { chatOfSize } from "./chat-of-size.ts";
import { managerOf } from "./envoy-filter.ts";
import { type Answer, type Ask, ask } from "./http-framings.ts";
import { noteRows } from "./seen-rows.ts";
import { findTestEnvoy } from "./test-envoy.ts";

/** Lines are in the file this long after the answer at the latest, with what a busy machine adds. */
const LOG_FLUSH_MS = 20;
const POLL_MS = 10;
const LOG_PATIENCE_MS = 10_000;

export interface DoctorRigOptions {
  /** A config of deploy/envoy/ as it is shipped but for these edits; listener and admin port are set already. */
  readonly shipped?: string;
  readonly edits?: readonly Edit[];
  /** In place of `shipped`: any other, with admin and listeners on port 0. */
  readonly config?: EnvoyConfig;
  /** Of Envoy; without it the newest. */
  readonly version?: string;
  readonly log?: AccessLogFormat;
}

/** For `describe.skipIf(!(await hasEnvoy()))`; where there is none the reason is printed. */
export async function hasEnvoy(version?: string): Promise<boolean> {
  return (await findTestEnvoy(version)) !== undefined;
}

export async function startDoctorRig(options: DoctorRigOptions): Promise<DoctorRig> {
  const found = await findTestEnvoy(options.version);
  if (found === undefined) throw new Error(`there is no Envoy ${options.version ?? ""}: ask hasEnvoy first`);
  const folder = await mkdtemp(join(tmpdir(), "pointsman-doctor-"));
  const logPath = join(folder, "access.log");
  const { shipped = "buffered.yaml", edits = [], log = "envoy-gateway" } = options;
  const config = options.config ?? renderEnvoyConfig(shipped, [listenOn(0), adminOn(0), ...edits]);
  const envoy = await found.start({ config: withAccessLog(config, logPath, log), logFlushMs: LOG_FLUSH_MS });
  return new DoctorRig(envoy, folder);
}

export class DoctorRig {
  readonly envoy: RunningEnvoy;
  readonly #folder: string;
  #asked = 0;

  constructor(envoy: RunningEnvoy, folder: string) {
    this.envoy = envoy;
    this.#folder = folder;
  }

  /** A chat of 89 bytes to the first listener, or what else the test wants. */
  async ask(question: Partial<Ask> & { readonly listener?: string } = {}): Promise<Answer> {
    const { listener, ...rest } = question;
    const port = listener === undefined ? [...this.envoy.ports.values()][0] : this.envoy.ports.get(listener);
    if (port === undefined) throw new Error(`Envoy has no listener ${listener ?? ""}`);
    this.#asked++;
    const usual = { framing: "h1 content-length", path: "/v1/chat/completions", body: chatOfSize(89) } as const;
    return ask({ port, ...usual, ...rest });
  }

  /** Several, one after the other; their statuses. */
  async askTimes(times: number, question: Parameters<DoctorRig["ask"]>[0] = {}): Promise<number[]> {
    const statuses: number[] = [];
    for (let i = 0; i < times; i++) statuses.push((await this.ask(question)).status);
    return statuses;
  }

  /** What an operator would save: the pages of the admin port, and the access log once it has a line for every request. */
  async sources(): Promise<Source[]> {
    const { admin } = this.envoy;
    const pages: readonly (readonly [string, string])[] = [
      ["config_dump.json", "/config_dump?include_eds"],
      ["stats.txt", "/stats"],
      ["clusters.txt", "/clusters"],
      ["listeners.txt", "/listeners"],
      ["server_info.json", "/server_info"],
    ];
    const read = await Promise.all(pages.map(async ([name, path]) => ({ name, text: await admin(path) })));
    return [...read, { name: "access.log", text: await this.#accessLog() }];
  }

  /** What the doctor says of the sources and of what a test has besides: logs, objects, the picker's pages. */
  async examine(more: readonly Source[] = []): Promise<Examined> {
    const own = await this.sources();
    const seen = examined([...own, ...more]);
    const running = new Set([...own.map(({ name }) => name), ...ofRunning]);
    noteRows(
      "run",
      rowsOf(seen.verdict, ({ evidence: [proof] }) => running.has(proof.source)),
    );
    return seen;
  }

  async stop(): Promise<void> {
    await this.envoy.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #accessLog(): Promise<string> {
    const deadline = performance.now() + LOG_PATIENCE_MS;
    for (;;) {
      const text = await readFile(join(this.#folder, "access.log"), "utf8").catch(() => "");
      if (text.split("\n").length > this.#asked) return text;
      if (performance.now() > deadline) throw new Error(`no line for each of ${this.#asked} requests:\n${text}`);
      await delay(POLL_MS);
    }
  }
}

/** What tests call pages and words that they took of a picker or a pod which runs. */
const ofRunning = ["picker-metrics.txt", "picker.log", "answer.json"];

function rowsOf({ first, also, risks }: Verdict, is: (finding: Finding) => boolean = () => true): number[] {
  const all = [...(first === undefined ? [] : [first]), ...also, ...risks];
  return all.filter(is).map(({ row }) => row.row);
}

export interface Examined {
  readonly verdict: Verdict;
  /** Numbers of rows: of the verdict (undefined for none), of the faults behind it, of the risks. */
  readonly row: number | undefined;
  readonly also: readonly number[];
  readonly risks: readonly number[];
  /** As it is printed. */
  readonly report: string;
  readonly sources: readonly Source[];
  readonly tookMs: number;
}

/** Of any sources: those of a rig, or files that a test has. */
export function examined(sources: readonly Source[]): Examined {
  const startedAt = performance.now();
  const evidence = evidenceOf(sources);
  const verdict = diagnose(evidence);
  const report = reportOf(verdict, evidence);
  const tookMs = performance.now() - startedAt;
  if (unfilledIn(verdict).length > 0) throw new Error(`braces in a fix: ${unfilledIn(verdict).join("; ")}`);
  if (evidence.unread.some(({ why }) => why !== "it is empty")) throw new Error(JSON.stringify(evidence.unread));
  expectSameBundled(sources, verdict);
  noteRows("files", rowsOf(verdict));
  const { first, also, risks } = verdict;
  return {
    verdict,
    row: first?.row.row,
    also: also.map(({ row }) => row.row),
    risks: risks.map(({ row }) => row.row),
    report,
    sources,
    tookMs,
  };
}

/** What is handed on by --collect has to tell the same, whatever was taken out of it. */
function expectSameBundled(sources: readonly Source[], verdict: Verdict): void {
  const { files } = bundleOf({ sources, asked: [] });
  const bundled = diagnose(evidenceOf([...files].map(([name, text]) => ({ name, text }))));
  const [own, theirs] = [verdict, bundled].map(({ first, also, risks }) =>
    JSON.stringify([first?.row.name, also.map(({ row }) => row.name), risks.map(({ row }) => row.name)]),
  );
  if (own !== theirs) throw new Error(`a bundle of the same says ${theirs} in place of ${own}`);
}

/** Lines of what to do that still have a brace of the catalogue. */
function unfilledIn({ first, also, risks }: Verdict): string[] {
  const all = [...(first === undefined ? [] : [first]), ...also, ...risks];
  return all.flatMap((finding) => {
    const keys = [...JSON.stringify([finding.row.fix, finding.row.expect]).matchAll(/\{(\w+)\}/g)].map(([key]) => key);
    return [...fixOf(finding), expectOf(finding)].filter((line) => keys.some((key) => line.includes(key)));
  });
}

/** Of these alone: what the doctor still makes of a part. */
export function only(sources: readonly Source[], ...names: readonly string[]): Source[] {
  return without(sources, ...sources.map(({ name }) => name).filter((name) => !names.includes(name)));
}

/** Without these kinds: what the doctor still makes of the rest. */
export function without(sources: readonly Source[], ...names: readonly string[]): Source[] {
  const unknown = names.filter((name) => !sources.some((source) => source.name === name));
  if (unknown.length > 0) throw new Error(`there is no source ${unknown.join(", ")}`);
  return sources.filter(({ name }) => !names.includes(name));
}

function withAccessLog(config: EnvoyConfig, path: string, format: AccessLogFormat): EnvoyConfig {
  const tree = structuredClone(config) as { static_resources: { listeners: Record<string, unknown>[] } };
  for (const listener of tree.static_resources.listeners) managerOf(listener)["access_log"] = accessLogTo(path, format);
  return tree as unknown as EnvoyConfig;
}
