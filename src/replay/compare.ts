/** Two replays of the same requests beside each other: sums of each, where they differ, and that as text. */
import type { ReplayedPick } from "./replayed-pick.ts";

export interface Sums {
  readonly profile: string;
  readonly refused: number;
  /** Of all prompt tokens, the share that the picked pods were believed to hold; null where no scorer asks. */
  readonly predictedHit: number | null;
  /** Picks of the most picked pod over those of the mean one; null where all is refused. */
  readonly spread: number | null;
  /** Prompt tokens to be read at the pod that has most of them, over those of the mean one; null as above. */
  readonly workSpread: number | null;
  /** Picks of a log that this profile makes as the log says; absent for a trace. */
  readonly asLogged?: number;
  /** Of the engines of a trace. */
  readonly hit?: number;
  readonly ttftSeconds?: { readonly mean: number; readonly p50: number; readonly p95: number };
}

export interface Difference {
  readonly request: string;
  readonly promptTokens: number;
  readonly picks: readonly { readonly pod: string; readonly why: string }[];
}

export interface Comparison {
  readonly source: string;
  readonly requests: number;
  readonly sums: readonly Sums[];
  readonly differing: number;
  readonly examples: readonly Difference[];
  readonly notes: readonly string[];
}

/** `pods`: how many there are, the unpicked ones included. */
export function sumsOf(profile: string, picks: readonly ReplayedPick[], pods: number): Sums {
  const byPod = new Map<string, { picks: number; work: number }>();
  let tokens = 0;
  let hits = 0;
  for (const { pod, promptTokens, hit } of picks) {
    if (pod === "") continue;
    const sums = byPod.get(pod) ?? { picks: 0, work: 0 };
    byPod.set(pod, sums);
    sums.picks++;
    sums.work += promptTokens * (1 - hit);
    tokens += promptTokens;
    hits += promptTokens * hit;
  }
  const spread = (of: (sums: { picks: number; work: number }) => number) => {
    const values = [...byPod.values()].map(of);
    const mean = values.reduce((sum, value) => sum + value, 0) / pods;
    return mean > 0 ? Math.max(...values) / mean : Number.NaN;
  };
  return {
    profile,
    refused: picks.filter(({ pod }) => pod === "").length,
    predictedHit: known(hits / tokens),
    spread: known(spread((sums) => sums.picks)),
    workSpread: known(spread((sums) => sums.work)),
  };
}

/** The first of each kind of difference come first: as many examples as are wanted, spread over the run. */
export function differencesOf(one: readonly ReplayedPick[], other: readonly ReplayedPick[], examples: number) {
  const others = new Map(other.map((pick) => [pick.label, pick]));
  const all: Difference[] = [];
  for (const pick of one) {
    const counterpart = others.get(pick.label);
    if (counterpart === undefined || counterpart.pod === pick.pod) continue;
    const picks = [pick, counterpart].map(({ pod, why }) => ({ pod, why }));
    all.push({ request: pick.label, promptTokens: Math.round(pick.promptTokens), picks });
  }
  const step = Math.max(1, Math.floor(all.length / Math.max(1, examples)));
  return { differing: all.length, examples: all.filter((_, at) => at % step === 0).slice(0, examples) };
}

export function writeComparison({ source, requests, sums, differing, examples, notes }: Comparison): string[] {
  const [one, other] = sums;
  if (one === undefined || other === undefined) return [];
  const lines = [source, `A  ${one.profile}`, `B  ${other.profile}`, ""];
  const row = (title: string, of: (each: Sums) => string | undefined) => {
    const [left, right] = [of(one), of(other)];
    if (left !== undefined && right !== undefined)
      lines.push(title.padEnd(44) + left.padStart(10) + right.padStart(10));
  };
  row("", () => "");
  lines[lines.length - 1] = `${"".padEnd(44)}${"A".padStart(10)}${"B".padStart(10)}`;
  row("picks as the log says", ({ asLogged }) => asLogged?.toString());
  row("predicted hit, of the prompt tokens", ({ predictedHit }) =>
    predictedHit === null ? "-" : percent(predictedHit),
  );
  row("hit by the engines", ({ hit }) => (hit === undefined ? undefined : percent(hit)));
  row("most picked pod, times the mean", ({ spread }) => spread?.toFixed(2) ?? "-");
  row("most tokens to read, times the mean", ({ workSpread }) => workSpread?.toFixed(2) ?? "-");
  row("time to the first token, mean", ({ ttftSeconds }) => seconds(ttftSeconds?.mean));
  row("  half of the requests within", ({ ttftSeconds }) => seconds(ttftSeconds?.p50));
  row("  95 % of them within", ({ ttftSeconds }) => seconds(ttftSeconds?.p95));
  row("refused", ({ refused }) => String(refused));
  const share = requests === 0 ? 0 : differing / requests;
  lines.push("", `They differ in ${differing} of ${requests} requests (${percent(share)}).`);
  for (const { request, promptTokens, picks } of examples) {
    lines.push("", `request ${request}, ${promptTokens} prompt tokens`);
    for (const [at, { why }] of picks.entries()) lines.push(`  ${at === 0 ? "A" : "B"}: ${why}`);
  }
  if (notes.length > 0) lines.push("", ...notes);
  return lines;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function seconds(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `${value.toFixed(3)} s`;
}

function known(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
