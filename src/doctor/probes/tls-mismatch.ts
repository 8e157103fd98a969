/** Row 11: TLS on one side of the link, plaintext on the other; or a certificate that Envoy does not trust. */
import { rows } from "../catalogue/rows.ts";
import type { Link } from "../envoy/links.ts";
import type { Stats } from "../envoy/stats.ts";
import { nameOf, type Trouble, troubles } from "../envoy/troubles.ts";
import type { Evidence } from "../evidence.ts";
import { isWellNow } from "../logs/recovered.ts";
import { heardAmiss } from "../picker/heard.ts";
import type { Quote } from "../place.ts";
import type { Because, Probe, Sighting } from "../probe.ts";

export const tlsMismatch: Probe = {
  row: rows.tlsMismatch,
  needs: [["access"], ["config", "stats"], ["logs"]],
  look: (evidence) => {
    const met = troubles(evidence, ["tls", "closed", "noHost", "unavailable"], telltale)
      .filter((trouble) => isOfTls(trouble, evidence))
      .map(sightingOf(evidence));
    return met.length > 0 ? met : ofLog(evidence);
  },
};

/** The picker's own word, where Envoy's is not given. Handshakes that merely fail are those of scanners. */
function ofLog({ logs, access }: Evidence): Sighting[] {
  const said = logs.findLast(({ sign }) => sign.name === "tls-refused" || sign.name === "plaintext-refused");
  if (said === undefined || isWellNow(access)) return [];
  const { sign, quote } = said;
  return [
    {
      ...{ weight: "fault", mayCause: [], object: nameOf(undefined) },
      ...{ says: inSentence(sign.means), evidence: [quote], values: { unclear: "the picker's cluster" } },
    },
  ];
}

/** "The picker was.", as it stands behind a colon. */
function inSentence(means: string): string {
  return `${means.charAt(0).toLowerCase()}${means.slice(1).replace(/\.$/, "")}`;
}

function telltale({ to, cluster, askers }: Link, stats: Stats): Quote | undefined {
  if (cluster?.speaksTls !== false && stats.ofCluster(to, "ssl.connection_error") > 0) {
    return stats.quoteOfCluster(to, "ssl.connection_error");
  }
  // A server of TLS hangs up on plaintext: there is a connection, and never an answer of any kind.
  const isUnanswered = askers.every(({ counters }) => counters !== undefined && counters.received === 0);
  const isLeft = stats.ofCluster(to, "upstream_cx_destroy_remote") > 0 && answersOf(to, stats) === 0;
  const isElse = ["upstream_cx_connect_fail", "upstream_cx_protocol_error"].some(
    (name) => stats.ofCluster(to, name) > 0,
  );
  if (cluster?.speaksTls === true || cluster?.speaksHttp2 === false || !isUnanswered || !isLeft || isElse)
    return undefined;
  return stats.quoteOfCluster(to, "upstream_cx_destroy_remote");
}

/** Of the server itself: what Envoy answers in its stead is a 503. */
function answersOf(to: string, stats: Stats): number {
  return ["2xx", "4xx"].reduce((sum, some) => sum + stats.ofCluster(to, `upstream_rq_${some}`), 0);
}

/** A picker that ends closes its connections too, and one that hangs is left by Envoy: what tells is that none ever answered. */
function isOfTls({ error, link }: Trouble, evidence: Evidence): boolean {
  if (error === undefined || error.kind === "tls") return true;
  if (error.kind === "unavailable") return isOfTlsWithoutWords(error.said, link, evidence);
  // Health checks that fail leave no words of why.
  if (error.kind === "noHost") return heardByPicker(evidence).length > 0;
  const { stats } = evidence;
  if (link === undefined) return true;
  if (link.cluster?.speaksTls === true || link.cluster?.speaksHttp2 === false) return false;
  return stats === undefined || telltale(link, stats) !== undefined;
}

/** A refused connection has words of its own; one that is closed in the middle of a handshake has none. */
function isOfTlsWithoutWords(said: string, link: Link | undefined, evidence: Evidence): boolean {
  if (link === undefined) return false;
  const isCutShort = link.cluster?.speaksTls === true && /remote connection failure$/.test(said);
  const isTold = evidence.stats !== undefined && telltale(link, evidence.stats) !== undefined;
  return isCutShort || isTold || heardByPicker(evidence).length > 0;
}

function sightingOf(evidence: Evidence): (trouble: Trouble) => Sighting {
  return ({ link, error, weight, quotes }) => {
    const isTls = error?.kind === "tls" || (error?.kind !== "closed" && link?.cluster?.speaksTls === true);
    const words = error?.said ?? quotes[0].text;
    const because = heardByPicker(evidence);
    return {
      weight,
      object: nameOf(link),
      says: isTls ? saysOfTls(nameOf(link), words) : saysOfPlaintext(nameOf(link)),
      evidence: link?.cluster === undefined ? quotes : [...quotes, link.cluster.at.at("transport_socket").quote()],
      because,
      values: sideOf(link, isTls, `${words} ${because.map(({ says }) => says).join(" ")}`),
    };
  };
}

/** Which side is to change: a cluster that speaks TLS to a port of plaintext, or the other way round. */
function sideOf(link: Link | undefined, isTls: boolean, words: string): Readonly<Record<string, string>> {
  if (link?.cluster === undefined) return { unclear: "the picker's cluster" };
  if (!isTls) return { bare: link.to, socket: TLS_SOCKET };
  if (DISTRUST.test(words)) return { distrusting: link.to };
  return /WRONG[_ ]VERSION|takes plaintext only/i.test(words)
    ? { wrapped: link.to }
    : { unclear: `cluster ${link.to}` };
}

/** In one line, as YAML and as JSON. */
const TLS_SOCKET = JSON.stringify({
  name: "envoy.transport_sockets.tls",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    common_tls_context: { alpn_protocols: ["h2"] },
  },
});

const DISTRUST = /CERTIFICATE_VERIFY_FAILED|verify/i;

function saysOfTls(name: string, words: string): string {
  if (DISTRUST.test(words)) {
    return `${name} speaks TLS and does not trust the picker's certificate`;
  }
  return /WRONG[_ ]VERSION/i.test(words)
    ? `${name} speaks TLS, and the picker answers in plaintext`
    : `${name} speaks TLS, and the handshake with the picker fails`;
}

function saysOfPlaintext(name: string): string {
  return `${name} speaks plaintext, and the picker hangs up at the first byte, as a port of TLS does`;
}

/** From its own words, or from trying both. */
function heardByPicker(evidence: Evidence): Because[] {
  const heard = heardAmiss(evidence, "tls");
  const asked = (question: string) => evidence.live?.asked.find((answer) => answer.question === question);
  const [plain, tls] = [asked("picker-plaintext"), asked("picker-tls")];
  if (heard.length > 0 || plain === undefined || tls === undefined || plain.isWell === tls.isWell) return heard;
  const only = tls.isWell ? "TLS" : "plaintext";
  return [{ says: `The picker's port takes ${only} only.`, evidence: (tls.isWell ? plain : tls).quote }];
}
