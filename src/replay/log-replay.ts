/**
 * A decision log, decided on anew by another profile: every request with the candidates and the readings it was decided
 * with, and the same lot. What the log does not tell of pods is unknown here too.
 */

import type { PickLine } from "../explain/log-line.ts";
import { podColumnNames } from "../pods/columns.ts";
import { type Pod, PodTable } from "../pods/pod-table.ts";
import { defaultPoolSettings, type Pool } from "../pods/pool.ts";
import { Pools } from "../pods/pools.ts";
import { ServedModels } from "../pods/served-models.ts";
import { bodylessRequest, type InferenceRequest } from "../request/inference-request.ts";
import { noHints } from "../routing/choose-pool.ts";
import type { Decision, PickReason } from "../routing/decision.ts";
import { FilterChain } from "../routing/filter-chain.ts";
import { Lane } from "../routing/lane.ts";
import { buildPicker, type Profile } from "../routing/profile.ts";
import { ScoringPlan, uncounted } from "../routing/scoring-plan.ts";
import { BYTES_PER_TOKEN } from "../scorer.ts";
import { AFFINE_COLUMNS, LoggedColumns } from "./logged-columns.ts";
import { PickReader, type ReplayedPick } from "./replayed-pick.ts";

/** Picks that no scorer made: any profile would have made them. */
const withoutScorers: ReadonlySet<string> = new Set(["buffer_full", "fault"]);

export class LogReplay {
  readonly #table = new PodTable();
  readonly #pool: Pool;
  readonly #lane: Lane;
  readonly #columns: LoggedColumns;
  readonly #reader: PickReader;
  #pods = new Map<string, Pod>();

  constructor(profile: Profile) {
    const models = new ServedModels();
    const table = this.#table;
    this.#pool = new Pools({ table, models }).obtain("replay", defaultPoolSettings);
    this.#columns = new LoggedColumns(table);
    this.#reader = new PickReader(table);
    this.#lane = new Lane({
      table,
      plan: new ScoringPlan(profile.scorers, uncounted),
      owners: this.#columns.owners,
      filters: new FilterChain(table, profile.filters, models),
      pick: buildPicker(profile.picker),
    });
  }

  /** What the profile reads and the log never told, by the name of the column. */
  untold(): string[] {
    const { reads } = this.#lane.trace.plan;
    return reads.filter((name) => AFFINE_COLUMNS.has(name) && !this.#columns.told.has(name));
  }

  /** `seed` in place of the one of the log; undefined keeps that. */
  decide(line: PickLine, seed: number | undefined): ReplayedPick {
    const among = this.#arrange(line);
    const request = requestOf(line);
    const reason = line.pick === null ? "scored" : (line.reason as PickReason);
    const choice = { kind: "chosen", pool: this.#pool, among } as const;
    const question = { request, reason, hints: noHints, choice, seed: seed ?? line.pick?.seed ?? 0 };
    const decision: Decision = withoutScorers.has(line.reason)
      ? this.#lane.decideByLoad(question)
      : this.#lane.decide(question, uncounted);
    const trail = { lane: this.#lane, pool: this.#pool, among, request };
    const picked = this.#reader.read(line.id, line.promptTokens, decision, trail);
    this.#columns.learn(line);
    if (!Number.isNaN(picked.hit)) return picked;
    // Its scorers do not ask; the log may know all the same.
    const at = line.candidates.pods.indexOf(picked.pod);
    return { ...picked, hit: line.candidates.signals["prefixHit"]?.[at] ?? Number.NaN };
  }

  /** Makes the pods those of the line, with its readings. */
  #arrange({ candidates, ...line }: PickLine) {
    const { pods, addresses, signals } = candidates;
    for (const [at, address] of addresses.entries()) {
      if (!this.#pods.has(address)) this.#join(address, pods[at] ?? address);
    }
    const members = addresses.map((address) => this.#pods.get(address)).filter((pod) => pod !== undefined);
    this.#pool.assign(members);
    for (const [at, { slot }] of members.entries()) {
      for (const name of podColumnNames) this.#table.columns[name][slot] = signals[name]?.[at] ?? Number.NaN;
    }
    this.#columns.begin({ ...line, candidates }, members);
    return this.#pool.members;
  }

  #join(address: string, name: string): void {
    const known = [...this.#pods.values()].map((pod) => ({ name: pod.name, address: pod.address }));
    this.#table.reconcile([...known, { name, address }]);
    this.#pods = new Map(this.#table.pods().map((pod) => [pod.address, pod]));
  }
}

function requestOf({ model, promptTokens }: PickLine): InferenceRequest {
  return { ...bodylessRequest, model, promptBytes: promptTokens * BYTES_PER_TOKEN };
}
