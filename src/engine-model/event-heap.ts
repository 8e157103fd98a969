/** Keeps scheduled events in order of due time; events due at the same time keep the order they were added in. */

export interface ClockEvent {
  readonly dueMs: number;
  readonly order: number;
  /** Null once cancelled: a cancelled event stays in the heap and is skipped when its turn comes. */
  run: (() => void) | null;
}

function isBefore(a: ClockEvent, b: ClockEvent): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

/** Binary heap: adding and taking cost O(log n). */
export class EventHeap {
  readonly #events: ClockEvent[] = [];
  #order = 0;

  add(dueMs: number, run: () => void): ClockEvent {
    const event: ClockEvent = { dueMs, order: this.#order++, run };
    this.#siftUp(event);
    return event;
  }

  /** Due time of the next live event, Infinity when there is none. */
  nextDueMs(): number {
    let head = this.#events[0];
    while (head !== undefined && head.run === null) {
      this.#removeHead();
      head = this.#events[0];
    }
    return head === undefined ? Number.POSITIVE_INFINITY : head.dueMs;
  }

  /** Takes the next live event if it is due at `limitMs` or before. */
  take(limitMs: number): ClockEvent | null {
    if (this.nextDueMs() > limitMs) return null;
    const head = this.#events[0];
    if (head === undefined) return null;
    this.#removeHead();
    return head;
  }

  clear(): void {
    this.#events.length = 0;
  }

  /** Moves parents down until the new event is not before the one above. */
  #siftUp(event: ClockEvent): void {
    const events = this.#events;
    let at = events.length;
    events.push(event);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = events[above];
      if (parent === undefined || !isBefore(event, parent)) break;
      events[at] = parent;
      at = above;
    }
    events[at] = event;
  }

  /** The last event takes the head's place and sinks below every child that is before it. */
  #removeHead(): void {
    const events = this.#events;
    const moved = events.pop();
    if (moved === undefined || events.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      let child = events[below];
      if (child === undefined) break;
      const right = events[below + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        below++;
      }
      if (!isBefore(child, moved)) break;
      events[at] = child;
      at = below;
    }
    events[at] = moved;
  }
}
