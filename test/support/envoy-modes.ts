/** The shipped Envoy configs in every processing mode the filter has, one listener each, all in one Envoy. */
import {
  adminOn,
  type Edit,
  type EnvoyConfig,
  listenOn,
  pickersAt,
  places,
  podsAt,
  renderEnvoyConfig,
} from "../../src/demo/envoy-config.ts";

/** Values of ProcessingMode's body modes. */
type BodySendMode = "NONE" | "BUFFERED" | "BUFFERED_PARTIAL" | "STREAMED" | "FULL_DUPLEX_STREAMED";

export interface EnvoyMode {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** The picker only watches: its reply counts for nothing, pods take turns. */
  readonly watching: boolean;
}

const processing = [...places.extProc, "processing_mode"];

/** Duplex needs the trailers of its direction. */
function requestBody(mode: BodySendMode): Edit[] {
  const edits: Edit[] = [{ op: "set", at: [...processing, "request_body_mode"], to: mode }];
  if (mode === "FULL_DUPLEX_STREAMED")
    edits.push({ op: "add", at: [...processing, "request_trailer_mode"], to: "SEND" });
  return edits;
}

function responseBody(mode: BodySendMode): Edit[] {
  const edits: Edit[] = [
    { op: "set", at: [...processing, "response_header_mode"], to: "SEND" },
    { op: "set", at: [...processing, "response_body_mode"], to: mode },
  ];
  if (mode === "FULL_DUPLEX_STREAMED")
    edits.push({ op: "add", at: [...processing, "response_trailer_mode"], to: "SEND" });
  return edits;
}

const option = (name: string): Edit => ({ op: "add", at: [...places.extProc, name], to: true });
const early = option("send_body_without_waiting_for_header_response");
const routeCluster = [...places.hcm, "route_config", "virtual_hosts", "all", "routes", 0, "route", "cluster"];

const mode = (name: string, ...edits: readonly Edit[]): EnvoyMode => ({ name, edits, watching: false });

/** What happens to the request; the response passes the picker by, but in the last, which is what duplex.yaml ships. */
export const requestModes: readonly EnvoyMode[] = [
  mode("none", ...requestBody("NONE")),
  mode("buffered"),
  mode("buffered-partial", ...requestBody("BUFFERED_PARTIAL")),
  mode("streamed", ...requestBody("STREAMED")),
  mode("streamed-early", ...requestBody("STREAMED"), early),
  mode("duplex", ...requestBody("FULL_DUPLEX_STREAMED")),
  mode("duplex-both", ...requestBody("FULL_DUPLEX_STREAMED"), ...responseBody("FULL_DUPLEX_STREAMED")),
];

/** Replies are ignored, so somebody else must choose the pod. */
export const watchingMode: EnvoyMode = {
  name: "watching",
  edits: [
    ...requestBody("STREAMED"),
    ...responseBody("STREAMED"),
    option("observability_mode"),
    { op: "set", at: routeCluster, to: "taking-turns" },
  ],
  watching: true,
};

/** What happens to the response, with buffered requests. */
export const responseModes: readonly EnvoyMode[] = [
  mode("response-off"),
  mode("response-headers", ...responseBody("NONE")),
  mode("response-streamed", ...responseBody("STREAMED")),
  mode("response-buffered", ...responseBody("BUFFERED")),
  mode("response-duplex", ...responseBody("FULL_DUPLEX_STREAMED")),
];

export interface Surroundings {
  readonly pickers: readonly string[];
  readonly pods: readonly string[];
}

/** One listener per mode, called as the mode is; the rest is as shipped. */
export function configOfModes(modes: readonly EnvoyMode[], { pickers, pods }: Surroundings): EnvoyConfig {
  const listeners = modes.map(({ name, edits }) => {
    const tree = renderEnvoyConfig("buffered.yaml", [
      listenOn(0),
      { op: "set", at: [...places.hcm, "stat_prefix"], to: name },
      ...edits,
      { op: "set", at: [...places.listener, "name"], to: name },
    ]);
    return resources(tree).listeners[0];
  });
  const [turns] = resources(renderEnvoyConfig("round-robin.yaml", [podsAt(pods)])).clusters;
  return renderEnvoyConfig("buffered.yaml", [
    adminOn(0),
    pickersAt(pickers),
    { op: "set", at: ["static_resources", "listeners"], to: listeners },
    { op: "add", at: ["static_resources", "clusters", 0], to: { ...turns, name: "taking-turns" } },
  ]);
}

function resources(tree: EnvoyConfig): { listeners: object[]; clusters: object[] } {
  return tree["static_resources"] as { listeners: object[]; clusters: object[] };
}
