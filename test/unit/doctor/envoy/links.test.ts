import { describe, expect, test } from "vitest";
import { evidenceOf } from "../../../../src/doctor/diagnose.ts";
import { isFailing, linksOf, linksOfLine, optionOf } from "../../../../src/doctor/envoy/links.ts";
import { readAccessLine } from "../../../../src/doctor/logs/access-line.ts";

const type = "type.googleapis.com/envoy.extensions.filters";
const extProc = (cluster: string, more: object = {}) => ({
  "@type": `${type}.http.ext_proc.v3.ExternalProcessor`,
  grpc_service: { envoy_grpc: { cluster_name: cluster } },
  ...more,
});

interface Shape {
  readonly filters?: readonly object[];
  readonly routes?: readonly object[];
  readonly clusters?: readonly object[];
  readonly stats?: string;
}

function linksIn({ filters = [], routes, clusters = [], stats }: Shape) {
  const manager = {
    "@type": `${type}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "in",
    ...(routes === undefined
      ? { rds: { route_config_name: "elsewhere" } }
      : { route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes }] } }),
    http_filters: [...filters, { name: "router", typed_config: { "@type": `${type}.http.router.v3.Router` } }],
  };
  const listeners = [{ name: "in", filter_chains: [{ filters: [{ typed_config: manager }] }] }];
  const config = JSON.stringify({ static_resources: { listeners, clusters } });
  const sources = [{ name: "config_dump.json", text: config }];
  if (stats !== undefined) sources.push({ name: "stats.txt", text: stats });
  return linksOf(evidenceOf(sources));
}

const toPods = { name: "chat", match: { prefix: "/v1" }, route: { cluster: "pods" } };
const perRoute = (config: object) => ({
  typed_per_filter_config: { picker: { "@type": `${type}.http.ext_proc.v3.ExtProcPerRoute`, ...config } },
});

describe("linksOf", () => {
  test("names the cluster that the filter asks, and what was counted of it", () => {
    const stats = "http.in.ext_proc.streams_started: 4\nhttp.in.ext_proc.streams_failed: 1";
    const filters = [{ name: "picker", typed_config: extProc("epp") }];
    const [link, ...more] = linksIn({ filters, routes: [toPods], clusters: [{ name: "epp" }], stats });
    expect(more).toEqual([]);
    expect(link).toMatchObject({ to: "epp", cluster: { name: "epp" }, isWatchedOnly: false, isDown: false });
    expect(link?.askers).toMatchObject([
      { title: "filter picker of listener in", counters: { started: 4, failed: 1 } },
    ]);
  });

  test("goes by the cluster of the route where the filter's own is asked nothing", () => {
    const skip = { request_header_mode: "SKIP", response_header_mode: "SKIP" };
    const filters = [
      { name: "picker", typed_config: extProc("dummy", { processing_mode: skip, message_timeout: "7s" }) },
    ];
    const overrides = {
      processing_mode: { request_header_mode: "SEND" },
      grpc_service: { envoy_grpc: { cluster_name: "epp" } },
    };
    const [link, ...more] = linksIn({ filters, routes: [toPods, { ...toPods, ...perRoute({ overrides }) }] });
    expect(more).toEqual([]);
    expect(link?.to).toBe("epp");
    const asker = link!.askers[0]!;
    // What the route leaves to the filter is said there, and only there.
    expect(optionOf(asker, "message_timeout").quote().text).toMatch(
      /http_filters\[0\]\.typed_config\.message_timeout: "7s"$/,
    );
    expect(optionOf(asker, "processing_mode").path).toContain("typed_per_filter_config.picker.overrides");
  });

  test.each([
    { how: "is off in the chain", filter: { disabled: true }, route: {}, links: 0 },
    {
      how: "is off in the chain and on by a word of the route",
      filter: { disabled: true },
      route: perRoute({}),
      links: 1,
    },
    { how: "is turned off by the route", filter: {}, route: perRoute({ disabled: true }), links: 0 },
  ])("counts $links where the filter $how", ({ filter, route, links }) => {
    const filters = [{ name: "picker", typed_config: extProc("epp"), ...filter }];
    expect(linksIn({ filters, routes: [{ ...toPods, ...route }] })).toHaveLength(links);
  });

  test("takes the filters as they stand where the routes are not known", () => {
    const filters = [{ name: "picker", typed_config: extProc("epp") }];
    expect(linksIn({ filters })).toMatchObject([{ to: "epp", askers: [{ paths: [] }] }]);
  });

  test.each(["cluster.po.ds.ext_proc", "cluster.po.dsext_proc", "cluster.po.ds.cluster.po.dsext_proc"])(
    "finds the counters of a cluster's filter under %s",
    (prefix) => {
      const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
      const http_filters = [{ name: "second", typed_config: extProc("epp") }];
      const pods = { name: "po.ds", typed_extension_protocol_options: { [options]: { http_filters } } };
      const stats = `${prefix}.streams_started: 3\n${prefix}.streams_failed: 3`;
      const routes = [{ match: { prefix: "/" }, route: { cluster: "po.ds" } }];
      const [link] = linksIn({ routes, clusters: [pods], stats });
      expect(link?.askers).toMatchObject([
        { isUpstream: true, title: "filter second of cluster po.ds", counters: { failed: 3 } },
      ]);
      expect(isFailing(link!)).toBe(true);
    },
  );
});

describe("isFailing", () => {
  const filters = [{ name: "picker", typed_config: extProc("e|p") }];
  const failing = (stats: string) => isFailing(linksIn({ filters, routes: [toPods], stats })[0]!);
  const counted = (started: number, failed: number, more = "") =>
    `http.in.ext_proc.streams_started: ${started}\nhttp.in.ext_proc.streams_failed: ${failed}\n${more}`;

  test.each([
    { why: "one of ten failed", stats: counted(10, 1), is: false },
    { why: "five of ten failed", stats: counted(10, 5), is: true },
    { why: "none could be started", stats: counted(0, 3), is: true },
    { why: "all ran out of time", stats: counted(2, 0, "http.in.ext_proc.message_timeouts: 2"), is: true },
    { why: "none of its hosts is healthy", stats: counted(9, 0, "cluster.e|p.membership_healthy: 0"), is: true },
    { why: "nothing was asked", stats: counted(0, 0), is: false },
  ])("is $is where $why", ({ stats, is }) => {
    expect(failing(stats)).toBe(is);
  });
});

describe("linksOfLine", () => {
  const filters = [
    { name: "first", typed_config: extProc("one") },
    { name: "picker", typed_config: extProc("two"), disabled: true },
  ];
  const routes = [
    { name: "plain", match: { prefix: "/a" }, route: { cluster: "pods" } },
    { name: "both", match: { prefix: "/b" }, route: { cluster: "more" }, ...perRoute({}) },
  ];
  const line = (fields: object) =>
    readAccessLine(JSON.stringify({ response_code: 500, response_flags: "-", ...fields }), "access.log");
  const names = (fields: object) => linksOfLine(linksIn({ filters, routes }), line(fields)).map(({ to }) => to);

  test("tells them by the route's name, and by the cluster where there is none", () => {
    expect(names({ route_name: "plain" })).toEqual(["one"]);
    expect(names({ route_name: "both" })).toEqual(["one", "two"]);
    expect(names({ upstream_cluster: "pods" })).toEqual(["one"]);
    expect(names({})).toEqual(["one", "two"]);
  });
});
