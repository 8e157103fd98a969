/** Why the picker's answer did not come in time: the three causes have the same words in the access log. */
import type { Evidence } from "../evidence.ts";
import type { Quote } from "../place.ts";
import type { Asker, Link } from "./links.ts";
import type { Stats } from "./stats.ts";
import { type Trouble, troubles } from "./troubles.ts";

/** Below it a machine that is merely busy is late. */
const SHORT_MS = 1000;

export interface Timeout extends Trouble {
  /** `short`: the wait; `deadlock`: each side waits for the other; `silence`: nothing comes back from that address. */
  readonly cause: "short" | "deadlock" | "silence";
  readonly asker: Asker | undefined;
  /** How long Envoy waited; undefined where neither configuration nor a line tells. */
  readonly waitedMs: number | undefined;
}

export function timeouts(evidence: Evidence): Timeout[] {
  return troubles(evidence, ["timeout"], telltale, "is a risk").map((trouble) => {
    const { link, error } = trouble;
    const asker = link?.askers.find(({ counters }) => (counters?.timeouts ?? 0) > 0) ?? link?.askers[0];
    const waitedMs = asker?.extProc.messageTimeoutMs ?? error?.line?.durationMs;
    return { ...trouble, asker, waitedMs, cause: causeOf(evidence.stats, link, asker, waitedMs) };
  });
}

function telltale({ askers }: Link): Quote | undefined {
  return askers.find(({ counters }) => (counters?.timeouts ?? 0) > 0)?.counters?.quote("message_timeouts");
}

function causeOf(stats: Stats | undefined, link: Link | undefined, asker: Asker | undefined, waitedMs = 0) {
  if (stats !== undefined && link !== undefined && silenceOf(link, stats) !== undefined) return "silence";
  const isUnanswered = asker?.counters === undefined || asker.counters.received === 0;
  if (asker !== undefined && isUnanswered && cannotWait(asker)) return "deadlock";
  if (waitedMs < SHORT_MS) return "short";
  return stats === undefined ? "silence" : "deadlock";
}

/** STREAMED: Envoy sends no piece of the body before the headers are answered. */
export function cannotWait({ extProc: { modes, sendsBodyAtOnce } }: Asker): boolean {
  return modes.requestBody === "STREAMED" && !sendsBodyAtOnce;
}

/** Not a byte has ever come from there: a picker that only waits would have greeted Envoy with its HTTP/2 settings. */
export function silenceOf({ to }: Link, stats: Stats): Quote | undefined {
  const count = (counter: string) => stats.ofCluster(to, counter);
  const some = ["upstream_cx_connect_timeout", "http2.keepalive_timeout"].find((counter) => count(counter) > 0);
  if (some !== undefined) return stats.quoteOfCluster(to, some);
  const isMute = count("upstream_cx_total") > 0 && count("upstream_cx_rx_bytes_total") === 0;
  const others = ["upstream_cx_destroy_remote", "upstream_cx_connect_fail", "upstream_rq_2xx", "upstream_rq_4xx"];
  const isElse = others.some((counter) => count(counter) > 0);
  return isMute && !isElse ? stats.quoteOfCluster(to, "upstream_cx_rx_bytes_total") : undefined;
}
