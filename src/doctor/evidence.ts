/** All that the doctor was given to look at, whatever it came from. Nothing here says yet whether it is good or bad. */
import type { EnvoyConfig } from "./envoy/config-view.ts";
import type { Hosts } from "./envoy/hosts.ts";
import type { Stats } from "./envoy/stats.ts";
import type { KubeObject } from "./kube/kube-object.ts";
import type { LiveAnswers } from "./live/live-answers.ts";
import type { AccessLine } from "./logs/access-line.ts";
import type { LogLine } from "./logs/log-line.ts";
import type { PickerPages } from "./picker/picker-pages.ts";

/** What a probe may need; each can be supplied by a command that the report names. */
export const evidenceKinds = {
  config: "Envoy's configuration: /config_dump, or the file it was started with",
  stats: "Envoy's counters: /stats",
  hosts: "Envoy's clusters: /clusters",
  server: "Envoy's version: /server_info",
  access: "lines of the access log",
  logs: "logs of the controller, the proxy and the picker",
  objects: "objects of Kubernetes, as YAML or JSON",
  picker: "the picker's own metrics and /debug pages",
  live: "a live probe: a request, and a look at the picker's port",
} as const;

export type EvidenceKind = keyof typeof evidenceKinds;

export interface Evidence {
  readonly config?: EnvoyConfig;
  readonly stats?: Stats;
  readonly hosts?: Hosts;
  /** Such as 1.40.0, and where it was read. */
  readonly server?: EnvoyVersion;
  readonly access: readonly AccessLine[];
  readonly logs: readonly LogLine[];
  /** Every log that was read, whether or not a line of it meant anything. */
  readonly logNames?: readonly string[];
  readonly objects: readonly KubeObject[];
  readonly picker?: PickerPages;
  readonly live?: LiveAnswers;
  /** What was given and could not be made sense of. */
  readonly unread: readonly Unread[];
}

export interface EnvoyVersion {
  readonly version: string;
  readonly state: string;
  readonly source: string;
}

export interface Unread {
  readonly source: string;
  readonly why: string;
}

/** Is there any of this kind? A log that was read and held no sign is there too. */
export function has(evidence: Evidence, kind: EvidenceKind): boolean {
  if (kind === "logs" && (evidence.logNames ?? []).length > 0) return true;
  const value = evidence[kind];
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}
