/** Row 64: bodies of attempts that have to wait on their way to the picker, which ends Envoy. */
import { rows } from "../catalogue/rows.ts";
import { type AttemptFilter, attemptFilters } from "../envoy/attempt-filters.ts";
import type { Cluster } from "../envoy/config-view.ts";
import { DEFAULT_BUFFER_LIMIT } from "../envoy/read-clusters.ts";
import type { Evidence } from "../evidence.ts";
import type { Place, Quote } from "../place.ts";
import type { Probe } from "../probe.ts";

const MIB = 1024 * 1024;
const DEFAULT_WINDOW = 16 * MIB;
/** What a picker lets a proxy have on the way for all requests of a connection, as ours does. */
const ON_THE_WAY = 16 * MIB;
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

export const attemptBodyCrash: Probe = {
  row: rows.attemptBodyCrash,
  needs: [["config"]],
  look: (evidence) => attemptFilters(evidence).flatMap((filter) => ofFilter(filter, evidence)),
};

function ofFilter({ title, extProc }: AttemptFilter, { config }: Evidence) {
  const picker = config?.clusters.get(extProc.cluster);
  if (config === undefined || picker === undefined || extProc.modes.requestBody === "NONE") return [];
  const longest = Math.max(DEFAULT_BUFFER_LIMIT, ...config.listeners.map(({ bufferLimit }) => bufferLimit));
  const window = windowOf(picker);
  const narrow: Quote[] = [];
  if ((window.number() ?? DEFAULT_WINDOW) < longest) narrow.push(window.quote("is not there: 16 MiB"));
  if (picker.bufferLimit < ON_THE_WAY)
    narrow.push(picker.at.at("per_connection_buffer_limit_bytes").quote("is not there: 1 MiB"));
  const [first, ...rest] = narrow;
  if (first === undefined) return [];
  return [
    {
      weight: "risk" as const,
      object: title,
      says: `a body that has to wait on its way from ${title} to cluster ${picker.name} ends Envoy, and bodies may have ${longest} bytes`,
      evidence: [first, ...rest] as const,
      values: { picker: picker.name },
    },
  ];
}

/** Of one request: what of it Envoy takes from the filter before it says stop. */
function windowOf({ at }: Cluster): Place {
  const places = [
    at.at("typed_extension_protocol_options", HTTP_OPTIONS, "explicit_http_config", "http2_protocol_options"),
    at.at("http2_protocol_options"),
  ];
  const [said = places[0] ?? at] = places.filter(({ isThere }) => isThere);
  return said.at("initial_stream_window_size");
}
