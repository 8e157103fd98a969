/** Row 10: nothing comes back from the picker's address, neither a connection nor a refusal. */
import { rows } from "../catalogue/rows.ts";
import { answersEnvoy, type Link } from "../envoy/links.ts";
import type { Stats } from "../envoy/stats.ts";
import { silenceOf, timeouts } from "../envoy/timeouts.ts";
import { addressOf, nameOf, type Trouble, troubles, valuesOf } from "../envoy/troubles.ts";
import type { Evidence } from "../evidence.ts";
import { deadPort } from "../live/live-answers.ts";
import type { Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";
import { staleAddressOf } from "./stale-address.ts";

export const networkBlocked: Probe = {
  row: rows.networkBlocked,
  needs: [["config", "stats"], ["access"], ["logs"], ["live"]],
  look: (evidence) => {
    const silent: Trouble[] = timeouts(evidence).filter(({ cause }) => cause === "silence");
    const cut = troubles(evidence, ["unreachable", "closed", "noHost"], silenceOrIll).filter(
      ({ link, error }) => error?.kind === "unreachable" || confirmed(evidence, link) !== undefined,
    );
    const known = new Set(silent.map(({ link }) => link?.to));
    const met = [...silent, ...cut.filter(({ link }) => !known.has(link?.to))]
      .filter(({ link }) => link === undefined || staleAddressOf(link, evidence.objects) === undefined)
      .map((trouble) => sightingOf(trouble, evidence));
    return met.length > 0 ? met : byAsking(evidence);
  },
};

function byAsking(evidence: Evidence): Sighting[] {
  const dead = deadPort(evidence.live);
  if (dead === undefined || !/^(ETIMEDOUT|E(HOST|NET)UNREACH)$/.test(dead.status)) return [];
  const { source } = dead.quote;
  return [
    {
      // Packets from here may go another way than Envoy's.
      weight: answersEnvoy(evidence) ? "risk" : "fault",
      object: `the picker at ${source}`,
      says: `nothing comes back from the picker's address ${source}, as it was given (${dead.status})`,
      evidence: [dead.quote],
      values: { address: source },
    },
  ];
}

function confirmed({ stats }: Evidence, link: Link | undefined): Quote | undefined {
  return link === undefined || stats === undefined ? undefined : silenceOrIll(link, stats);
}

/** By the counters, or by health checks that run into their time limit. */
function silenceOrIll(link: Link, stats: Stats): Quote | undefined {
  return silenceOf(link, stats) ?? link.hosts.find(({ ailments }) => ailments.includes("active_hc_timeout"))?.quote;
}

function sightingOf({ link, weight, quotes }: Trouble, evidence: Evidence): Sighting {
  const address = addressOf(link);
  const at = `${nameOf(link)}${address === "" ? "" : `, ${address}`}`;
  const silence = confirmed(evidence, link);
  const isNew = silence !== undefined && quotes.every(({ text }) => text !== silence.text);
  const isSure = evidence.stats !== undefined || evidence.picker !== undefined;
  return {
    weight,
    object: nameOf(link),
    says: isSure
      ? `nothing comes back from the picker (${at}): no answer, no greeting, no refusal`
      : `the picker (${at}) did not answer in time: packets to it are lost, or it hangs; /stats would tell`,
    evidence: isNew ? [...quotes, silence] : quotes,
    values: valuesOf(link),
  };
}
