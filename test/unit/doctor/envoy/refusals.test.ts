import { describe, expect, test } from "vitest";
import { evidenceOf } from "../../../../src/doctor/diagnose.ts";
import { isOfFailOpen, refusals } from "../../../../src/doctor/envoy/refusals.ts";

const details = "FULL_DUPLEX_STREAMED needs trailers";
const dump = (entries: readonly object[]) => ({
  name: "config_dump.json",
  text: JSON.stringify({
    configs: [{ "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", dynamic_listeners: entries }],
  }),
});
const failed = { details, failed_configuration: { name: "more" } };
const log = {
  name: "envoy.log",
  text: "[2026-10-01 00:00:00.000][1][warning][config] gRPC config for type.googleapis.com/envoy.config.listener.v3.Listener rejected: bad",
};
const type = "type.googleapis.com/envoy.extensions.filters";
const manager = {
  typed_config: {
    "@type": `${type}.network.http_connection_manager.v3.HttpConnectionManager`,
    http_filters: [
      {
        name: "ext_proc",
        typed_config: {
          "@type": `${type}.http.ext_proc.v3.ExternalProcessor`,
          grpc_service: { envoy_grpc: { cluster_name: "picker" } },
        },
      },
    ],
    route_config: {
      virtual_hosts: [{ domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "pods" } }] }],
    },
  },
};
const stats = { name: "stats.txt", text: "listener_manager.lds.update_rejected: 2\nserver.live: 1" };

describe("refusals", () => {
  test("name a listener once that the dump has under its name and without one", () => {
    const seen = refusals(evidenceOf([dump([{ name: "more", error_state: failed }, { error_state: failed }])]));
    expect(seen).toMatchObject([{ of: "listener more", details, weight: "fault" }]);
  });

  test("prefer what the dump says to the log, and the log to the counters", () => {
    const inDump = refusals(evidenceOf([dump([{ name: "more", error_state: failed }]), log, stats]));
    expect(inDump.map(({ quote }) => quote.source)).toEqual(["config_dump.json"]);
    expect(refusals(evidenceOf([log, stats])).map(({ quote }) => quote.source)).toEqual(["envoy.log"]);
    expect(refusals(evidenceOf([stats]))).toMatchObject([{ weight: "risk", details: "" }]);
  });

  test("take what a log says for past where the dump knows nothing of it", () => {
    expect(refusals(evidenceOf([dump([]), log]))).toMatchObject([{ weight: "risk" }]);
  });

  test("are none by a counter beside a dump that knows of none: it was mended since", () => {
    const listener = { name: "a", active_state: { listener: { name: "a", filter_chains: [{ filters: [manager] }] } } };
    expect(refusals(evidenceOf([dump([listener]), stats]))).toEqual([]);
    const of = (attempts: number) => ({
      ...stats,
      text: `server.live: 1\nlistener_manager.lds.update_rejected: 5\nlistener_manager.lds.update_attempt: ${attempts}`,
    });
    expect(refusals(evidenceOf([dump([listener]), of(101)]))).toEqual([]);
    // Half of all updates is no single mishap.
    expect(refusals(evidenceOf([dump([listener]), of(10)]))).toMatchObject([{ weight: "risk" }]);
  });

  test("have no steps of their own where requests to a picker pass through, and none to fail in where they do not", () => {
    const asking = (error: object) => ({ name: "a", error_state: error, active_state: active });
    const active = { listener: { name: "a", filter_chains: [{ filters: [manager] }] } };
    expect(refusals(evidenceOf([dump([asking(failed)])]))[0]?.mayCause).toBeUndefined();
    expect(refusals(evidenceOf([dump([{ name: "more", error_state: failed }])]))[0]?.mayCause).toEqual([]);
  });

  test("are none where none was counted", () => {
    expect(refusals(evidenceOf([{ ...stats, text: "listener_manager.lds.update_rejected: 0" }]))).toEqual([]);
  });
});

describe("isOfFailOpen", () => {
  const of = (words: string) =>
    isOfFailOpen({ of: "", details: words, weight: "fault", quote: { source: "", text: "" } });

  test("needs both words", () => {
    expect(of("failure_mode_allow can not be had with FULL_DUPLEX_STREAMED")).toBe(true);
    expect(of("FULL_DUPLEX_STREAMED does not support fail open")).toBe(true);
    expect(of("FULL_DUPLEX_STREAMED needs trailers")).toBe(false);
    expect(of("failure_mode_allow is no number")).toBe(false);
  });
});
