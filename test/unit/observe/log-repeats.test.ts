import { beforeEach, expect, test } from "vitest";
import { Repeats, WINDOW_MS } from "../../../src/observe/log-repeats.ts";
import { HandTimers } from "../../support/hand-timers.ts";

let timers: HandTimers;
let repeats: Repeats;
let said: string[];

beforeEach(() => {
  timers = new HandTimers();
  said = [];
  repeats = new Repeats({ now: () => timers.now(), later: (run, ms) => void timers.set(run, ms) });
});

const say = (message: string, line = "", words = `${message} ${line}`) =>
  repeats.do(message, line, (more, of) =>
    said.push(more === 0 ? words : of === "line" ? `${words} +${more}` : `${more} more of the ${of}`),
  );

test("Repeats says a line at once, and at the end of the window how many more there were", () => {
  for (let i = 0; i < 413; i++) say("broken", "a");
  expect(said).toEqual(["broken a"]);
  timers.fireNext();
  expect(said).toEqual(["broken a", "broken a +412"]);
  expect(timers.now()).toBe(WINDOW_MS);
});

test("Repeats says one line a window while it goes on, and a new one at once when it was quiet", () => {
  say("broken");
  say("broken");
  timers.fireNext();
  say("broken");
  timers.fireNext();
  expect(said).toEqual(["broken ", "broken  +1", "broken  +1"]);
  timers.fireNext();
  expect(repeats.size).toBe(0);
  expect(timers.pending).toBe(0);
  say("broken");
  expect(said).toHaveLength(4);
});

test("Repeats tells the fields of the last occurrence", () => {
  say("broken", "a", "first");
  say("broken", "a", "second");
  say("broken", "a", "third");
  timers.fireNext();
  expect(said).toEqual(["first", "third +2"]);
});

test("Repeats says lines that differ, some of each message, and counts the others", () => {
  for (let i = 0; i < 100; i++) say("refused", `pod ${i}`);
  say("other");
  expect(said).toHaveLength(21);
  timers.fireNext();
  expect(said.slice(21)).toEqual(["80 more of the message"]);
});

test("Repeats keeps no more lines than its limits, however many messages come", () => {
  for (let i = 0; i < 10_000; i++) for (const line of ["a", "b"]) say(`message ${i}`, line);
  expect(repeats.size).toBeLessThanOrEqual(200 * 20);
  expect(said.length).toBeLessThan(1_000);
  timers.fireNext();
  expect(said.filter((line) => line.endsWith("more of the messages")).length).toBeGreaterThan(0);
  while (timers.fireNext()) if (timers.now() > 10 * WINDOW_MS) break;
  expect(repeats.size).toBe(0);
});

test("flush tells what is counted before its window is over", () => {
  say("broken");
  say("broken");
  repeats.flush();
  expect(said).toEqual(["broken ", "broken  +1"]);
});
