/** An Envoy's configuration as the doctor looks at it: what bears on the way of a request, whoever wrote it and however. */
import type { Place } from "../place.ts";

export type SendMode = "SEND" | "SKIP";
export type BodyMode = "NONE" | "STREAMED" | "BUFFERED" | "BUFFERED_PARTIAL" | "FULL_DUPLEX_STREAMED";

/** As they are in force: what is not said is Envoy's default. */
export interface Modes {
  readonly requestHeaders: SendMode;
  readonly requestBody: BodyMode;
  readonly requestTrailers: SendMode;
  readonly responseHeaders: SendMode;
  readonly responseBody: BodyMode;
  readonly responseTrailers: SendMode;
}

export interface ExtProc {
  /** The picker's cluster; "" where another kind of client is configured. */
  readonly cluster: string;
  readonly authority: string;
  readonly statPrefix: string;
  /** 200 where nothing is said. */
  readonly messageTimeoutMs: number;
  readonly failsOpen: boolean;
  readonly modes: Modes;
  readonly allowsModeOverride: boolean;
  /** send_body_without_waiting_for_header_response. */
  readonly sendsBodyAtOnce: boolean;
  readonly receives: readonly string[];
  readonly isWatchingOnly: boolean;
  readonly at: Place;
}

export interface HttpFilter {
  readonly name: string;
  /** The last words of its type: "ExternalProcessor", "Router", "JwtAuthn"; "" where there is none. */
  readonly kind: string;
  /** In the chain, and off unless a route turns it on. */
  readonly isDisabled: boolean;
  readonly extProc?: ExtProc;
  readonly at: Place;
}

export interface Route {
  readonly name: string;
  readonly host: string;
  readonly domains: readonly string[];
  /** In words: `/v1/ and header routing-strategy`. */
  readonly match: string;
  readonly matchAt: Place;
  /** All that it may go to; none where Envoy answers itself. */
  readonly clusters: readonly string[];
  /** The cluster is named by this header of the request. */
  readonly clusterHeader: string;
  /** The status of an answer of Envoy's own. */
  readonly direct: number | undefined;
  /** 0 is none; 15,000 where nothing is said. */
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number | undefined;
  readonly prefixRewrite: string;
  /** By filter name: of the route, its virtual host and its table, the nearest wins. */
  readonly overrides: ReadonlyMap<string, Place>;
  readonly at: Place;
}

/** An HTTP connection manager of a listener, with the routes in force. */
export interface HttpListener {
  readonly listener: string;
  readonly address: string;
  readonly statPrefix: string;
  readonly filters: readonly HttpFilter[];
  readonly routes: readonly Route[];
  /** 1 MiB where nothing is said. */
  readonly bufferLimit: number;
  readonly streamIdleMs: number;
  /** The name of a table of routes that is not in the evidence; "" where the routes are known. */
  readonly missingRoutes: string;
  readonly at: Place;
}

export interface Breakers {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
}

export interface Cluster {
  readonly name: string;
  /** STATIC, STRICT_DNS, LOGICAL_DNS, EDS, ORIGINAL_DST, or the name of an extension. */
  readonly type: string;
  readonly lbPolicy: string;
  /** ORIGINAL_DST: the header that the address is taken from; "" where it is the connection's own. */
  readonly addressHeader: string;
  /** override_host: where the address is looked for, in this order. */
  readonly overrideSources: readonly Place[];
  /** Told to speak HTTP/2, or HTTP/2 by ALPN. */
  readonly speaksHttp2: boolean;
  readonly speaksTls: boolean;
  readonly connectTimeoutMs: number;
  readonly bufferLimit: number;
  readonly breakers: Breakers;
  /** As configured; those of EDS and DNS are in the admin's list of clusters. */
  readonly endpoints: readonly string[];
  /** Filters that run for every attempt, behind the choice of the host. */
  readonly filters: readonly HttpFilter[];
  readonly at: Place;
}

/** An update that Envoy refused: what is in force is older than what was sent. */
export interface Rejected {
  readonly kind: "listener" | "route" | "cluster";
  readonly name: string;
  readonly details: string;
  readonly at: Place;
}

export interface EnvoyConfig {
  readonly listeners: readonly HttpListener[];
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly rejected: readonly Rejected[];
  readonly source: string;
}

/** A filter as it runs on one route. */
export interface FilterOnRoute {
  readonly filter: HttpFilter;
  readonly isOn: boolean;
  /** With what the route changes; present where the filter is ext_proc. */
  readonly extProc: ExtProc | undefined;
}
