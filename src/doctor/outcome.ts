/** What a verdict comes to, for the exit code and for the first words of the report: well, broken, at risk, or not known. */
import { type Evidence, has } from "./evidence.ts";
import { gatewayNameOf } from "./kube/gateway-bindings.ts";
import type { KubeObject } from "./kube/kube-object.ts";
import { isWellNow } from "./logs/recovered.ts";
import { BROKEN_TREE } from "./recognise.ts";
import { type Unexplained, unexplained } from "./unexplained.ts";
import type { Verdict } from "./verdict.ts";

/** What the process ends with, too. */
export const exitCodes = { well: 0, broken: 1, risk: 2, unknown: 3 } as const;
export type Outcome = keyof typeof exitCodes;

export function outcomeOf(verdict: Verdict, evidence: Evidence): Outcome {
  if (verdict.first !== undefined) return "broken";
  if (noVerdict(verdict, evidence) !== undefined) return "unknown";
  return verdict.risks.length > 0 ? "risk" : "well";
}

/** Why nothing can be said: requests fail of nothing known, or nothing was there by which to tell. */
export function noVerdict({ first, risks, ruledOut }: Verdict, evidence: Evidence): Partial<Unexplained> | undefined {
  if (first !== undefined) return undefined;
  const failed = unexplained(evidence);
  if (failed !== undefined || risks.length > 0) return failed;
  const says = tooLittle(evidence) || nothingTold(evidence, ruledOut.length > 0);
  return says === "" ? undefined : { says };
}

/** A page of Envoy's that is broken would have told most; only requests that go well make up for it. */
function tooLittle({ unread, access, live }: Evidence): string {
  const broken = unread.find(({ why }) => why === BROKEN_TREE);
  const isAnswered = live?.asked.some(({ question, isWell }) => question === "request" && isWell);
  if (broken === undefined || isAnswered === true || isWellNow(access, ENOUGH)) return "";
  return `${broken.source} could not be read (${broken.why}), and what else was given tells too little without it`;
}

const ENOUGH = 20;

/** "" where something was: that no fault is seen there means something. */
function nothingTold(evidence: Evidence, isAnythingRuledOut: boolean): string {
  const { access, logs, logNames = [], objects, config, stats, hosts, picker, live, server } = evidence;
  const others = [config, stats, hosts, picker, live, server].filter((each) => each !== undefined);
  const [said] = logs.filter(({ sign }) => !sign.isNoise);
  if (said !== undefined && access.length === 0 && others.length === 0 && objects.length === 0) {
    return `${said.quote.source} has a line that may mean something, and nothing was given that tells of requests. ${said.sign.means.replace(/\.$/, "")}`;
  }
  if (access.length > 0 || logs.length > 0 || (others.length > 0 && isAnythingRuledOut)) return "";
  if (others.length > 0) return "what was given is of no use by itself";
  if (objects.length > 0) {
    return objects.some(isOnTheWay)
      ? ""
      : `there is no gateway, route, pool or policy among the ${objects.length} objects`;
  }
  if (has(evidence, "logs")) return `no line of ${logNames.join(", ")} means anything here`;
  return evidence.unread.length > 0
    ? "nothing of what was given could be read"
    : "nothing was given that could be read";
}

const ofGateways =
  /^(gateway\.networking\.k8s\.io|inference\.networking\.(x-)?k8s\.io|(aigateway|gateway)\.envoyproxy\.io|networking\.istio\.io|gateway\.kgateway\.dev)$/;

/** GatewayClasses, EnvoyProxies and grants are there before anybody has a gateway. */
function isOnTheWay(object: KubeObject): boolean {
  const { kind, group } = object;
  if (kind === "Pod") return gatewayNameOf(object) !== "";
  return ofGateways.test(group) && !["GatewayClass", "EnvoyProxy", "ReferenceGrant"].includes(kind);
}
