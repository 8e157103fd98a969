/** Why the picked pod won, or nobody could, in one sentence for people. */
import { type PickReason, pickReasons } from "../routing/decision.ts";
import type { ExplainedCandidate, Explanation } from "./explanation.ts";
import { apart, percent, shortNumber } from "./short-number.ts";

type Told = Omit<Explanation, "sentence">;

export function sentenceOf(told: Told): string {
  return needOf(told) + reasonOf(told);
}

/** Where nobody else was left to be asked. */
function needOf({ outcome, candidates }: Told): string {
  if (outcome.kind === "refused" || candidates.length === 0) return "";
  const each = (is: (candidate: ExplainedCandidate) => boolean) => candidates.every(is);
  if (each(({ reachable }) => !reachable)) return "No pod answers; tried all the same: ";
  if (each(({ setAside }) => setAside)) return "Every pod that answers is set aside; tried all the same: ";
  if (each(({ newcomer }) => newcomer)) return "All are newcomers, none sits this out: ";
  return "";
}

function reasonOf(told: Told): string {
  const { outcome, candidates } = told;
  if (outcome.kind === "refused") {
    return `Refused (${outcome.code}): ${outcome.message}${told.absent.length === 0 ? "" : absentWords(told)}`;
  }
  const winner = candidates.find(({ isPicked }) => isPicked);
  if (winner === undefined) return `${outcome.pod} was picked.`;
  if (told.scorers.length === 0) return byLoad(told, winner);
  const others = candidates.filter((each) => each !== winner);
  if (others.length === 0) return `${winner.pod} was the only candidate${absentWords(told)}`;
  const next = others.reduce((best, each) => (each.total > best.total ? each : best));
  const lead = winner.total - next.total;
  if (lead < 0) {
    const better = others.filter(({ total }) => total > winner.total).length;
    const [own, most] = apart(winner.total, next.total);
    return `${winner.pod} was drawn with ${own}; ${count(better, "candidate")} had more, up to ${most}: the picker does not always take the best.`;
  }
  if (lead === 0) {
    const equal = others.filter(({ total }) => total === winner.total).length;
    return `${winner.pod} won by lot: it and ${count(equal, "other")} had ${short(winner.total)}${ground(told, winner, undefined)}.`;
  }
  return `${winner.pod} won by ${short(lead)}${ground(told, winner, next)}.`;
}

function byLoad({ reason, candidates }: Told, winner: ExplainedCandidate): string {
  const inFlight = winner.signals["inFlight"] ?? 0;
  const equal = candidates.filter(({ signals }) => signals["inFlight"] === inFlight).length - 1;
  const lot = equal > 0 ? `, as had ${count(equal, "other")}` : "";
  const why = pickReasons[reason as PickReason] ?? reason;
  return `${winner.pod} had the fewest requests in flight, ${inFlight}${lot} (${why}).`;
}

/** What counted most: of the lead over the next, or of the sum where there is none. */
function ground(
  { scorers, candidates }: Told,
  winner: ExplainedCandidate,
  next: ExplainedCandidate | undefined,
): string {
  const shares = scorers.map(({ name, weight }, at) => {
    const gained = (winner.scores[at] ?? 0) * weight;
    const differs = candidates.some(({ scores }) => scores[at] !== winner.scores[at]);
    return { name, weight, gained, differs, lead: gained - (next?.scores[at] ?? 0) * weight };
  });
  const most = shares
    .filter(({ lead, differs }) => lead > 0 && differs)
    .sort((one, other) => other.lead - one.lead)
    .slice(0, 2);
  const words = most.map(({ name, weight, gained }) => {
    const signal = signalWords(name, winner, candidates);
    return `${signal === "" ? "" : `${signal} `}(${name} ${short(gained)} of ${short(weight)})`;
  });
  return words.length === 0 ? "" : `: ${words.join(", ")}`;
}

/** What the scorer read of the winner, where it reads one thing that is easily said. */
function signalWords(
  scorer: string,
  { signals }: ExplainedCandidate,
  candidates: readonly ExplainedCandidate[],
): string {
  const most = (column: string) => Math.max(...candidates.map((each) => each.signals[column] ?? 0));
  const say = (column: string, words: (value: number) => string) => {
    const value = signals[column];
    return value === undefined || value === null ? "" : words(value);
  };
  if (scorer === "prefix-cache") return say("prefixHit", (hit) => `it holds ${percent(hit)} of the prompt`);
  if (scorer === "queue-depth")
    return say("waiting", (n) => `its queue is ${short(n)} of at most ${short(most("waiting"))}`);
  if (scorer === "kv-cache") return say("kvUsage", (used) => `its KV cache is ${percent(used)} full`);
  if (scorer === "running-requests")
    return say("running", (n) => `it runs ${short(n)} of at most ${short(most("running"))}`);
  if (scorer === "in-flight" || scorer === "unknown-load") return say("inFlight", (n) => `${short(n)} in flight`);
  if (scorer === "token-load") return say("pendingTokens", (n) => `${short(n)} tokens to read`);
  if (scorer === "session-affinity") return say("sessionMatch", (is) => (is > 0 ? "it has the session" : ""));
  if (scorer === "lora-affinity") return say("adapterState", (state) => (state === 3 ? "the adapter is loaded" : ""));
  return "";
}

function absentWords({ absent }: Told): string {
  if (absent.length === 0) return ".";
  const groups = Map.groupBy(absent, ({ why }) => why);
  const words = [...groups].map(([why, pods]) => `${count(pods.length, "pod")}: ${why}`);
  return ` (${words.join("; ")}).`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function short(value: number): string {
  return shortNumber(value, 2);
}
