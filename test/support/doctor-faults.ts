/** Faults that are made for real: what to change in a shipped config, and what the doctor must say of what it leaves behind. */
import { expect } from "vitest";
import type { Edit } from "../../src/demo/envoy-config.ts";
import { places } from "../../src/demo/envoy-config.ts";
import type { Source } from "../../src/doctor/diagnose.ts";
import { type DoctorRig, type DoctorRigOptions, type Examined, examined, only, startDoctorRig } from "./doctor-rig.ts";
import type { Ask } from "./http-framings.ts";

export interface Fault extends DoctorRigOptions {
  readonly row: number;
  /** Other rows that are seen too, in order; the test fails of any that are not named. */
  readonly also?: readonly number[];
  readonly risks?: readonly number[];
  /** Among the evidence of the verdict. */
  readonly proof: RegExp;
  readonly question?: Partial<Ask>;
  readonly times?: number;
  /** The status that every request gets. */
  readonly status: number;
  /** What a verdict by the access log alone is; undefined for none. */
  readonly byLines: number | undefined;
  /** What a verdict without access log is: by configuration and counters. */
  readonly byCounters: number | undefined;
  /** Logs, objects, pages of the picker. */
  readonly more?: () => Promise<readonly Source[]> | readonly Source[];
}

/** Produces it, and holds every verdict against what is said of it. */
export async function produce(fault: Fault): Promise<Examined> {
  const rig = await startDoctorRig(fault);
  try {
    return await judge(rig, fault);
  } finally {
    await rig.stop();
  }
}

async function judge(rig: DoctorRig, fault: Fault): Promise<Examined> {
  const statuses = await rig.askTimes(fault.times ?? 3, fault.question);
  expect(new Set(statuses)).toEqual(new Set([fault.status]));
  const seen = held(await rig.examine(await fault.more?.()), fault);
  // Envoy's own log tells of the same, and changes nothing.
  const { row, also, report } = examined([...seen.sources, { name: "envoy.log", text: rig.envoy.log.join("\n") }]);
  expect({ row, also }, report).toEqual({ row: seen.row, also: seen.also });
  return seen;
}

export function held(seen: Examined, { row, also = [], risks = [], proof, byLines, byCounters }: Fault): Examined {
  expect({ row: seen.row, also: seen.also, risks: seen.risks }, seen.report).toEqual({ row, also, risks });
  const { first } = seen.verdict;
  const texts = [...(first?.evidence ?? []), ...(first?.because ?? []).map(({ evidence }) => evidence)];
  expect(texts.map(({ text }) => text).join("\n")).toMatch(proof);
  expect(seen.report.split("\n")[0]).toContain(`(row ${row}, `);
  expect(seen.tookMs).toBeLessThan(5000);
  const { sources } = seen;
  const lines = examined(only(sources, "access.log"));
  expect(lines.row, `by the access log alone\n${lines.report}`).toBe(byLines);
  const counters = examined(only(sources, "config_dump.json", "stats.txt", "clusters.txt", "server_info.json"));
  expect(counters.row, `without the access log\n${counters.report}`).toBe(byCounters);
  return seen;
}

/** Edits of the shipped configs that many faults are made with. */
export const edits = {
  noHealthChecks: { op: "remove", at: [...places.picker, "health_checks"] },
  noHttp2: { op: "remove", at: [...places.picker, "typed_extension_protocol_options"] },
  noTimeout: { op: "remove", at: [...places.extProc, "message_timeout"] },
  failsOpen: { op: "set", at: [...places.extProc, "failure_mode_allow"], to: true },
  tls: {
    op: "add",
    at: [...places.picker, "transport_socket"],
    to: {
      name: "envoy.transport_sockets.tls",
      typed_config: { "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext" },
    },
  },
} as const satisfies Record<string, Edit>;

export function timeoutOf(text: string): Edit {
  return { op: "set", at: [...places.extProc, "message_timeout"], to: text };
}

export function requestBodies(mode: string): Edit[] {
  const at = [...places.extProc, "processing_mode"];
  const trailers: Edit[] =
    mode === "FULL_DUPLEX_STREAMED" ? [{ op: "add", at: [...at, "request_trailer_mode"], to: "SEND" }] : [];
  return [{ op: "set", at: [...at, "request_body_mode"], to: mode }, ...trailers];
}

export const routes = [...places.hcm, "route_config", "virtual_hosts", "all", "routes"];

/** Before all others of the listener. */
export function filterFirst(name: string, type: string, config: object = {}): Edit {
  const typed_config = { "@type": `type.googleapis.com/envoy.extensions.filters.http.${type}`, ...config };
  return { op: "add", at: [...places.hcm, "http_filters", 0], to: { name, typed_config } };
}

/** A cluster of HTTP/2 beside those of the shipped config. */
export function clusterOf(name: string, address: string): Edit {
  const [host = "", port = ""] = address.split(":");
  const endpoint = { address: { socket_address: { address: host, port_value: Number(port) } } };
  const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  return {
    op: "add",
    at: ["static_resources", "clusters", 0],
    to: {
      name,
      type: "STATIC",
      connect_timeout: "1s",
      typed_extension_protocol_options: {
        [options]: { "@type": `type.googleapis.com/${options}`, explicit_http_config: { http2_protocol_options: {} } },
      },
      load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
    },
  };
}
