/** Row 20: a body that went to the picker in pieces, and did not come back. */
import { rows } from "../catalogue/rows.ts";
import type { ExtProc } from "../envoy/config-view.ts";
import { isOnPath, type RequestPath, requestPaths, titleOf } from "../envoy/request-paths.ts";
import type { Evidence } from "../evidence.ts";
import type { AccessLine } from "../logs/access-line.ts";
import { isOfPod } from "../logs/answered-by.ts";
import { weightOfLines, weightOfShare } from "../logs/recovered.ts";
import type { Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

export const bodyLost: Probe = {
  row: rows.bodyLost,
  needs: [
    ["config", "access"],
    ["access", "logs"],
  ],
  look: (evidence) => (evidence.config === undefined ? ofWords(evidence) : ofConfig(evidence)),
};

function ofConfig(evidence: Evidence): Sighting[] {
  const { config, access } = evidence;
  if (config === undefined) return [];
  return requestPaths(config).flatMap((path): Sighting[] => {
    const extProc = path.asking.map((each) => each.extProc).find(isDuplex);
    if (extProc === undefined) return [];
    const mine = access.filter((line) => line.method === "POST" && isOnPath(line, path));
    const refused = mine.filter(isRefused);
    const [line] = refused;
    const proof = proofOf(path, extProc, refused, evidence);
    if (proof.length === 0) return [];
    // In the pod's own words it is this; without them some 400 are what any pod answers now and then.
    const isSaid = evidence.logs.some(({ sign }) => sign.name === "body-missing");
    const isMet = line !== undefined && (isSaid ? weightOfLines : weightOfShare)(refused, mine) === "fault";
    // Without trailers nothing is lost yet: other versions of Envoy and of the picker do well.
    if (!isMet && lacksTrailers(extProc) === undefined) return [];
    const [first, ...more] = isMet ? [line.quote, ...proof] : proof;
    if (first === undefined) return [];
    return [
      {
        weight: isMet ? "fault" : "risk",
        object: titleOf(path),
        says: isMet
          ? `${refused.length} of ${mine.length} requests with a body got 400 of the pod: the body went through the picker in duplex on ${titleOf(path)}, and did not come back`
          : `bodies go through the picker in duplex on ${titleOf(path)}, and no trailers are asked for: their end may be lost`,
        evidence: [first, ...more, extProc.at.at("processing_mode").quote()],
      },
    ];
  });
}

function isDuplex({ modes }: ExtProc): boolean {
  return modes.requestBody === "FULL_DUPLEX_STREAMED";
}

/** What shows that it was lost: the pod's words, fewer bytes sent on than received, or a mode that cannot work. */
function proofOf(path: RequestPath, extProc: ExtProc, refused: readonly AccessLine[], evidence: Evidence): Quote[] {
  const { logs, stats } = evidence;
  const said = logs.filter(({ sign }) => sign.name === "body-missing").slice(0, 1);
  const wire = refused.find(sentLess);
  const received = refused.reduce((sum, { bytesReceived }) => sum + (bytesReceived ?? 0), 0);
  const counter = path.clusters
    .map(({ name }) => `cluster.${name}.upstream_cx_tx_bytes_total`)
    .find((name) => (stats?.get(name) ?? Number.POSITIVE_INFINITY) < received);
  const trailers = lacksTrailers(extProc);
  return [
    ...said.map(({ quote }) => quote),
    ...(counter === undefined || stats === undefined
      ? []
      : [{ ...stats.quote(counter), text: `${stats.quote(counter).text}, of ${received} bytes of bodies received` }]),
    ...(wire === undefined ? [] : [wire.quote]),
    ...(trailers === undefined ? [] : [trailers]),
  ];
}

function lacksTrailers({ modes, at }: ExtProc): Quote | undefined {
  if (modes.requestTrailers === "SEND") return undefined;
  return at.at("processing_mode", "request_trailer_mode").quote("is not there: trailers are not sent");
}

/** Formats that have both tell it of a single request. */
function sentLess({ fields, bytesReceived }: AccessLine): boolean {
  const sent = fields.get("upstream_wire_bytes_sent") ?? fields.get("bytes_sent_upstream");
  return sent !== undefined && /^\d+$/.test(sent) && Number(sent) < (bytesReceived ?? 0);
}

function isRefused(line: AccessLine): boolean {
  return line.status === 400 && (line.bytesReceived ?? 0) > 0 && isOfPod(line);
}

/** Envoy received a body, and the pod says that it has none: that is all that has to be known. */
function ofWords({ access, logs }: Evidence): Sighting[] {
  const said = logs.find(({ sign }) => sign.name === "body-missing");
  const refused = access.filter(isRefused);
  const [line] = refused;
  if (said === undefined || line === undefined) return [];
  return [
    {
      weight: weightOfLines(refused, access),
      object: "the request's body",
      says: `Envoy received a body of ${line.bytesReceived} bytes, and the pod at ${line.upstreamHost} read none: it was lost between them`,
      evidence: [line.quote, said.quote],
    },
  ];
}
