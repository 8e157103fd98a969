/**
 * Tells a stream that Envoy kept until the answer was over from one it closed as soon as it needed us no more: the end
 * of the first is the end of the request, that of the second says nothing. Which of the two a filter does depends on
 * Envoy's version and on the filter's mode (1.36 keeps every stream, 1.37 and 1.38 none without a response phase, 1.39
 * and 1.40 those of buffered modes), so it is watched: no model answers within milliseconds, an early end takes no more.
 *
 * It is watched connection by connection, since Envoys of several versions may share a picker. A new connection is held
 * to end its streams early if that is usual or if the others do: where it does not, only ends within LATE_MS are misjudged.
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

/** Connections remembered per filter; of more the ones met first are forgotten, and begin anew. */
const MOST_PEERS = 4_096;

interface Habit {
  early: boolean;
  ends: number;
  /** Recent shares of quick and of late ends. */
  quick: number;
  late: number;
}

interface Habits {
  /** Of all connections together. */
  readonly shared: Habit;
  readonly byPeer: Map<string, Habit>;
}

export class EarlyEnds {
  readonly #filters = new Map<object, Habits>();

  /**
   * Judges the end of one stream of the connection `peer`, `gapMs` after our last reply of the request direction.
   * `filter` stands for all streams that are alike, `expected` for what is usual of them. Only inference `teaches`: a
   * list of models or a probe is answered within milliseconds, whatever Envoy does.
   */
  isEarly(peer: string, filter: object, expected: boolean, gapMs: number, teaches: boolean): boolean {
    const { shared, byPeer } = this.#habitsOf(filter, expected);
    let habit = byPeer.get(peer);
    if (habit === undefined) {
      habit = newHabit(expected || shared.early);
      byPeer.set(peer, habit);
      if (byPeer.size > MOST_PEERS) dropFirst(byPeer);
    }
    if (teaches) {
      learn(shared, gapMs);
      learn(habit, gapMs);
    }
    return habit.early && gapMs < LATE_MS;
  }

  #habitsOf(filter: object, expected: boolean): Habits {
    let habits = this.#filters.get(filter);
    if (habits === undefined) {
      habits = { shared: newHabit(expected), byPeer: new Map() };
      this.#filters.set(filter, habits);
    }
    return habits;
  }
}

function newHabit(early: boolean): Habit {
  return { early, ends: 0, quick: early ? 1 : 0, late: early ? 0 : 1 };
}

function dropFirst(map: Map<string, Habit>): void {
  const { value } = map.keys().next();
  if (value !== undefined) map.delete(value);
}

function learn(habit: Habit, gapMs: number): void {
  habit.ends++;
  habit.quick += LEARNING_RATE * ((gapMs < QUICK_MS ? 1 : 0) - habit.quick);
  habit.late += LEARNING_RATE * ((gapMs >= LATE_MS ? 1 : 0) - habit.late);
  if (habit.ends < ENOUGH) return;
  if (habit.quick > SHARE_TO_BECOME_EARLY) habit.early = true;
  else if (habit.late > SHARE_TO_BECOME_KEPT) habit.early = false;
}
