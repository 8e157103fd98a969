import { expect, test } from "vitest";
import { WallClock } from "../../../../src/observe/tracing/wall-clock.ts";

test("WallClock finds the fraction that the wall clock does not tell, and follows it when it is set", () => {
  let ms = 10.9;
  let wallMs = 1_000_010;
  const clock = new WallClock(
    () => ms,
    () => wallMs,
  );
  const first = clock.offsetMs();
  ms = 11;
  wallMs = 1_000_011;
  expect(clock.offsetMs()).toBe(1_000_000);
  expect(clock.offsetMs()).toBeGreaterThan(first);
  ms = 11.9;
  expect(clock.offsetMs()).toBe(1_000_000);
  wallMs = 900_011;
  expect(clock.offsetMs()).toBeCloseTo(899_999.1);
});
