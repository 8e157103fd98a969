/** Rows 60 to 64: what only a filter in a cluster's own chain can have wrong, seen in the configuration before a request fails of it. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Edit } from "../../src/demo/envoy-config.ts";
import type { Source } from "../../src/doctor/diagnose.ts";
import { type BackendsRig, backendsAt, failoverPlaces, startBackendsRig } from "../support/backends-rig.ts";
import { examined, hasEnvoy } from "../support/doctor-rig.ts";
import { noteRows } from "../support/seen-rows.ts";
import { answers } from "../support/wired-backend.ts";

const OLD = "1.36.4";
const [isThere, isOldThere] = await Promise.all([hasEnvoy(), hasEnvoy(OLD)]);

const attempt = failoverPlaces.upstreamPhase;
const failsOpen: Edit = { op: "set", at: [...attempt, "failure_mode_allow"], to: true };
const modes = [...attempt, "processing_mode"];
const answersUnseen: Edit[] = [
  { op: "set", at: [...modes, "response_header_mode"], to: "SKIP" },
  { op: "set", at: [...modes, "response_body_mode"], to: "NONE" },
];
const noRetries: Edit = { op: "remove", at: failoverPlaces.retryPolicy };

async function sourcesOf({ envoy }: BackendsRig): Promise<Source[]> {
  const pages: readonly (readonly [string, string])[] = [
    ["config_dump.json", "/config_dump?include_eds"],
    ["stats.txt", "/stats"],
    ["clusters.txt", "/clusters"],
    ["server_info.json", "/server_info"],
  ];
  return Promise.all(pages.map(async ([name, path]) => ({ name, text: await envoy.admin(path) })));
}

/** With another text in one of them. */
function changed(sources: readonly Source[], name: string, from: string, to: string): Source[] {
  const isIn = sources.some((source) => source.name === name && source.text.includes(from));
  if (!isIn) throw new Error(`${name} has no ${from}`);
  return sources.map((source) => (source.name === name ? { name, text: source.text.replaceAll(from, to) } : source));
}

/** Numbers of rows, and the words and proofs of the first risk. */
function seenIn(sources: readonly Source[]) {
  const { row, also, risks, verdict, report } = examined(sources);
  const [first] = verdict.risks;
  return { rows: [row, ...also], risks, report, says: first?.says, proof: first?.evidence.map(({ text }) => text) };
}

const nothing = { rows: [undefined], risks: [] };

describe.skipIf(!isThere)("the newest Envoy with failover.yaml", () => {
  let sources: Source[];
  let rig: BackendsRig;

  beforeAll(async () => {
    rig = await startBackendsRig();
    rig.does("primary", answers(500));
    for (let i = 0; i < 3; i++) expect((await rig.ask()).status).toBe(200);
    sources = await sourcesOf(rig);
  });

  afterAll(() => rig?.stop());

  test("is well, whatever it retried", () => {
    const seen = seenIn(sources);
    expect(seen, seen.report).toMatchObject(nothing);
  });

  test("row 60: `xds.node` as an attribute, in the cluster's chain or in the listener's", () => {
    const asked = `"xds.cluster_metadata.filter_metadata['pointsman']['backend']"`;
    const inCluster = seenIn(changed(sources, "config_dump.json", asked, '"xds.node"'));
    expect([inCluster.risks, inCluster.proof], inCluster.report).toEqual([
      [60],
      [expect.stringMatching(/http_filters\[0\].*request_attributes\[1\]: "xds.node"$/)],
    ]);
    expect(inCluster.says).toMatch(/^filter pointsman\/attempt of cluster backends asks for xds.node/);
    const mode = '"stat_prefix": "route",';
    const attributes = `${mode} "response_attributes": ["request.path", "xds.node"],`;
    const inListener = seenIn(changed(sources, "config_dump.json", mode, attributes));
    expect(inListener.risks, inListener.report).toEqual([60]);
    expect(inListener.says).toMatch(/^filter pointsman\/route of listener requests/);
    const part = seenIn(
      changed(sources, "config_dump.json", asked, '"xds.node.user_agent_build_version.version.minor_number"'),
    );
    expect(part, part.report).toMatchObject(nothing);
  });

  test("row 64: bodies that have to wait on their way to the picker", () => {
    const dump = "config_dump.json";
    const narrow = seenIn(
      changed(sources, dump, '"initial_stream_window_size": 67108864', '"max_concurrent_streams": 9'),
    );
    expect([narrow.risks, narrow.proof], narrow.report).toEqual([
      [64],
      [expect.stringMatching(/initial_stream_window_size is not there: 16 MiB$/)],
    ]);
    const limit = '"per_connection_buffer_limit_bytes": 67108864';
    const both = seenIn(changed(sources, dump, limit, '"per_connection_buffer_limit_bytes": 1048576'));
    expect([both.risks, both.proof], both.report).toEqual([
      [64],
      [expect.stringMatching(/per_connection_buffer_limit_bytes: 1048576$/)],
    ]);
    const unread = seenIn(changed(changed(sources, dump, limit, '"name": "x"'), dump, '"BUFFERED"', '"NONE"'));
    expect(unread.risks, unread.report).not.toContain(64);
  });

  test.each(["1.35.6", "1.29.0"])("row 63: Envoy %s drops what the picker refuses", (version) => {
    const [, now = ""] = /"version": "[^/]*\/([\d.]+)\//.exec(sources.at(-1)?.text ?? "") ?? [];
    const seen = seenIn(changed(sources, "server_info.json", `/${now}/`, `/${version}/`));
    expect([seen.risks, seen.proof?.[0]], seen.report).toEqual([[63], `version: ${version}`]);
  });
});

describe.skipIf(!isThere)("row 62: a filter of a cluster that fails open", () => {
  const gone: Edit[] = [
    { op: "set", at: [...attempt, "grpc_service", "envoy_grpc", "cluster_name"], to: "gone" },
    { op: "add", at: ["static_resources", "clusters", 0], to: { name: "gone", type: "STATIC", connect_timeout: "1s" } },
  ];
  const headers = { authorization: "Bearer the-client's" };

  test("lets the client's key out where no picker is, and the doctor says so before", async () => {
    const rig = await startBackendsRig({ edits: [failsOpen] });
    const seen = seenIn(await sourcesOf(rig));
    await rig.stop();
    noteRows("run", seen.risks);
    expect([seen.risks, seen.proof], seen.report).toEqual([[62], [expect.stringMatching(/failure_mode_allow: true$/)]]);
    const open = await startBackendsRig({ edits: [failsOpen, ...gone] });
    expect((await open.ask({ headers })).status).toBe(200);
    expect(open.primary.only.headers["authorization"]).toBe("Bearer the-client's");
    await open.stop();
  });

  test("and as shipped it does not", async () => {
    const rig = await startBackendsRig({ edits: gone });
    expect((await rig.ask({ headers })).status).toBe(503);
    expect([rig.asked, rig.primary.wire]).toEqual([[], ""]);
    await rig.stop();
  });
});

describe.skipIf(!isOldThere)(`Envoy ${OLD} with failover.yaml`, () => {
  const risksWith = async (edits: readonly Edit[]) => {
    const rig = await startBackendsRig({ version: OLD, edits });
    const seen = seenIn(await sourcesOf(rig));
    await rig.stop();
    return seen;
  };

  test("row 61: ends with the first answer that is tried again, of which the doctor warns", async () => {
    const rig = await startBackendsRig({ version: OLD });
    expect((await rig.ask()).status).toBe(200);
    const seen = seenIn(await sourcesOf(rig));
    noteRows("run", seen.risks);
    expect([seen.risks, seen.proof], seen.report).toEqual([
      [61],
      [`version: ${OLD}`, expect.stringContaining('"STREAMED"'), expect.stringContaining('"num_retries":1')],
    ]);
    rig.does("primary", answers(500));
    await expect(rig.ask()).rejects.toThrow();
    await expect(rig.ask()).rejects.toThrow(/ECONN/);
    await rig.stop();
  });

  test.each([
    { how: "that is shown no answers", edits: answersUnseen },
    { how: "without retries", edits: [noRetries] },
  ])("$how is well", async ({ edits }) => {
    const seen = await risksWith(edits);
    expect(seen, seen.report).toMatchObject(nothing);
  });

  test("and serves, where it is shown no answers", async () => {
    const rig = await startBackendsRig({ version: OLD, edits: [...answersUnseen, ...backendsAt([])] });
    rig.does("primary", answers(500));
    expect(await rig.served()).toBe("primary fallback");
    await rig.stop();
  });
});
