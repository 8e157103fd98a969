/** All that the status page shows and that changes by itself, as one object: made when it is asked for, and only then. */
import { randomUUID } from "node:crypto";
import type { StartNote } from "../../config/foreign/document-reading.ts";
import type { Pool } from "../../pods/pool.ts";
import { usableIn } from "../../pods/usable-pods.ts";
import type { ConfigReport } from "../config-report.ts";
import type { DecisionTrace } from "../decision-trace.ts";
import type { Instruments } from "../metrics.ts";
import { type PodView, podStates } from "../pod-states.ts";
import type { ReadinessFacts } from "../readiness.ts";
import { healthOf, type PoolState } from "./health.ts";
import type { SaidLately } from "./said-lately.ts";
import { warningsOf } from "./warnings.ts";

export interface StatusParts {
  readonly version: string;
  readonly pods: PodView;
  readonly trace: DecisionTrace;
  readonly instruments: Instruments;
  readonly facts: () => ReadinessFacts;
  readonly said: SaidLately;
  readonly reload: ConfigReport;
  readonly notes: readonly StartNote[];
  /** In force now. */
  readonly backends: () => readonly NamedBackend[];
  readonly buffer: { readonly usedBytes: number; readonly limitBytes: number };
}

/** As far as the page tells of one. */
export interface NamedBackend {
  readonly name: string;
  readonly translator: { readonly name: string };
  readonly host: string;
}

const DECISIONS_SHOWN = 50;
const MODELS_SHOWN = 5;

export class StatusReport {
  readonly #parts: StatusParts;
  /** Another one after a restart: counts begin anew. */
  readonly #instance = randomUUID();
  readonly #startedAt = new Date().toISOString();

  constructor(parts: StatusParts) {
    this.#parts = parts;
  }

  now(): object {
    const { version, trace, said, notes, reload, buffer, instruments } = this.#parts;
    const pods = podStates(this.#parts.pods);
    const picks = trace.picksByPod();
    const noPicks = { recentPicks: 0, prefixHit: null };
    const pools = this.#parts.pods.pools.all.map((pool) => this.#poolState(pool));
    const { started, draining, sources } = this.#parts.facts();
    const backends = this.#parts.backends();
    const faults = total(instruments.faults.sums("where"));
    const bytes = { bufferedBytes: buffer.usedBytes, bufferLimitBytes: buffer.limitBytes };
    return {
      picker: {
        version,
        instance: this.#instance,
        startedAt: this.#startedAt,
        configAt: reload.last?.at ?? this.#startedAt,
      },
      at: new Date().toISOString(),
      health: healthOf({ started, draining, sources, pods, pools, backends: backends.length }),
      warnings: warningsOf({ pods, pools, sources, notes, reload: reload.last, faults, ...bytes }),
      said: said.latest(),
      traffic: this.#traffic(),
      pods: pods.map(({ labels: _, models: __, ...pod }) => ({ ...pod, ...(picks.get(pod.address) ?? noPicks) })),
      decisions: trace.latest(DECISIONS_SHOWN),
      pools,
      sources,
      backends: backends.map((backend) => this.#backendState(backend)),
    };
  }

  /** Counts since the start: whoever asks twice knows how much is happening now. */
  #traffic(): object {
    const { instruments, facts } = this.#parts;
    const byReason = instruments.picks.sums("reason");
    const byCode = instruments.refusals.sums("code");
    return {
      picks: total(byReason),
      byReason,
      refusals: total(byCode),
      byCode,
      watched: total(instruments.shadowPicks.sums("pool")),
      pickSeconds: instruments.pickSeconds.told(),
      openStreams: facts().openStreams,
    };
  }

  /** Counts since the start, as those of the traffic. */
  #backendState({ name, translator, host }: NamedBackend): object {
    const { attempts, attemptRefusals, backendAnswers } = this.#parts.instruments;
    const of = { backend: name };
    return {
      ...{ name, api: translator.name, host },
      attempts: total(attempts.sums("attempt", of)),
      byCode: attemptRefusals.sums("code", of),
      byStatus: backendAnswers.sums("status", of),
    };
  }

  #poolState(pool: Pool): PoolState {
    const models = [...pool.modelNames()];
    return {
      name: pool.name,
      profile: pool.settings.profile,
      pods: pool.members.size,
      usable: usableIn(this.#parts.pods.table, pool.members),
      models: models.slice(0, MODELS_SHOWN),
      modelCount: models.length,
    };
  }
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
