/** HTTP filters as they stand in a chain, and what a route makes of them. */
import type { Place } from "../place.ts";
import type { BodyMode, ExtProc, FilterOnRoute, HttpFilter, Modes, Route, SendMode } from "./config-view.ts";

const DEFAULT_MESSAGE_TIMEOUT_MS = 200;

/** `discovered`: the configurations that come by a subscription of their own, by the name of the filter. */
export function readFilter(at: Place, discovered: ReadonlyMap<string, Place> = new Map()): HttpFilter {
  const own = at.at("typed_config");
  const byDefault = at.at("config_discovery", "default_config");
  const config = own.isThere ? own : (discovered.get(at.at("name").text()) ?? byDefault);
  const kind = kindOf(config);
  return {
    name: at.at("name").text(),
    kind,
    isDisabled: at.at("disabled").isTrue(),
    ...(kind === "ExternalProcessor" && { extProc: readExtProc(config) }),
    at,
  };
}

/** What the route, its host or its table says of the filter, taken together with the filter itself. */
export function filterOnRoute(filter: HttpFilter, route: Route): FilterOnRoute {
  const said = route.overrides.get(filter.name);
  if (said === undefined) return { filter, isOn: !filter.isDisabled, extProc: filter.extProc };
  const isWrapped = kindOf(said) === "FilterConfig";
  const inner = isWrapped ? said.at("config") : said;
  // Any word on the filter turns on one that is off in the chain.
  const isOn = !said.at("disabled").isTrue() && !inner.at("disabled").isTrue();
  const overrides = inner.at("overrides");
  const { extProc } = filter;
  return { filter, isOn, extProc: extProc && overrides.isThere ? withOverrides(extProc, overrides) : extProc };
}

function readExtProc(at: Place): ExtProc {
  const grpc = at.at("grpc_service", "envoy_grpc");
  return {
    cluster: grpc.at("cluster_name").text(),
    authority: grpc.at("authority").text(),
    statPrefix: at.at("stat_prefix").text(),
    messageTimeoutMs: at.at("message_timeout").milliseconds() ?? DEFAULT_MESSAGE_TIMEOUT_MS,
    failsOpen: at.at("failure_mode_allow").isTrue(),
    modes: readModes(at.at("processing_mode")),
    allowsModeOverride: at.at("allow_mode_override").isTrue(),
    sendsBodyAtOnce: at.at("send_body_without_waiting_for_header_response").isTrue(),
    receives: at.at("metadata_options", "receiving_namespaces", "untyped").texts(),
    isWatchingOnly: at.at("observability_mode").isTrue(),
    at,
  };
}

/** A mode that a route says replaces the filter's as a whole: what it does not say is Envoy's default again. */
function withOverrides(extProc: ExtProc, at: Place): ExtProc {
  const grpc = at.at("grpc_service", "envoy_grpc");
  const modes = at.at("processing_mode");
  const failsOpen = at.at("failure_mode_allow");
  const receives = at.at("metadata_options", "receiving_namespaces");
  return {
    ...extProc,
    ...(grpc.isThere && { cluster: grpc.at("cluster_name").text(), authority: grpc.at("authority").text() }),
    ...(modes.isThere && { modes: readModes(modes) }),
    ...(failsOpen.isThere && { failsOpen: failsOpen.isTrue() }),
    ...(receives.isThere && { receives: receives.at("untyped").texts() }),
    at,
  };
}

function readModes(at: Place): Modes {
  const send = (name: string, byDefault: SendMode): SendMode => {
    const said = at.at(name).text();
    return said === "SEND" || said === "SKIP" ? said : byDefault;
  };
  const body = (name: string) => (at.at(name).text() || "NONE") as BodyMode;
  return {
    requestHeaders: send("request_header_mode", "SEND"),
    requestBody: body("request_body_mode"),
    requestTrailers: send("request_trailer_mode", "SKIP"),
    responseHeaders: send("response_header_mode", "SEND"),
    responseBody: body("response_body_mode"),
    responseTrailers: send("response_trailer_mode", "SKIP"),
  };
}

/** One that is told to send nothing opens no stream at all. */
export function asksAnything(modes: Modes): boolean {
  return Object.values(modes).some((mode) => mode !== "SKIP" && mode !== "NONE");
}

/** `type.googleapis.com/envoy.extensions.filters.http.router.v3.Router` -> `Router`. */
export function kindOf(config: Place): string {
  return config.at("@type").text().split(".").at(-1) ?? "";
}

/** It holds a request back until its body is there; in pieces the body may come behind the choice of the host. */
export function holdsBodies({ modes }: ExtProc): boolean {
  return modes.requestBody === "BUFFERED" || modes.requestBody === "BUFFERED_PARTIAL";
}
