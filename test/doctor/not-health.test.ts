/** What must not look like health though the most of what is seen is well: one route of many, counters alone, a broken page. */
import { describe, expect, test } from "vitest";
import { renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import { diagnose, evidenceOf, type Source } from "../../src/doctor/diagnose.ts";
import { outcomeOf } from "../../src/doctor/outcome.ts";
import { examined } from "../support/doctor-rig.ts";

const route = { route_name: "llm", upstream_cluster: "pods" };
const well = { response_code: 200, response_code_details: "via_upstream", upstream_host: "10.0.0.5:8000" };
const lineOf = (more: object) =>
  JSON.stringify({
    ...{ method: "POST", path: "/v1/chat/completions", response_flags: "-", bytes_received: 300, duration: 800 },
    ...{ ...route, ...well, ...more },
  });
const logOf = (...parts: readonly [count: number, more: object][]): Source => ({
  name: "access.log",
  text: parts.flatMap(([count, more]) => Array.from({ length: count }, () => lineOf(more))).join("\n"),
});
const config: Source = { name: "envoy.json", text: JSON.stringify(renderEnvoyConfig("buffered.yaml", [])) };
const outcome = (...sources: readonly Source[]) => outcomeOf(examined(sources).verdict, evidenceOf(sources));

const fieldRequired: Source = {
  name: "pod.log",
  text: "2026-11-21 start\n2026-11-21 10:00 INFO 400 Bad Request: [{'type':'missing','loc':('body',),'msg':'Field required'}]",
};

describe("what is lost among much that went well", () => {
  const other = { route_name: "other", upstream_cluster: "others" };

  test("a route that fails throughout, and is not among the last requests, is named with who answered", () => {
    const seen = examined([logOf([40, {}], [3, { ...other, response_code: 500 }], [4000, {}])]);
    expect(seen.report).toMatch(
      /NO VERDICT: 3 of the last 3 requests failed on route other: the pod itself answered 500/,
    );
    expect(outcome(logOf([4000, {}], [2, { ...other, response_code: 500 }], [40, {}]))).toBe("well");
    // One that the configuration has no more is past.
    expect(outcome(config, logOf([40, {}], [9, { ...other, response_code: 500 }], [4000, { route_name: "llm" }]))).toBe(
      "well",
    );
  });

  test("a stream to the picker that failed without a reason is told as one", () => {
    const details = "ext_proc_error_gRPC_error_14{reset_reason:_remote_connection_failure}";
    const more = { response_code: 500, response_code_details: details, upstream_host: "-" };
    expect(examined([logOf([20, {}], [12, more])]).report).toContain(
      "12 of the last 20 requests failed on route llm: Envoy answered 500 because the stream to the picker failed (ext_proc_error",
    );
  });

  const unknown = { response_code: 404, response_code_details: "pointsman_model_not_found", upstream_host: "-" };
  test.each<{ is: string; parts: [number, object][] }>([
    {
      is: "broken",
      parts: [
        [4000, {}],
        [10, unknown],
      ],
    },
    {
      is: "risk",
      parts: [
        [4000, {}],
        ...Array.from({ length: 10 }, (): [number, object][] => [
          [1, unknown],
          [1, {}],
        ]).flat(),
      ],
    },
    {
      is: "well",
      parts: [
        [4000, {}],
        [2, unknown],
        [5, {}],
      ],
    },
  ])("a model that the picker does not know is $is", ({ is, parts }) => {
    expect(outcome(logOf(...parts))).toBe(is);
  });
});

describe("counters alone", () => {
  const page = (counts: Readonly<Record<string, number>>): Source => ({
    name: "stats.txt",
    text: Object.entries(counts)
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n"),
  });
  const asked = "http.requests.ext_proc.pointsman";
  const streams = (started: number, failed: number) => ({
    [`${asked}.streams_started`]: started,
    [`${asked}.stream_msgs_received`]: started - failed,
    [`${asked}.streams_failed`]: failed,
    "http.requests.downstream_rq_completed": started,
  });

  test("are no health where streams or answers failed, and requests that go well say more than they do", () => {
    const failing = page(streams(1000, 1000));
    const seen = examined([config, failing]);
    expect(seen.report).toContain("NO VERDICT: 1000 of 1000 streams to the picker came to nothing");
    expect(seen.report).toMatch(/filter +http\.requests\.ext_proc\.pointsman: 1000 streams, 1000 failed/);
    expect(seen.report).not.toMatch(/ok +filter/);
    expect(outcome(config, failing, logOf([30, {}]))).not.toBe("unknown");
    const answers = page({
      ...streams(1000, 0),
      "http.requests.downstream_rq_5xx": 400,
      "cluster.picker.upstream_rq_timeout": 7,
    });
    expect(examined([config, answers]).report).toMatch(
      /400 of 1000 requests were answered with 5xx[^\n]*upstream_rq_timeout: 7/,
    );
    const few = page({
      ...streams(1000, 0),
      "http.requests.downstream_rq_5xx": 40,
      "http.admin.downstream_rq_5xx": 900,
    });
    expect(outcome(config, few)).toBe("well");
  });

  test("of one picker of two name the host that does not answer", () => {
    const hosts: Source = {
      name: "clusters.txt",
      text: [
        ...["cx_connect_fail::0", "cx_total::2", "health_flags::healthy"].map(
          (each) => `picker::10.0.1.1:9002::${each}`,
        ),
        ...["cx_connect_fail::10", "cx_total::12", "health_flags::healthy"].map(
          (each) => `picker::10.0.1.2:9002::${each}`,
        ),
      ].join("\n"),
    };
    const seen = examined([config, hosts]);
    expect(seen.risks).toEqual([12]);
    expect(seen.report).toContain("1 of 2 hosts of cluster picker do not answer: 10.0.1.2:9002");
  });
});

test("a dump that is cut off is no health, unless requests are seen to go well", () => {
  const cut: Source = { name: "config_dump.json", text: '{\n "configs": [\n  {\n' };
  const policy: Source = {
    name: "policy.json",
    text: JSON.stringify({
      ...{ apiVersion: "gateway.envoyproxy.io/v1alpha1", kind: "EnvoyExtensionPolicy", metadata: { name: "p" } },
      status: { ancestors: [{ conditions: [{ type: "Accepted", status: "True" }] }] },
    }),
  };
  const outcomeBeside = (...others: readonly Source[]) => {
    const evidence = evidenceOf([cut, ...others]);
    return outcomeOf(diagnose(evidence), evidence);
  };
  expect([outcomeBeside(policy), outcomeBeside(logOf([25, {}]))]).toEqual(["unknown", "well"]);
});

test("bodies that are lost of late, in the pod's own words, are row 20 with the configuration as they are without", () => {
  const duplex: Source = { name: "envoy.json", text: JSON.stringify(renderEnvoyConfig("duplex.yaml", [])) };
  const lines = logOf([200, {}], [4, { response_code: 400 }]);
  const rows = [examined([lines, fieldRequired]).row, examined([duplex, lines, fieldRequired]).row];
  expect(rows).toEqual([20, 20]);
});

test("addresses that were none are a risk by their count, though the last requests went well", () => {
  const counts = {
    "http.requests.ext_proc.pointsman.streams_started": 1000,
    "http.requests.ext_proc.pointsman.stream_msgs_received": 2000,
    "cluster.pods.original_dst_host_invalid": 900,
  };
  const text = Object.entries(counts)
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n");
  expect(examined([config, { name: "stats.txt", text }, logOf([200, {}])]).risks).toEqual([5]);
});
