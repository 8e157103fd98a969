/** Requests that are only watched -> counts of where they would have gone beside where they went, for all and by pod. */
import type { Served } from "../ext-proc/watched.ts";
import type { Pod, PodTable } from "../pods/pod-table.ts";
import type { Decision } from "../routing/decision.ts";
import type { DecisionTrace } from "./decision-trace.ts";
import type { WriteSample } from "./instruments.ts";
import { type Logger, Once } from "./log.ts";
import { labelsText } from "./metric-cells.ts";
import type { Instruments } from "./metrics.ts";
import type { ShadowOutcome } from "./shadow-outcomes.ts";

interface Counts {
  picked: number;
  served: number;
}

export class ShadowReport {
  readonly #log: Logger;
  readonly #instruments: Instruments;
  readonly #trace: DecisionTrace;
  readonly #once = new Once();
  readonly #pods = new WeakMap<Pod, Counts>();

  constructor(log: Logger, instruments: Instruments, trace: DecisionTrace) {
    this.#log = log;
    this.#instruments = instruments;
    this.#trace = trace;
  }

  /** From now on the counts by pod are those of this table's pods. */
  readFrom(table: PodTable): void {
    const write = (count: keyof Counts) => (sample: WriteSample) => {
      for (const pod of table.pods()) {
        const { name, address } = pod;
        const value = this.#pods.get(pod)?.[count];
        // Where nothing is watched there is nothing to tell.
        if (value !== undefined) sample(labelsText({ pod: name, address }), value);
      }
    };
    this.#instruments.podShadowPicks.readFrom(write("picked"));
    this.#instruments.podShadowServed.readFrom(write("served"));
  }

  watched(wouldBe: Decision, served: Served): void {
    const isPick = wouldBe.kind === "picked";
    const pick = outcomeOf(wouldBe, served);
    this.#instruments.shadowAnswers.add({ pool: isPick ? wouldBe.pool.name : "", pick });
    if (isPick) this.#countsOf(wouldBe.pod).picked++;
    if (typeof served === "string") this.#sayBlind(served);
    else {
      this.#countsOf(served).served++;
      if (isPick) this.#trace.served(wouldBe, served.address);
    }
  }

  #countsOf(pod: Pod): Counts {
    const known = this.#pods.get(pod);
    if (known !== undefined) return known;
    const counts = { picked: 0, served: 0 };
    this.#pods.set(pod, counts);
    return counts;
  }

  #sayBlind(served: "foreign" | "unseen"): void {
    this.#once.do(served, () =>
      this.#log.info(
        served === "foreign"
          ? "a watched request was served by an address that is no pod of ours: the picker's pods and the proxy's differ"
          : "a watched request came without the pod that served it: the filter needs response_header_mode SEND and response_attributes upstream.address",
      ),
    );
  }
}

function outcomeOf(wouldBe: Decision, served: Served): ShadowOutcome {
  if (wouldBe.kind === "refused") return "refused";
  if (typeof served === "string") return served;
  return served === wouldBe.pod ? "same" : "other";
}
