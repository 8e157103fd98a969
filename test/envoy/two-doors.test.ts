/** Several Envoys before one picker at once: each in its own body mode, over its own kind of connection, of its own version. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { adminOn, type Edit, listenOn, pickersAt, places, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, sha256, startEchoPods } from "../support/echo-backend.ts";
import { requestModes } from "../support/envoy-modes.ts";
import { ask, echoOf, framings } from "../support/http-framings.ts";
import { chatBody, Load } from "../support/load.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy, type TestEnvoy } from "../support/test-envoy.ts";

const newest = await findTestEnvoy();
const oldest = await findTestEnvoy("1.36.4");
const KIB = 1024;
const SIZES = [89, 20 * KIB, 300 * KIB];
const IN_FLIGHT = "pointsman_in_flight";
const TICKETS = "pointsman_tickets_total";

const tls: Edit = {
  op: "add",
  at: [...places.picker, "transport_socket"],
  to: {
    name: "envoy.transport_sockets.tls",
    typed_config: { "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext" },
  },
};

/** What a mode of the request's body changes in buffered.yaml. */
function mode(name: string): readonly Edit[] {
  const found = requestModes.find((each) => each.name === name);
  if (found === undefined) throw new Error(`there is no mode ${name}`);
  return found.edits;
}

/** A way in: which Envoy, in which body mode, over which kind of connection. */
interface Door {
  readonly name: string;
  readonly testEnvoy: TestEnvoy | undefined;
  readonly mode: string;
  readonly over: "plaintext" | "TLS" | "a socket";
}

const doors: readonly Door[] = [
  { name: "BUFFERED in the clear", testEnvoy: newest, mode: "buffered", over: "plaintext" },
  { name: "FULL_DUPLEX_STREAMED over TLS", testEnvoy: newest, mode: "duplex-both", over: "TLS" },
  { name: "STREAMED, early, over a Unix socket", testEnvoy: newest, mode: "streamed-early", over: "a socket" },
  { name: "NONE in the clear", testEnvoy: newest, mode: "none", over: "plaintext" },
  {
    name: "Envoy 1.36, FULL_DUPLEX_STREAMED over a Unix socket",
    testEnvoy: oldest,
    mode: "duplex-both",
    over: "a socket",
  },
  { name: "Envoy 1.36, BUFFERED over TLS", testEnvoy: oldest, mode: "buffered", over: "TLS" },
];

describe.skipIf(newest === undefined)("one picker behind several Envoys", () => {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-doors-"));
  const path = join(folder, "picker.sock");
  const envoys: RunningEnvoy[] = [];
  let pods: EchoPods;
  let picker: PickerProcess;

  beforeAll(async () => {
    pods = await startEchoPods(3);
    picker = await startPicker(["--pods", pods.addresses.join(","), `--grpc-socket=${path}`]);
  });
  afterEach(async () => {
    await Promise.all(envoys.splice(0).map((envoy) => envoy.stop()));
  });
  afterAll(async () => {
    await picker?.kill();
    await pods?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = async ({ testEnvoy, mode: name, over }: Door) => {
    if (testEnvoy === undefined) return undefined;
    const endpoints = [...places.picker, "load_assignment", "endpoints", 0, "lb_endpoints"];
    const atSocket: Edit = { op: "set", at: endpoints, to: [{ endpoint: { address: { pipe: { path } } } }] };
    const way = over === "a socket" ? [atSocket] : [pickersAt([picker.address]), ...(over === "TLS" ? [tls] : [])];
    const edits = [listenOn(0), adminOn(0), ...way, ...mode(name)];
    const envoy = await testEnvoy.start({ config: renderEnvoyConfig("buffered.yaml", edits) });
    envoys.push(envoy);
    return envoy;
  };

  test("answers all doors at once: bodies whole, each at the pod that was picked for it, none left in flight", async () => {
    const picks = await picker.metric("pointsman_picks_total");
    const opened = await Promise.all(doors.map(async (door) => ({ door, envoy: await open(door) })));
    const asked = opened.flatMap(({ door, envoy }) =>
      SIZES.flatMap((bytes) => framings.map((framing) => ({ door, envoy, bytes, framing }))),
    );
    await Promise.all(
      asked.map(async ({ door, envoy, bytes, framing }) => {
        if (envoy === undefined) return;
        const body = chatOfSize(bytes);
        const port = envoy.ports.get("requests") ?? 0;
        const echo = echoOf(await ask({ port, framing, path: "/v1/chat/completions", body }));
        const what = `${door.name}, ${bytes} bytes, ${framing}`;
        expect(echo.sha256, what).toBe(sha256(body));
        expect(echo.headers["x-gateway-destination-endpoint"], what).toBe(echo.pod);
        expect(pods.addresses, what).toContain(echo.pod);
      }),
    );
    const sent = asked.filter(({ envoy }) => envoy !== undefined).length;
    expect((await picker.metric("pointsman_picks_total")) - picks).toBe(sent);
    await picker.metricBecomes(IN_FLIGHT, 0);
    await picker.metricBecomes("pointsman_pod_in_flight", 0);
  });

  /** 1.36 keeps the picker's stream until the answer is over, 1.40 does not: the same mode, and two habits. */
  test.skipIf(oldest === undefined).each(["plaintext", "TLS"] as const)(
    "tells by the connection (%s) whether the end of a stream is that of its request",
    async (over) => {
      const same = { name: "", mode: "none", over } as const;
      const [keeps, closes] = await Promise.all([oldest, newest].map((testEnvoy) => open({ ...same, testEnvoy })));
      const headers = { "x-echo-sse": "3/50" };
      const ofAnswers = async (envoy: RunningEnvoy | undefined, answers: number, source: string) => {
        const before = await picker.metric(TICKETS, { source });
        const load = new Load({ port: envoy?.ports.get("requests") ?? 0, body: chatBody(1), headers });
        expect([...(await load.closedLoop(answers, 8))]).toEqual([["200", answers]]);
        load.stop();
        await picker.metricBecomes(IN_FLIGHT, 0);
        return (await picker.metric(TICKETS, { source })) - before;
      };
      // By number the second is far ahead, so what is common of the mode is its habit.
      await ofAnswers(closes, 8, "estimate");
      await ofAnswers(keeps, 160, "stream");
      // On a busy machine an early end may come late, which looks like the end of an answer.
      expect(await ofAnswers(closes, 16, "estimate")).toBeGreaterThan(8);
      expect(await ofAnswers(keeps, 16, "stream")).toBe(16);
    },
  );
});
