import { EventEmitter } from "node:events";
import type { ServerHttp2Session } from "node:http2";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LostStreams } from "../../../src/ext-proc/lost-streams.ts";

/** Of a session, what is looked at: HTTP/2's last stream, and an event for each that is heard of. */
class Session extends EventEmitter {
  readonly state = { lastProcStreamID: 0 };
  readonly destroyed = false;

  /** HTTP/2 has begun a stream, and hands it on unless it finds a fault. */
  begin(id: number, isHeard: boolean): void {
    this.state.lastProcStreamID = id;
    if (isHeard) this.emit("stream", { id });
  }
}

let lost: number[];
let streams: LostStreams;
let session: Session;

beforeEach(() => {
  vi.useFakeTimers();
  lost = [];
  streams = new LostStreams((_, count) => lost.push(count));
  session = new Session();
  streams.watch(session as unknown as ServerHttp2Session);
});
afterEach(() => {
  streams.stop();
  vi.useRealTimers();
});

const check = () => vi.advanceTimersToNextTimer();

test("LostStreams says nothing of streams that are heard of, whatever the first number", () => {
  for (const id of [3, 5, 7]) session.begin(id, true);
  check();
  check();
  expect(lost).toEqual([]);
});

test("LostStreams gives a stream whose head is still on its way until the second check", () => {
  session.begin(1, true);
  session.begin(3, false);
  check();
  expect(lost).toEqual([]);
  session.begin(3, true);
  check();
  check();
  expect(lost).toEqual([]);
});

test("LostStreams counts streams that nobody heard of, once", () => {
  for (const id of [1, 3, 5]) session.begin(id, false);
  check();
  check();
  expect(lost).toEqual([3]);
  check();
  check();
  expect(lost).toEqual([3]);
});

test("LostStreams notices at once that numbers are missing", () => {
  session.begin(1, true);
  session.begin(3, false);
  session.begin(5, false);
  session.begin(7, true);
  expect(lost).toEqual([2]);
  check();
  check();
  expect(lost).toEqual([2]);
});

test("LostStreams forgets a connection that has closed", () => {
  session.begin(1, false);
  check();
  session.emit("close");
  check();
  expect(lost).toEqual([]);
});
