/** What Envoy Gateway makes of shadow.yaml: pointsman watches, alone or beside another picker, and compares. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { clientLimits, removedEarly } from "../support/client-traffic.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { type ExtProcServer, startExtProcServer } from "../support/ext-proc-server.ts";
import { ask, echoOf, type Framing, framings } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { extProcFilter, grpcCluster, overrideCluster, poolGateway, withFilter } from "../support/pool-gateway.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const path = "/v1/chat/completions";
const body = chatOfSize(89);
const destination = "x-gateway-destination-endpoint";
const ANSWERS = "pointsman_shadow_answers_total";
const SERVED = "pointsman_pod_shadow_served_total";

interface Direction {
  readonly body: "Streamed";
  readonly attributes?: readonly string[];
}
interface ExtProc {
  readonly shadowMode: boolean;
  readonly failOpen: boolean;
  readonly processingMode: Readonly<Record<"request" | "response", Direction>>;
}

const file = new URL("../../deploy/gateways/envoy-gateway/shadow.yaml", import.meta.url);
const [shipped] = (parse(readFileSync(file, "utf8")) as { spec: { extProc: readonly ExtProc[] } }).spec.extProc;
if (shipped === undefined) throw new Error("shadow.yaml has no extProc");

const nameOf = (policy: string, index: number) =>
  `envoy.filters.http.ext_proc/envoyextensionpolicy/default/${policy}/extproc/${index}`;

/** As the translator of Envoy Gateway 1.9 writes an entry of a policy into the chain: off, until a route switches it on. */
function watchingFilter(name: string, { shadowMode, failOpen, processingMode }: ExtProc): object {
  const { request, response } = processingMode;
  const attributesOf = (direction: "request" | "response") => {
    const { attributes } = processingMode[direction];
    return attributes === undefined ? {} : { [`${direction}_attributes`]: attributes };
  };
  return extProcFilter({
    name,
    cluster: "pointsman",
    mode: {
      request_header_mode: "SEND",
      request_body_mode: request.body.toUpperCase(),
      response_header_mode: "SEND",
      response_body_mode: response.body.toUpperCase(),
    },
    disabled: true,
    observability_mode: shadowMode,
    failure_mode_allow: failOpen,
    ...attributesOf("request"),
    ...attributesOf("response"),
  });
}

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version} as Envoy Gateway's, with shadowMode`, () => {
  let pods: EchoPods;
  let other: ExtProcServer;
  let picker: PickerProcess;

  beforeAll(async () => {
    pods = await startEchoPods(3);
    // Another picker, which takes the second pod, always.
    const header = { key: destination, raw_value: Buffer.from(pods.addresses[1]!) };
    const mutation = { set_headers: [{ header, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" }] };
    other = await startExtProcServer(() => (message) => {
      if (message.request_headers) return { request_headers: {} };
      return { request_body: { response: { header_mutation: mutation } } };
    });
  });
  afterAll(async () => {
    await other?.close();
    await pods?.close();
  });

  interface Shape {
    /** Is there another picker, in whose policy the entry stands second? */
    readonly beside?: boolean;
    readonly extProc?: ExtProc;
  }

  async function watch({ beside = false, extProc = shipped! }: Shape, run: (envoy: RunningEnvoy) => Promise<void>) {
    picker = await startPicker([`--pods=${pods.addresses.join(",")}`]);
    const [first, second] = [nameOf("other", 0), beside ? nameOf("other", 1) : nameOf("pointsman-shadow", 0)];
    const mode = { request_header_mode: "SEND", request_body_mode: "BUFFERED", response_header_mode: "SKIP" };
    const filters = [
      ...(beside ? [extProcFilter({ name: first, cluster: "other", mode, disabled: true })] : []),
      watchingFilter(second, extProc),
    ];
    const config = poolGateway({
      removed: removedEarly("envoy-gateway/route.yaml"),
      limits: clientLimits("envoy-gateway/route.yaml"),
      filters,
      routes: [
        {
          match: { prefix: "/" },
          route: { cluster: "vllm", timeout: "0s" },
          typed_per_filter_config: { ...(beside ? withFilter(first) : {}), ...withFilter(second) },
        },
      ],
      clusters: [
        overrideCluster("vllm", pods.addresses, { header: destination }),
        grpcCluster("other", other.address, "h2c"),
        grpcCluster("pointsman", picker.address, "h2c"),
      ],
    });
    const envoy = await testEnvoy!.start({ config });
    try {
      await run(envoy);
    } finally {
      await envoy.stop();
      await picker.kill();
    }
  }

  /** The pods that served. */
  async function send({ ports }: RunningEnvoy, each: readonly Framing[] = framings): Promise<string[]> {
    const served: string[] = [];
    for (const framing of each) {
      const echo = echoOf(await ask({ port: ports.get("requests")!, framing, path, body }));
      expect(echo.bytes).toBe(body.length);
      served.push(echo.pod);
    }
    return served;
  }

  const compared = async (pick: string) => picker.metric(ANSWERS, { pick });

  test("shadow.yaml, a policy of its own: every answer is compared, and the pods take turns", () =>
    watch({}, async (envoy) => {
      const served = await send(envoy);
      expect(new Set(served).size).toBe(3);
      await picker.metricBecomes(ANSWERS, framings.length);
      expect((await compared("same")) + (await compared("other"))).toBe(framings.length);
      expect(await picker.metric("pointsman_picks_total")).toBe(0);
    }));

  test("shadow.yaml, its entry in the policy of another picker: told whom that one picked", () =>
    watch({ beside: true }, async (envoy) => {
      const [, second = ""] = pods.addresses;
      expect(new Set(await send(envoy))).toEqual(new Set([second]));
      await picker.metricBecomes(ANSWERS, framings.length);
      expect(await picker.metric(SERVED, { address: second })).toBe(framings.length);
      expect((await compared("same")) + (await compared("other"))).toBe(framings.length);
    }));

  test("without the attributes of shadow.yaml nothing could be compared", () => {
    const response = { body: shipped!.processingMode.response.body };
    const extProc = { ...shipped!, processingMode: { ...shipped!.processingMode, response } };
    return watch({ extProc }, async (envoy) => {
      await send(envoy);
      await picker.metricBecomes(ANSWERS, framings.length, { pick: "unseen" });
    });
  });

  test("shadow.yaml: a killed picker is noticed by nobody", () =>
    watch({}, async (envoy) => {
      picker.signal("SIGKILL");
      expect(await send(envoy)).toHaveLength(framings.length);
    }));
});
