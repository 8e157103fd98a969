/** Row 8: Envoy waits less for the picker than a busy machine takes. */
import { rows } from "../catalogue/rows.ts";
import { linksOf, optionOf } from "../envoy/links.ts";
import { timeouts } from "../envoy/timeouts.ts";
import { nameOf, valuesOf } from "../envoy/troubles.ts";
import type { Evidence } from "../evidence.ts";
import type { Probe, Sighting } from "../probe.ts";

/** Envoy's own, where nothing is said. */
const DEFAULT_MS = 200;

export const shortTimeout: Probe = {
  row: rows.shortTimeout,
  needs: [["config"], ["access"]],
  look: (evidence) => {
    const late = timeouts(evidence);
    return [
      ...late.filter(({ cause }) => cause === "short").map(sightingOf),
      ...(late.some(({ weight }) => weight !== "past") ? [] : yetToCome(evidence)),
    ];
  },
};

function sightingOf({ link, asker, waitedMs, weight, quotes }: ReturnType<typeof timeouts>[number]): Sighting {
  const said =
    asker === undefined ? undefined : optionOf(asker, "message_timeout").quote("is not there: Envoy waits 200 ms");
  return {
    weight,
    object: asker?.title ?? "an ext_proc filter",
    says: `${asker?.title ?? "the ext_proc filter"} waits ${waitedMs ?? DEFAULT_MS} ms for an answer of ${nameOf(link)}, and it came later or not at all`,
    evidence: said === undefined ? quotes : [...quotes, said],
    values: valuesOf(link),
  };
}

/** No request has met it yet; pieces of duplex bodies are waited for without a limit. */
function yetToCome(evidence: Evidence): Sighting[] {
  return linksOf(evidence).flatMap((link) =>
    link.askers
      .filter(({ extProc: { messageTimeoutMs, isWatchingOnly, modes } }) => {
        const isUntimed = isWatchingOnly || modes.requestBody === "FULL_DUPLEX_STREAMED";
        return messageTimeoutMs <= DEFAULT_MS && !isUntimed;
      })
      .slice(0, 1)
      .map(
        (asker): Sighting => ({
          weight: "risk",
          object: asker.title,
          says: `${asker.title} waits ${asker.extProc.messageTimeoutMs} ms for an answer: less than a busy machine takes now and then`,
          evidence: [optionOf(asker, "message_timeout").quote("is not there: Envoy waits 200 ms")],
          values: valuesOf(link),
        }),
      ),
  );
}
