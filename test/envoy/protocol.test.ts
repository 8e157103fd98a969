/** What data plane and picker tell each other beside the pick: subsets, control headers, scores, marks on answers. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adminOn, type Edit, listenOn, pickersAt, places, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { removedNames } from "../../src/ext-proc/control-names.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { type Answer, ask, echoOf } from "../support/http-framings.ts";
import { chatBody } from "../support/load.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const SUBSET_KEY = "x-gateway-destination-endpoint-subset";
const SCORES_KEY = "x-gateway-destination-endpoint-scores";

/** A filter in front of the picker writes the subset: as a text from the header x-allow, or as this list. */
function subsetFilter(list: readonly string[] | undefined): object {
  if (list !== undefined) {
    const metadata = [{ metadata_namespace: "envoy.lb.subset_hint", value: { [SUBSET_KEY]: list } }];
    const typeUrl = "type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config";
    return { name: "envoy.filters.http.set_metadata", typed_config: { "@type": typeUrl, metadata } };
  }
  const put = { metadata_namespace: "envoy.lb.subset_hint", key: SUBSET_KEY, type: "STRING" };
  const typeUrl = "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config";
  const rules = [{ header: "x-allow", on_header_present: put, remove: true }];
  return { name: "envoy.filters.http.header_to_metadata", typed_config: { "@type": typeUrl, request_rules: rules } };
}

/** Shows clients the metadata that the picker gave, and leaves the request's id to it. */
const seen: readonly Edit[] = [
  {
    op: "add",
    at: [...places.hcm, "route_config", "response_headers_to_add"],
    to: [{ header: { key: "x-seen-scores", value: `%DYNAMIC_METADATA(envoy.lb:${SCORES_KEY})%` } }],
  },
  { op: "add", at: [...places.hcm, "generate_request_id"], to: false },
];

const body = Buffer.from(chatBody(1));
const withPrompt = "/v1/chat/completions";
/** A prompt would draw all requests to the pod that had it first. */
const withoutPrompt = "/anything";

describe.skipIf(testEnvoy === undefined).each(["buffered.yaml", "duplex.yaml"])("%s", (file) => {
  let v4: EchoPods;
  let v6: EchoPods;
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  const start = (pickerAddress: string, list?: readonly string[]) => {
    const first: Edit = { op: "add", at: [...places.hcm, "http_filters", 0], to: subsetFilter(list) };
    const edits = [listenOn(0), adminOn(0), pickersAt([pickerAddress]), ...seen, first];
    return testEnvoy!.start({ config: renderEnvoyConfig(file, edits) });
  };

  beforeAll(async () => {
    [v4, v6] = await Promise.all([startEchoPods(2), startEchoPods(2, "::1")]);
    const pods = [...v4.addresses, ...v6.addresses];
    picker = await startPicker(["--pods", pods.join(","), "--emit-endpoint-scores", "--mark-answers"]);
    await picker.metricBecomes("pointsman_pool_usable_pods", pods.length);
    envoy = await start(picker.address);
  });

  afterAll(async () => {
    await envoy?.stop();
    await picker?.kill();
    await Promise.all([v4?.close(), v6?.close()]);
  });

  const send = (headers: Readonly<Record<string, string>> = {}, to = envoy, path = withPrompt): Promise<Answer> => {
    const all = { "content-type": "application/json", ...headers };
    return ask({ framing: "h1 content-length", path, body, port: to.ports.get("requests")!, headers: all });
  };

  async function podsFor(allowed: string): Promise<string[]> {
    const pods = new Set<string>();
    for (let i = 0; i < 24; i++) pods.add(echoOf(await send({ "x-allow": allowed }, envoy, withoutPrompt)).pod);
    return [...pods].sort();
  }
  const portOf = (address = "") => address.slice(address.lastIndexOf(":") + 1);

  test("a subset of IPv4 and IPv6 addresses, with and without port and brackets, is what is picked from", async () => {
    const [one = "", other = ""] = v6.addresses;
    expect(await podsFor(v4.addresses[0]!)).toEqual([v4.addresses[0]]);
    expect(await podsFor("127.0.0.1")).toEqual([...v4.addresses].sort());
    expect(await podsFor(one)).toEqual([one]);
    expect(await podsFor(`[0:0:0:0:0:0:0:1]:${portOf(other)}`)).toEqual([other]);
    for (const host of ["::1", "[::1]", "0:0::0001"]) expect(await podsFor(host)).toEqual([...v6.addresses].sort());
    expect(await podsFor(`10.0.0.9:1, ${one} ,${v4.addresses[1]}`)).toEqual([v4.addresses[1], one].sort());
  });

  test("a subset without a pod is a 503 that says why", async () => {
    for (const allowed of ["10.0.0.9", `127.0.0.1:1`, "[::2]", "nonsense"]) {
      const { status, headers } = await send({ "x-allow": allowed });
      expect([status, headers["x-llm-d-request-dropped-reason"], headers["x-pointsman-error"]]).toEqual([
        503,
        "rejected-no-endpoints",
        "subset_empty",
      ]);
    }
  });

  test("a subset may be a list, and an empty one allows nobody", async () => {
    const [list, empty] = await Promise.all([start(picker.address, ["::1", "10.0.0.9:80"]), start(picker.address, [])]);
    try {
      for (let i = 0; i < 6; i++) expect(v6.addresses).toContain(echoOf(await send({}, list)).pod);
      expect((await send({}, empty)).status).toBe(503);
    } finally {
      await Promise.all([list.stop(), empty.stop()]);
    }
  });

  test("--disable-endpoint-subset-filter picks from all", async () => {
    const open = await startPicker(["--pods", v4.addresses.join(","), "--disable-endpoint-subset-filter"]);
    const there = await start(open.address);
    try {
      expect(v4.addresses).toContain(echoOf(await send({ "x-allow": "10.0.0.9" }, there)).pod);
    } finally {
      await there.stop();
      await open.kill();
    }
  });

  test("the pod sees none of the control headers that came, and every other header", async () => {
    const control = Object.fromEntries(removedNames.map((name) => [name, "1"]));
    const { headers } = echoOf(await send({ ...control, prefer: "return=minimal", "x-session-id": "s" }));
    expect(removedNames.filter((name) => name in headers)).toEqual([]);
    expect(headers).toMatchObject({ prefer: "return=minimal", "x-session-id": "s" });
  });

  test("a request gets an id where it has none", async () => {
    expect(echoOf(await send()).headers["x-request-id"]).toMatch(/^[\da-f-]{36}$/);
    expect(echoOf(await send({ "x-request-id": "mine" })).headers["x-request-id"]).toBe("mine");
  });

  test("a pod that a client names is overwritten", async () => {
    const forged = "127.0.0.1:1";
    const { pod, headers } = echoOf(await send({ "x-gateway-destination-endpoint": forged }));
    expect(headers["x-gateway-destination-endpoint"]).toBe(pod);
  });

  test("the metadata tells what every candidate scored", async () => {
    const { headers } = await send({ "x-allow": "127.0.0.1" });
    const scores = JSON.parse(String(headers["x-seen-scores"])) as Record<string, unknown>;
    expect(Object.keys(scores).sort()).toEqual([...v4.addresses].sort());
    for (const score of Object.values(scores)) expect(score).toBeTypeOf("number");
  });

  test("answers that the picker is shown are marked", async () => {
    const { headers } = await send();
    expect(headers["x-went-into-resp-headers"]).toBe(file === "duplex.yaml" ? "true" : undefined);
  });
});
