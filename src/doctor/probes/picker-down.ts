/** Row 12: nothing listens at the picker's address, or there is no address at all. */
import { rows } from "../catalogue/rows.ts";
import type { Host } from "../envoy/hosts.ts";
import { answersEnvoy, type Link, linksOf } from "../envoy/links.ts";
import { clusterCounter, type Stats } from "../envoy/stats.ts";
import { addressOf, nameOf, type Trouble, troubles, valuesOf } from "../envoy/troubles.ts";
import type { Evidence } from "../evidence.ts";
import { podTroubles, selectorOf, serviceOf } from "../kube/picker-service.ts";
import { deadPort } from "../live/live-answers.ts";
import { isWellNow } from "../logs/recovered.ts";
import { wasReached } from "../picker/heard.ts";
import type { Quote } from "../place.ts";
import type { Because, Probe, Sighting } from "../probe.ts";
import { FEW } from "../weight.ts";
import { staleAddressOf } from "./stale-address.ts";

export const pickerDown: Probe = {
  row: rows.pickerDown,
  needs: [["access"], ["config", "stats"], ["logs"], ["live"]],
  look: (evidence) => {
    const met = troubles(evidence, ["refused", "noHost"], telltale)
      .filter(({ link, error }) => error?.kind === "refused" || !isElsewhere(link, evidence))
      // It may well be there, at another address: that is row 52.
      .filter(({ link }) => link === undefined || staleAddressOf(link, evidence.objects) === undefined)
      .map(sightingOf(evidence));
    const asked = met.length > 0 ? met : byAsking(evidence);
    const down = asked.length > 0 ? asked : byImage(evidence);
    return down.length > 0 ? down : byHost(evidence);
  },
};

/** Some of several: what falls to one of them fails, while the others carry the rest and the counters look well. */
function byHost(evidence: Evidence): Sighting[] {
  return linksOf(evidence).flatMap((link): Sighting[] => {
    const { hosts, to } = link;
    const bad = hosts.filter(isBad);
    const [first] = bad;
    if (first === undefined || link.isDown || bad.length === hosts.length) return [];
    const { address, quote } = first;
    const says = `${bad.length} of ${hosts.length} hosts of ${nameOf(link)} do not answer: ${bad.map((host) => host.address).join(", ")}`;
    const values = { ...valuesOf(link), cluster: to, address };
    return [{ weight: "risk", object: `the picker at ${address}`, says, evidence: [quote], values }];
  });
}

/** Most connections to it failed, or Envoy has it for ill. */
function isBad({ ailments, connectFailures, connections }: Host): boolean {
  return ailments !== "" || (connectFailures >= FEW && connectFailures * 2 >= connections);
}

/** A program that cannot start listens nowhere: by its log alone it may be the picker. */
function byImage({ logs, access }: Evidence): Sighting[] {
  const said = logs.findLast(({ sign }) => sign.name === "wrong-architecture");
  if (said === undefined || isWellNow(access)) return [];
  const says = "the program in the picker's image was built for another kind of processor, and cannot start";
  return [{ weight: "fault", mayCause: [], object: "the picker's image", says, evidence: [said.quote] }];
}

/** Of a port that refuses; one that says nothing at all is row 10. */
function byAsking(evidence: Evidence): Sighting[] {
  const dead = deadPort(evidence.live);
  if (dead === undefined || !REFUSED.test(dead.status)) return [];
  const { source } = dead.quote;
  const isEnvoys = linksOf(evidence).some(
    ({ hosts, cluster }) => hosts.some(({ address }) => address === source) || cluster?.endpoints.includes(source),
  );
  return [
    {
      // Envoy may reach it by another address.
      weight: isEnvoys || !answersEnvoy(evidence) ? "fault" : "risk",
      object: `the picker at ${source}`,
      says: `nothing listens at the picker's address ${source}, as it was given (${dead.status})`,
      evidence: [dead.quote],
      values: { address: source },
    },
  ];
}

const REFUSED = /^(ECONNREFUSED|ECONNRESET|ENOENT|ENOTFOUND|EAI_\w+)$/;

/** Health checks fail of more than of a picker that is down: one that heard something is up, one that is silent is row 10. */
function isElsewhere(link: Link | undefined, evidence: Evidence): boolean {
  if (link?.cluster?.speaksHttp2 === false || wasReached(evidence)) return true;
  return link?.hosts.some(({ ailments }) => ailments.includes("active_hc_timeout")) ?? false;
}

function telltale(link: Link, stats: Stats): Quote | undefined {
  const { to, cluster } = link;
  if (cluster === undefined || addressOf(link).startsWith("/")) return undefined;
  const failed = stats.ofCluster(to, "upstream_cx_connect_fail");
  const otherwise = stats.ofCluster(to, "upstream_cx_connect_timeout") + stats.ofCluster(to, "ssl.connection_error");
  if (failed > otherwise) return stats.quoteOfCluster(to, "upstream_cx_connect_fail");
  const isEmpty = stats.get(clusterCounter(to, "membership_total")) === 0;
  const isIll = stats.get(clusterCounter(to, "membership_healthy")) === 0 && timeoutsOf(to, stats) === 0;
  return isEmpty || isIll ? stats.quoteOfCluster(to, isEmpty ? "membership_total" : "membership_healthy") : undefined;
}

/** Of health checks and connections: what does not answer at all is row 10. */
function timeoutsOf(to: string, stats: Stats): number {
  return stats.ofCluster(to, "upstream_cx_connect_timeout") + stats.ofCluster(to, "ssl.connection_error");
}

function sightingOf({ objects, stats, logs, live }: Evidence): (trouble: Trouble) => Sighting {
  return ({ link, error, weight, quotes }) => {
    const service = link === undefined ? undefined : serviceOf(link, objects);
    const isEmpty = link !== undefined && stats?.get(clusterCounter(link.to, "membership_total")) === 0;
    const [wrongImage] = logs.filter(({ sign }) => sign.name === "wrong-architecture");
    const because = service === undefined ? [] : podTroubles(service, objects);
    const ofImage = wrongImage === undefined ? [] : [{ says: wrongImage.sign.means, evidence: wrongImage.quote }];
    const selector = service === undefined ? "" : selectorOf(service);
    const elsewhere = pickElsewhere(link, live);
    return {
      weight,
      object: nameOf(link),
      says: isEmpty || (error?.kind === "noHost" && addressOf(link) === "") ? saysOfNone(link) : saysOfDown(link),
      evidence: [...quotes, ...(link?.hosts ?? []).slice(0, 2).map(({ quote }) => quote)],
      because: [...because, ...ofImage, ...elsewhere.because],
      values: { ...valuesOf(link), selector, namespace: service?.namespace ?? "", reached: elsewhere.reached },
    };
  };
}

/** The picker that was asked does pick, at an address that is not Envoy's. */
function pickElsewhere(link: Link | undefined, live: Evidence["live"]): { because: Because[]; reached: string } {
  const pick = live?.asked.find(({ question, isWell }) => question === "pick" && isWell);
  const [there, asked] = [addressOf(link), pick?.quote.source ?? ""];
  if (pick === undefined || there === "" || there === asked) return { because: [], reached: "" };
  const says = `A picker answers at ${asked}, which is not where Envoy looks: ${there}.`;
  // What is at hand on this machine only, by a port-forward perhaps, is nothing that Envoy elsewhere could reach.
  const isReach = !LOOPBACK.test(asked) || LOOPBACK.test(there);
  return { because: [{ says, evidence: pick.quote }], reached: isReach ? asked : "" };
}

const LOOPBACK = /^(127\.|localhost:|\[::1\])/;

function saysOfNone(link: Link | undefined): string {
  const name = link?.cluster?.endpoints[0];
  return `${nameOf(link)} has no host: ${name === undefined ? "nothing is listed, or nothing is ready" : `${name} is no name that Envoy can resolve, or nobody is behind it`}`;
}

function saysOfDown(link: Link | undefined): string {
  const address = addressOf(link);
  return `nothing listens at the picker's address${address === "" ? "" : ` ${address}`} (${nameOf(link)})`;
}
