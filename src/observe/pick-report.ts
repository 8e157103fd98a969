/** Picks and their answers -> counts by model, by pod and by phase. Called on the hot path: cells are found, not made. */
import type { PickPhases } from "../ext-proc/pick-phases.ts";
import type { Pod, PodTable } from "../pods/pod-table.ts";
import type { Pool } from "../pods/pool.ts";
import type { Picked, PickReason } from "../routing/decision.ts";
import { BoundedLabel, OTHER } from "./bounded-label.ts";
import type { HistogramCell } from "./hot-histogram.ts";
import type { Cell, WriteSample } from "./instruments.ts";
import { labelsText } from "./metric-cells.ts";
import type { Instruments } from "./metrics.ts";
import { podLabels } from "./pod-labels.ts";

/** Models come and go; series stay. */
const MOST_MODELS = 500;

/** The reasons of picks that go by less than the request tells. What a filter's mode hides is the operator's own choice. */
const degraded: readonly PickReason[] = ["body_unread", "body_cut", "unknown_load", "buffer_full", "fault"];

interface PodCounts {
  picks: number;
  /** Of answers that tell both. */
  promptTokens: number;
  cachedTokens: number;
}

interface Phases {
  readonly wait: HistogramCell;
  readonly read: HistogramCell;
  readonly route: HistogramCell;
  readonly reply: HistogramCell;
  readonly learn: HistogramCell;
}

export class PickReport {
  readonly #instruments: Instruments;
  readonly #phases: Phases;
  readonly #byPool = new WeakMap<Pool, Map<string, Cell>>();
  readonly #models = new BoundedLabel(MOST_MODELS);
  readonly #byReason = new WeakMap<Pool, Map<PickReason, Cell>>();
  readonly #degraded = new Map<PickReason, Cell[]>(degraded.map((reason) => [reason, []]));
  readonly #pods = new WeakMap<Pod, PodCounts>();

  constructor(instruments: Instruments) {
    this.#instruments = instruments;
    const phase = (name: keyof Phases) => instruments.pickPhaseSeconds.cell({ phase: name });
    this.#phases = {
      ...{ wait: phase("wait"), read: phase("read"), route: phase("route") },
      ...{ reply: phase("reply"), learn: phase("learn") },
    };
    instruments.degradedPicks.readFrom((write) => {
      for (const [reason, cells] of this.#degraded) {
        const picks = cells.reduce((sum, { value }) => sum + value, 0);
        write(labelsText({ reason }), picks);
      }
    });
  }

  /** From now on the counts by pod are those of this table's pods. */
  readFrom(table: PodTable): void {
    const each = (tell: (counts: PodCounts | undefined) => number) => (write: WriteSample) => {
      for (const pod of table.pods()) {
        write(podLabels(pod), tell(this.#pods.get(pod)));
      }
    };
    const ifTold = (counts: PodCounts | undefined, tokens: "promptTokens" | "cachedTokens") =>
      counts === undefined || counts.promptTokens === 0 ? Number.NaN : counts[tokens];
    const { podPicks, podPromptTokens, podCachedTokens } = this.#instruments;
    podPicks.readFrom(each((counts) => counts?.picks ?? 0));
    podPromptTokens.readFrom(each((counts) => ifTold(counts, "promptTokens")));
    podCachedTokens.readFrom(each((counts) => ifTold(counts, "cachedTokens")));
  }

  picked(decision: Picked): void {
    this.#reasonCell(decision).value++;
    this.#modelCell(decision).value++;
    this.#countsOf(decision.pod).picks++;
  }

  timed(phases: PickPhases): void {
    const { startedAtMs, completeAtMs, readAtMs, decidedAtMs, repliedAtMs, learntAtMs } = phases;
    const { wait, read, route, reply, learn } = this.#phases;
    wait.observe((completeAtMs - startedAtMs) / 1000);
    read.observe((readAtMs - completeAtMs) / 1000);
    route.observe((decidedAtMs - readAtMs) / 1000);
    reply.observe((repliedAtMs - decidedAtMs) / 1000);
    learn.observe((learntAtMs - repliedAtMs) / 1000);
  }

  /** Unknown numbers are NaN. */
  answered(pod: Pod, promptTokens: number, cachedTokens: number): void {
    if (Number.isNaN(promptTokens + cachedTokens)) return;
    const counts = this.#countsOf(pod);
    counts.promptTokens += promptTokens;
    counts.cachedTokens += cachedTokens;
  }

  #countsOf(pod: Pod): PodCounts {
    let counts = this.#pods.get(pod);
    if (counts === undefined) {
      counts = { picks: 0, promptTokens: 0, cachedTokens: 0 };
      this.#pods.set(pod, counts);
    }
    return counts;
  }

  #reasonCell({ pool, reason }: Picked): Cell {
    let cells = this.#byReason.get(pool);
    if (cells === undefined) {
      cells = new Map();
      this.#byReason.set(pool, cells);
    }
    let cell = cells.get(reason);
    if (cell === undefined) {
      cell = this.#instruments.picks.cell({ pool: pool.name, reason });
      cells.set(reason, cell);
      const counted = this.#degraded.get(reason);
      if (counted?.includes(cell) === false) counted.push(cell);
    }
    return cell;
  }

  /** What is no name of a pod's model is the client's text, and kept nowhere. */
  #modelCell({ pool, model: asked, rewrite }: Picked): Cell {
    const isRenamed = rewrite?.outcome === "written" || rewrite?.outcome === "routed";
    const model = isRenamed ? rewrite.target : asked;
    let cells = this.#byPool.get(pool);
    if (cells === undefined) {
      cells = new Map();
      this.#byPool.set(pool, cells);
    }
    const known = cells.get(model);
    if (known !== undefined) return known;
    const isListed = model === "" || pool.lists(model);
    const label = isListed ? this.#models.bound(model) : OTHER;
    const cell = cells.get(label) ?? this.#instruments.modelPicks.cell({ pool: pool.name, model: label });
    cells.set(label, cell);
    return cell;
  }
}
