/** A line of an access log: JSON in the words of any gateway, or the text that Envoy and Istio write by default. */
import { isRecord, type Quote } from "../place.ts";
import { withoutPrefix } from "./prefix.ts";

export interface AccessLine {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** `UH`, `UF,URX`; "" for none. */
  readonly flags: string;
  /** response_code_details: who made the answer, and why; "" where the format leaves it out. */
  readonly details: string;
  /** Undefined where the format leaves it out, as with the numbers below. */
  readonly bytesReceived: number | undefined;
  readonly bytesSent: number | undefined;
  readonly durationMs: number | undefined;
  readonly upstreamHost: string;
  readonly upstreamCluster: string;
  readonly transportFailure: string;
  readonly route: string;
  readonly attempts: number | undefined;
  /** Every field under its own name, for what only some formats have. */
  readonly fields: ReadonlyMap<string, string>;
  readonly quote: Quote;
}

/** The names that gateways give to a field in their JSON. */
const names = {
  method: ["method", "http_method"],
  path: ["x-envoy-origin-path", "path", "x_envoy_original_path", "request_path"],
  status: ["response_code", "status", "status_code"],
  flags: ["response_flags", "flags"],
  details: ["response_code_details", "details"],
  received: ["bytes_received", "request_bytes"],
  sent: ["bytes_sent", "response_bytes"],
  duration: ["duration", "milliseconds", "duration_ms"],
  host: ["upstream_host", "pod"],
  cluster: ["upstream_cluster", "upstream_cluster_raw", "cluster"],
  failure: ["upstream_transport_failure_reason"],
  route: ["route_name", "route"],
  attempts: ["attempt_count", "upstream_request_attempt_count", "x-envoy-attempt-count", "attempts"],
} as const;

/** What both text formats begin with: time, request, status, flags. */
const TEXT = /^\[[^\]]+\] "(\S+) (\S*) [^"]*" (\d+) (\S+) (.*)$/;
const WORD = /"((?:[^"\\]|\\.)*)"|(\S+)/g;

/** undefined where the line is none of an access log. */
export function readAccessLine(text: string, source: string, line?: number): AccessLine | undefined {
  const trimmed = withoutPrefix(text.trim());
  const fields = trimmed.startsWith("{") ? ofJson(trimmed) : ofText(trimmed);
  if (fields === undefined) return undefined;
  const get = (field: keyof typeof names) => {
    const found = names[field].map((name) => fields.get(name)).find((value) => value !== undefined);
    return found === undefined || found === "-" ? "" : found;
  };
  const count = (field: keyof typeof names) => (/^\d+$/.test(get(field)) ? Number(get(field)) : undefined);
  const status = count("status");
  // A log of a program is JSON too: what tells an access log is a status beside how the answer came about.
  if (status === undefined || (get("details") === "" && get("flags") === "" && !fields.has("response_flags"))) {
    return undefined;
  }
  return {
    method: get("method"),
    path: get("path"),
    status,
    flags: get("flags"),
    details: get("details"),
    bytesReceived: count("received"),
    bytesSent: count("sent"),
    durationMs: count("duration"),
    upstreamHost: get("host"),
    upstreamCluster: get("cluster"),
    transportFailure: get("failure"),
    route: get("route"),
    attempts: count("attempts"),
    fields,
    quote: { source, text: trimmed, ...(line !== undefined && { line }) },
  };
}

function ofJson(text: string): Map<string, string> | undefined {
  try {
    const tree: unknown = JSON.parse(text);
    if (!isRecord(tree)) return undefined;
    const entries = Object.entries(tree).filter(([, value]) => typeof value !== "object" || value === null);
    return new Map(entries.map(([key, value]) => [key, value === null ? "-" : String(value)]));
  } catch {
    return undefined;
  }
}

function ofText(text: string): Map<string, string> | undefined {
  const [, method, path, status, flags, rest] = TEXT.exec(text) ?? [];
  if (rest === undefined) return undefined;
  const words = [...rest.matchAll(WORD)].map(([, quoted, bare]) => quoted ?? bare ?? "");
  const begin = { method, path, response_code: status, response_flags: flags };
  // Envoy's own goes on with four numbers and five words in quotes; Istio's has who made the answer before them.
  const isEnvoys = /^\d+ \d+ \d+ (\d+|-) /.test(rest);
  const tail = isEnvoys
    ? { bytes_received: words[0], bytes_sent: words[1], duration: words[2], upstream_host: words[8] }
    : {
        response_code_details: words[0],
        upstream_transport_failure_reason: words[2],
        bytes_received: words[3],
        bytes_sent: words[4],
        duration: words[5],
        upstream_host: words[11],
        upstream_cluster: words[12],
        route_name: words[17],
      };
  const entries = Object.entries({ ...begin, ...tail }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return new Map(entries);
}
