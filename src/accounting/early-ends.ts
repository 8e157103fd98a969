/**
 * Tells a stream that Envoy kept until the answer was over from one it closed as soon as it needed us no more: the end
 * of the first is the end of the request, that of the second says nothing. Which of the two a filter does depends on
 * Envoy's version and on the filter's mode (1.36 keeps every stream, 1.37 and 1.38 none without a response phase, 1.39
 * and 1.40 those of buffered modes), so it is watched: no model answers within milliseconds, an early end takes no more.
 */

/** An early end comes this soon after our reply, unless the machine is very busy. */
const QUICK_MS = 10;
/** So late nothing is an early end. */
const LATE_MS = 100;
/** Ends seen before the expectation may be overruled. */
const ENOUGH = 16;
const LEARNING_RATE = 1 / 32;
const SHARE_TO_BECOME_EARLY = 0.8;
const SHARE_TO_BECOME_KEPT = 0.5;

interface Habit {
  early: boolean;
  ends: number;
  /** Recent shares of quick and of late ends. */
  quick: number;
  late: number;
}

export class EarlyEnds {
  readonly #habits = new Map<object, Habit>();

  /**
   * Judges the end of one stream, `gapMs` after our last reply of the request direction. `filter` stands for all
   * streams that are alike, `expected` for what is usual of them. Only inference `teaches`: a list of models or a probe
   * is answered within milliseconds, whatever Envoy does.
   */
  isEarly(filter: object, expected: boolean, gapMs: number, teaches: boolean): boolean {
    let habit = this.#habits.get(filter);
    if (habit === undefined) {
      habit = { early: expected, ends: 0, quick: expected ? 1 : 0, late: expected ? 0 : 1 };
      this.#habits.set(filter, habit);
    }
    if (teaches) learn(habit, gapMs);
    return habit.early && gapMs < LATE_MS;
  }
}

function learn(habit: Habit, gapMs: number): void {
  habit.ends++;
  habit.quick += LEARNING_RATE * ((gapMs < QUICK_MS ? 1 : 0) - habit.quick);
  habit.late += LEARNING_RATE * ((gapMs >= LATE_MS ? 1 : 0) - habit.late);
  if (habit.ends < ENOUGH) return;
  if (habit.quick > SHARE_TO_BECOME_EARLY) habit.early = true;
  else if (habit.late > SHARE_TO_BECOME_KEPT) habit.early = false;
}
