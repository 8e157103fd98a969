/**
 * What clients see of a picker that is killed or stopped under load, and that none of them can name a pod meanwhile:
 * every request names a pod of its own, which must never be asked, be the picker up, gone or hanging.
 */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  adminOn,
  type Edit,
  listenOn,
  pickersAt,
  places,
  podsAt,
  renderEnvoyConfig,
} from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type Decoy, forgedHeaders, startDecoy } from "../support/decoy.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { inWords, type Seen, seenOf, writeKillTable } from "../support/kill-table.ts";
import { chatBody } from "../support/load.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy, type TestEnvoy } from "../support/test-envoy.ts";
import { TimedLoad } from "../support/timed-load.ts";

const newest = await findTestEnvoy();
/** Knows no list of pods (override-host.yaml), and has the settings by which a picker that hangs is noticed. */
const oldest = await findTestEnvoy("1.36.4");
const versions = [newest, oldest].filter((envoy): envoy is TestEnvoy => envoy !== undefined);
const PER_SECOND = 50;
const BEFORE_MS = 1_000;
const AFTER_MS = { SIGKILL: 3_000, SIGSTOP: 6_500 };
/** Later than this after a kill nobody may fail where the way is open. */
const FAILS_UNTIL_MS = 1_000;
const POLL_MS = 5;
/** What Envoy needs to see that a connection hangs (a ping each second, 2 s for its answer), and some room. */
const NOTICED_MS = 5_000;
const PING_MS = 3_000;
/** A request by way of a picker waits for the machine in more places than one that goes straight to a pod. */
const LAGS = 4;

const processing = [...places.extProc, "processing_mode"];
const set = (name: string, to: string): Edit => ({ op: "set", at: [...processing, name], to });
const early: Edit = { op: "add", at: [...places.extProc, "send_body_without_waiting_for_header_response"], to: true };
const DUPLEX = "FULL_DUPLEX_STREAMED";

/** Of each body mode of requests what differs from BUFFERED; duplex has files of its own. */
const bodyModes: Readonly<Record<string, readonly Edit[]>> = {
  NONE: [set("request_body_mode", "NONE")],
  BUFFERED: [],
  BUFFERED_PARTIAL: [set("request_body_mode", "BUFFERED_PARTIAL")],
  STREAMED: [set("request_body_mode", "STREAMED")],
  "STREAMED, early": [set("request_body_mode", "STREAMED"), early],
  [DUPLEX]: [],
};
const modes = Object.keys(bodyModes);

/** The files that ship each way, without and with duplex bodies. */
const closed = { name: "`ORIGINAL_DST`, failing closed", files: ["buffered.yaml", "duplex.yaml"] } as const;
const open = {
  name: "`override_host`, failing open",
  files: ["override-host.yaml", "override-host-duplex.yaml"],
} as const;
type Way = typeof closed | typeof open;
type Signal = keyof typeof AFTER_MS;

interface Observed {
  readonly seen: ReadonlyMap<string, Seen>;
  /** How long the machine kept a request waiting for nothing: every limit is that much wider. */
  readonly lagMs: number;
}

/** Rows of the table in deploy/envoy/README.md, written by POINTSMAN_WRITE_TABLES=1 where all are there and nothing failed. */
const rows: string[][] = [];
let failures = 0;
const writesTables = process.env["POINTSMAN_WRITE_TABLES"] === "1";

describe.skipIf(newest === undefined)("a picker under load", () => {
  let pods: EchoPods;
  let decoy: Decoy;
  let picker: PickerProcess;
  const envoys: RunningEnvoy[] = [];

  beforeAll(async () => {
    [pods, decoy] = await Promise.all([startEchoPods(2), startDecoy()]);
  });

  afterAll(async () => {
    decoy?.close();
    await pods?.close();
    if (!writesTables) return;
    const expected = Object.keys(AFTER_MS).length * (1 + versions.length);
    if (failures > 0 || rows.length !== expected) {
      throw new Error(`not written: ${failures} tests failed, and ${rows.length} of ${expected} rows were measured`);
    }
    writeKillTable(modes, rows);
  });

  beforeEach(async () => {
    picker = await startPicker(["--pods", pods.addresses.join(",")]);
  });

  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") failures++;
    await Promise.all(envoys.splice(0).map((envoy) => envoy.stop()));
    await picker.kill();
  });

  const start = async (file: string, edits: readonly Edit[], pickers = [picker.address], testEnvoy = newest!) => {
    const listed = /^(override-host|round-robin)/.test(file) ? [podsAt(pods.addresses)] : [];
    const asked = pickers.length > 0 ? [pickersAt(pickers)] : [];
    const all = [listenOn(0), adminOn(0), ...asked, ...listed, ...edits];
    const envoy = await testEnvoy.start({ config: renderEnvoyConfig(file, all) });
    envoys.push(envoy);
    while ((await envoy.admin("/clusters")).includes("failed_active_hc")) await delay(POLL_MS);
    return envoy;
  };

  const loadOn = ({ ports }: RunningEnvoy, named = decoy.address) =>
    new TimedLoad({
      port: ports.get("requests")!,
      body: chatBody(1),
      headers: forgedHeaders(named),
      patienceMs: 15_000,
    });

  /** Through an Envoy that asks nobody: what is slow there is the machine, and no picker. */
  const startControl = async (testEnvoy: TestEnvoy) => loadOn(await start("round-robin.yaml", [], [], testEnvoy));

  /** One picker behind an Envoy for each body mode, each with its own load; what each one's clients saw. */
  const observe = async (way: Way, signal: Signal, testEnvoy: TestEnvoy): Promise<Observed> => {
    const control = await startControl(testEnvoy);
    const loads = await Promise.all(
      modes.map(async (mode) =>
        loadOn(await start(way.files[mode === DUPLEX ? 1 : 0], bodyModes[mode] ?? [], [picker.address], testEnvoy)),
      ),
    );
    const all = [control, ...loads];
    await Promise.all(all.map((load) => load.send(PER_SECOND, BEFORE_MS)));
    picker.signal(signal);
    const signalAtMs = performance.now();
    await Promise.all(all.map((load) => load.send(PER_SECOND, AFTER_MS[signal])));
    const lagMs = seenOf(await control.settled(), signalAtMs, NOTICED_MS).longestMs;
    const timed = await Promise.all(loads.map((load) => load.settled()));
    const seen = new Map(modes.map((mode, at) => [mode, seenOf(timed[at] ?? [], signalAtMs, NOTICED_MS)]));
    const words = [...seen.values()].map((one) => inWords(one, way === open));
    rows.push([way.name, testEnvoy.version, signal === "SIGKILL" ? "killed" : "hangs", ...words]);
    console.info(`${way.name} ${testEnvoy.version} ${signal}, lag ${lagMs} ms`, JSON.stringify([...seen]));
    for (const { before, outcomes } of seen.values()) {
      // The picker was asked, so that its loss means something.
      expect(before).toEqual(["200"]);
      expect(Object.keys(outcomes).filter((outcome) => outcome !== "200" && outcome !== "503")).toEqual([]);
    }
    expect(decoy.asked()).toBe(0);
    return { seen, lagMs };
  };

  test("killed, override_host, any body mode: clients notice at most what was in hand", async () => {
    const { seen, lagMs } = await observe(open, "SIGKILL", newest!);
    for (const [mode, { outcomesOfLater, lastFailureMs, longestMs }] of seen) {
      expect(lastFailureMs, mode).toBeLessThanOrEqual(FAILS_UNTIL_MS + LAGS * lagMs);
      expect(outcomesOfLater, mode).toContain("200");
      expect(longestMs, mode).toBeLessThan(NOTICED_MS + LAGS * lagMs);
    }
  });

  test("stopped, override_host, any body mode: clients wait for seconds, then no longer", async () => {
    const { seen, lagMs } = await observe(open, "SIGSTOP", newest!);
    for (const [mode, { outcomes, lastFailureMs, longestMs, longestLaterMs }] of seen) {
      // Envoy has given the body of a duplex request away, and cannot go on without it.
      if (mode === DUPLEX) expect(lastFailureMs).toBeLessThan(NOTICED_MS + LAGS * lagMs);
      else expect(Object.keys(outcomes), mode).toEqual(["200"]);
      expect(longestMs, mode).toBeLessThan(2 * NOTICED_MS + LAGS * lagMs);
      expect(longestLaterMs, mode).toBeLessThan(1_000 + LAGS * lagMs);
    }
  });

  describe.each(versions)("in front of it Envoy $version, ORIGINAL_DST, any body mode", (testEnvoy) => {
    test.each([
      ["killed: clients are told at once", "SIGKILL"],
      ["stopped: clients are told within seconds, none waits for ever", "SIGSTOP"],
    ] as const)("%s", async (_, signal) => {
      const limitMs = signal === "SIGKILL" ? NOTICED_MS : 2 * NOTICED_MS;
      const { seen, lagMs } = await observe(closed, signal, testEnvoy);
      for (const [mode, { outcomesOfLater, longestMs }] of seen) {
        expect(outcomesOfLater, mode).toEqual(["503"]);
        expect(longestMs, mode).toBeLessThan(limitMs + LAGS * lagMs);
      }
    });
  });

  test.each([
    ["BUFFERED", "buffered.yaml"],
    [DUPLEX, "duplex.yaml"],
  ])("one of two stopped, %s: the other takes over", async (mode, file) => {
    const second = await startPicker(["--pods", pods.addresses.join(",")]);
    try {
      const running = await start(file, [], [picker.address, second.address]);
      const [load, control] = [loadOn(running), await startControl(newest!)];
      const both = [load, control];
      await Promise.all(both.map((one) => one.send(PER_SECOND, BEFORE_MS)));
      picker.signal("SIGSTOP");
      const signalAtMs = performance.now();
      await Promise.all(both.map((one) => one.send(PER_SECOND, AFTER_MS.SIGSTOP)));
      const seen = seenOf(await load.settled(), signalAtMs, NOTICED_MS);
      const roomMs = LAGS * seenOf(await control.settled(), signalAtMs, NOTICED_MS).longestMs;
      console.info(`| one of two | ${mode} | SIGSTOP | ${JSON.stringify(seen)} |`);
      expect(Object.keys(seen.outcomes).filter((outcome) => outcome !== "200" && outcome !== "503")).toEqual([]);
      // Whoever was sent to it last, before its health checks fail, waits for the ping's end.
      expect(seen.lastFailureMs).toBeLessThan(NOTICED_MS + PING_MS + roomMs);
      expect(seen.longestLaterMs).toBeLessThan(1_000 + roomMs);
      expect(decoy.asked()).toBe(0);
    } finally {
      await second.kill();
    }
  });

  const strip: Edit = { op: "remove", at: [...places.hcm, "http_filters", "envoy.filters.http.header_mutation"] };

  test("without the header_mutation filter, and failing open, ORIGINAL_DST asks whom the client names", async () => {
    const failOpen: Edit = { op: "set", at: [...places.extProc, "failure_mode_allow"], to: true };
    const other = await startDecoy();
    try {
      const running = await start("buffered.yaml", [strip, failOpen]);
      await picker.kill();
      const load = loadOn(running, other.address);
      await load.send(PER_SECOND, 100);
      await load.settled();
      expect(other.asked()).toBeGreaterThan(0);
    } finally {
      other.close();
    }
  });

  /** As Envoy Gateway's endpointOverride has it: the header is the source, and the client names a pod that is listed. */
  test.each([
    { stripping: "with", edits: [], served: 2 },
    { stripping: "without", edits: [strip], served: 1 },
  ])("$stripping the filter, override_host by header spreads over $served of two pods", async ({ edits, served }) => {
    const policy = [...places.pods, "load_balancing_policy", "policies", 0, "typed_extension_config", "typed_config"];
    const byHeader: Edit = {
      ...{ op: "set", at: [...policy, "override_host_sources"] },
      to: [{ header: "x-gateway-destination-endpoint" }],
    };
    const running = await start("override-host.yaml", [byHeader, ...edits]);
    await picker.kill();
    const load = loadOn(running, pods.addresses[0]!);
    await load.send(PER_SECOND, 200);
    const timed = await load.settled();
    expect(new Set(timed.map(({ pod }) => pod)).size).toBe(served);
  });
});
