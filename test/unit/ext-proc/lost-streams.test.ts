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

const check = (times = 1) => {
  for (let i = 0; i < times; i++) vi.advanceTimersToNextTimer();
};

test("LostStreams says nothing of streams that are heard of, whatever the first number", () => {
  for (const id of [3, 5, 7]) {
    session.begin(id, true);
    check(100);
  }
  expect(lost).toEqual([]);
});

test("LostStreams gives the last stream, whose head may be on its way, seconds", () => {
  for (const id of [3, 5]) {
    session.begin(id, false);
    check(50);
    expect(lost).toEqual([]);
    session.begin(id, true);
    check(100);
  }
  expect(lost).toEqual([]);
});

test("LostStreams counts the last stream when nothing more has come of it, once", () => {
  session.begin(1, false);
  check(50);
  expect(lost).toEqual([]);
  check(200);
  expect(lost).toEqual([1]);
});

test("LostStreams counts at once what another stream has begun behind", () => {
  for (const id of [1, 3, 5]) session.begin(id, false);
  check();
  expect(lost).toEqual([2]);
});

test("LostStreams notices at once that numbers are missing", () => {
  session.begin(1, true);
  session.begin(3, false);
  session.begin(5, false);
  session.begin(7, true);
  expect(lost).toEqual([2]);
});

test("LostStreams tells of a connection once", () => {
  session.begin(1, true);
  for (const id of [3, 7, 11]) {
    session.begin(id, false);
    session.begin(id + 2, true);
    check(100);
  }
  expect(lost).toEqual([1]);
});

test("LostStreams forgets a connection that has closed", () => {
  session.begin(1, false);
  check();
  session.emit("close");
  check(100);
  expect(lost).toEqual([]);
});
