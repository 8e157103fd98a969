/**
 * What the filter will do with the bodies of one stream: read from the first message, never from our configuration.
 * A first message without protocol_config (old Envoy, a relay in between) leaves the mode to be found out.
 */
import type { StreamMessage } from "./decode-message.ts";

/** Names of envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.BodySendMode, by value. */
const bodyModes = ["none", "streamed", "buffered", "buffered_partial", "duplex"] as const;

export type BodyMode = (typeof bodyModes)[number];

export interface FilterMode {
  /** Was protocol_config there? */
  readonly stated: boolean;
  readonly request: BodyMode;
  readonly response: BodyMode;
  /** STREAMED with send_body_without_waiting_for_header_response: body chunks come before our headers reply. */
  readonly early: boolean;
}

/** What to take an unstated mode for: "auto" watches whether the body comes before our headers reply. */
export type AssumedMode = "auto" | "buffered" | "streamed" | "streamed-early" | "duplex";

function mode(request: BodyMode, response: BodyMode, early: boolean, stated: boolean): FilterMode {
  return Object.freeze({ request, response, early, stated });
}

// Every stated combination once, so that a stream costs no object for its mode.
const stated = bodyModes.map((request) =>
  bodyModes.map((response) => [mode(request, response, false, true), mode(request, response, true, true)] as const),
);

/** Unstated modes take the response direction for the same kind as the request's. */
const assumed: Record<Exclude<AssumedMode, "auto">, FilterMode> = {
  buffered: mode("buffered", "buffered", false, false),
  streamed: mode("streamed", "streamed", false, false),
  "streamed-early": mode("streamed", "streamed", true, false),
  duplex: mode("duplex", "duplex", false, false),
};

/** The mode as stated by the message; undefined when it states none. An unknown value counts as not stated. */
export function statedMode(message: StreamMessage): FilterMode | undefined {
  return stated[message.requestBodyMode]?.[message.responseBodyMode]?.[message.sendsBodyEarly ? 1 : 0];
}

export function assumedMode(name: Exclude<AssumedMode, "auto">): FilterMode {
  return assumed[name];
}

/** Does the picker see the body before it has to name a pod? */
export function seesBodyFirst(mode: FilterMode): boolean {
  return mode.request !== "none" && (mode.request !== "streamed" || mode.early);
}

/** Does the current Envoy (1.39, 1.40) close such a stream as soon as the request is passed on? Older ones differ. */
export function endsEarly(mode: FilterMode): boolean {
  return mode.response === "none" && (mode.request === "none" || mode.request === "duplex" || mode.early);
}
