/**
 * What clients see of a picker that is killed or stopped under load, and that none of them can name a pod meanwhile:
 * every request names a pod of its own, which must never be asked, be the picker up, gone or hanging.
 */
import http from "node:http";
import type { AddressInfo } from "node:net";
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
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { chatBody } from "../support/load.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";
import { type Timed, TimedLoad } from "../support/timed-load.ts";

const testEnvoy = await findTestEnvoy();
const PER_SECOND = 50;
const BEFORE_MS = 1_000;
const AFTER_MS = { SIGKILL: 3_000, SIGSTOP: 6_500 };
/** Later than this after a kill nobody may fail where the way is open. */
const FAILS_UNTIL_MS = 1_000;
const POLL_MS = 5;
/** What Envoy needs to see that a connection hangs (a ping each second, 2 s for its answer), and room for a busy machine. */
const NOTICED_MS = 5_000;

const processing = [...places.extProc, "processing_mode"];
const set = (name: string, to: string): Edit => ({ op: "set", at: [...processing, name], to });
const add = (name: string, to: string): Edit => ({ op: "add", at: [...processing, name], to });

/** Of each body mode of requests what differs from BUFFERED. */
const bodyModes: Readonly<Record<string, readonly Edit[]>> = {
  NONE: [set("request_body_mode", "NONE")],
  BUFFERED: [],
  STREAMED: [set("request_body_mode", "STREAMED")],
  FULL_DUPLEX_STREAMED: [
    set("request_body_mode", "FULL_DUPLEX_STREAMED"),
    add("request_trailer_mode", "SEND"),
    set("response_header_mode", "SEND"),
    set("response_body_mode", "FULL_DUPLEX_STREAMED"),
    add("response_trailer_mode", "SEND"),
  ],
};

const ways = {
  "ORIGINAL_DST, fail-closed": "buffered.yaml",
  "override_host, fail-open": "override-host.yaml",
} as const;
type Way = keyof typeof ways;
type Signal = keyof typeof AFTER_MS;

/** An address that only a client names; `asked` counts who came. */
interface Decoy {
  readonly address: string;
  readonly asked: () => number;
  close(): void;
}

async function startDecoy(): Promise<Decoy> {
  let connections = 0;
  const server = http.createServer((_request, response) => response.end("{}"));
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => connections, close };
}

/** Every header by which a data plane may be told an address. */
const forged = (address: string) => ({
  "x-gateway-destination-endpoint": address,
  "target-pod": address,
  "x-envoy-original-dst-host": address,
});

interface Seen {
  readonly before: readonly string[];
  readonly outcomes: Readonly<Record<string, number>>;
  /** After the signal; 0 where none failed. */
  readonly lastFailureMs: number;
  readonly longestMs: number;
  /** Of requests sent when Envoy must have noticed. */
  readonly longestLaterMs: number;
}

function seenOf(timed: readonly Timed[], signalAtMs: number): Seen {
  const before = timed.filter(({ endedAtMs }) => endedAtMs < signalAtMs);
  const after = timed.filter(({ endedAtMs }) => endedAtMs >= signalAtMs);
  const failed = after.filter(({ outcome }) => outcome !== "200");
  const longest = (some: readonly Timed[]) =>
    Math.round(Math.max(0, ...some.map((one) => one.endedAtMs - one.sentAtMs)));
  const outcomes: Record<string, number> = {};
  for (const { outcome } of after) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return {
    before: [...new Set(before.map(({ outcome }) => outcome))],
    outcomes,
    lastFailureMs: Math.round(Math.max(0, ...failed.map(({ sentAtMs }) => sentAtMs - signalAtMs))),
    longestMs: longest(after),
    longestLaterMs: longest(after.filter(({ sentAtMs }) => sentAtMs - signalAtMs > NOTICED_MS)),
  };
}

describe.skipIf(testEnvoy === undefined)("a picker under load", () => {
  let pods: EchoPods;
  let decoy: Decoy;
  let picker: PickerProcess;
  let envoy: RunningEnvoy | undefined;

  beforeAll(async () => {
    [pods, decoy] = await Promise.all([startEchoPods(2), startDecoy()]);
  });

  afterAll(async () => {
    decoy?.close();
    await pods?.close();
  });

  beforeEach(async () => {
    picker = await startPicker(["--pods", pods.addresses.join(",")]);
  });

  afterEach(async () => {
    await envoy?.stop();
    envoy = undefined;
    await picker.kill();
  });

  const start = async (file: string, edits: readonly Edit[], pickers = [picker.address]) => {
    const listed = file === "override-host.yaml" ? [podsAt(pods.addresses)] : [];
    const all = [listenOn(0), adminOn(0), pickersAt(pickers), ...listed, ...edits];
    envoy = await testEnvoy!.start({ config: renderEnvoyConfig(file, all) });
    while ((await envoy.admin("/clusters")).includes("failed_active_hc")) await delay(POLL_MS);
    return envoy;
  };

  const loadOn = ({ ports }: RunningEnvoy, named = decoy.address) =>
    new TimedLoad({ port: ports.get("requests")!, body: chatBody(1), headers: forged(named), patienceMs: 15_000 });

  const observe = async (way: Way, mode: string, signal: Signal): Promise<Seen> => {
    const load = loadOn(await start(ways[way], bodyModes[mode] ?? []));
    await load.send(PER_SECOND, BEFORE_MS);
    picker.signal(signal);
    const signalAtMs = performance.now();
    await load.send(PER_SECOND, AFTER_MS[signal]);
    const seen = seenOf(await load.settled(), signalAtMs);
    console.info(`| ${way} | ${mode} | ${signal} | ${JSON.stringify(seen)} |`);
    // The picker was asked, so that its loss means something.
    expect(seen.before).toEqual(["200"]);
    expect(decoy.asked()).toBe(0);
    return seen;
  };

  const modes = Object.keys(bodyModes);

  test.each(modes)("killed, override_host, %s: clients notice at most what was in hand", async (mode) => {
    const { outcomes, lastFailureMs, longestMs } = await observe("override_host, fail-open", mode, "SIGKILL");
    expect(lastFailureMs).toBeLessThanOrEqual(FAILS_UNTIL_MS);
    expect(Object.keys(outcomes).filter((outcome) => outcome !== "200" && outcome !== "503")).toEqual([]);
    expect(outcomes["200"]).toBeGreaterThan(((AFTER_MS.SIGKILL - FAILS_UNTIL_MS) / 1000) * PER_SECOND - 1);
    expect(longestMs).toBeLessThan(NOTICED_MS);
  });

  test.each(modes)("stopped, override_host, %s: clients wait for seconds, then no longer", async (mode) => {
    const { outcomes, lastFailureMs, longestMs, longestLaterMs } = await observe(
      "override_host, fail-open",
      mode,
      "SIGSTOP",
    );
    expect(Object.keys(outcomes).filter((outcome) => outcome !== "200" && outcome !== "503")).toEqual([]);
    // Envoy has given the body of a duplex request away, and cannot go on without it.
    if (mode === "FULL_DUPLEX_STREAMED") expect(lastFailureMs).toBeLessThan(NOTICED_MS);
    else expect(Object.keys(outcomes)).toEqual(["200"]);
    expect(longestMs).toBeLessThan(2 * NOTICED_MS);
    expect(longestLaterMs).toBeLessThan(1_000);
  });

  test.each(modes)("killed, ORIGINAL_DST, %s: clients are told at once", async (mode) => {
    const { outcomes, longestMs } = await observe("ORIGINAL_DST, fail-closed", mode, "SIGKILL");
    expect(Object.keys(outcomes).filter((outcome) => outcome !== "200" && outcome !== "503")).toEqual([]);
    expect(outcomes["503"]).toBeGreaterThan(0.9 * (AFTER_MS.SIGKILL / 1000) * PER_SECOND);
    expect(longestMs).toBeLessThan(NOTICED_MS);
  });

  test.each(modes)("stopped, ORIGINAL_DST, %s: clients are told within seconds, none waits for ever", async (mode) => {
    const { outcomes, longestMs } = await observe("ORIGINAL_DST, fail-closed", mode, "SIGSTOP");
    expect(Object.keys(outcomes).filter((outcome) => outcome !== "200" && outcome !== "503")).toEqual([]);
    expect(outcomes["503"]).toBeGreaterThan(0.9 * (AFTER_MS.SIGSTOP / 1000) * PER_SECOND);
    expect(longestMs).toBeLessThan(2 * NOTICED_MS);
  });

  test.each(["BUFFERED", "FULL_DUPLEX_STREAMED"])("one of two stopped, %s: the other takes over", async (mode) => {
    const second = await startPicker(["--pods", pods.addresses.join(",")]);
    try {
      const running = await start("buffered.yaml", bodyModes[mode] ?? [], [picker.address, second.address]);
      const load = loadOn(running);
      await load.send(PER_SECOND, BEFORE_MS);
      picker.signal("SIGSTOP");
      const signalAtMs = performance.now();
      await load.send(PER_SECOND, AFTER_MS.SIGSTOP);
      const seen = seenOf(await load.settled(), signalAtMs);
      console.info(`| one of two | ${mode} | SIGSTOP | ${JSON.stringify(seen)} |`);
      expect(Object.keys(seen.outcomes).filter((outcome) => outcome !== "200" && outcome !== "503")).toEqual([]);
      expect(seen.lastFailureMs).toBeLessThan(NOTICED_MS);
      expect(seen.longestLaterMs).toBeLessThan(1_000);
      expect(decoy.asked()).toBe(0);
    } finally {
      await second.kill();
    }
  });

  const strip: Edit = { op: "remove", at: [...places.hcm, "http_filters", "envoy.filters.http.header_mutation"] };

  test("without the header_mutation filter, and failing open, ORIGINAL_DST asks whom the client names", async () => {
    const open: Edit = { op: "set", at: [...places.extProc, "failure_mode_allow"], to: true };
    const other = await startDecoy();
    try {
      const running = await start("buffered.yaml", [strip, open]);
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
