import { expect, test } from "vitest";
import { BodyBuffer, BufferBudget } from "../../../src/request/body-buffer.ts";

const bufferOf = (...chunks: string[]) => {
  const body = new BodyBuffer(new BufferBudget(1000));
  for (const chunk of chunks) body.add(Buffer.from(chunk));
  return body;
};

test("BodyBuffer gives a single chunk back without a copy", () => {
  const chunk = Buffer.from("{}");
  const body = new BodyBuffer(new BufferBudget(10));
  body.add(chunk);
  expect(body.contiguous()).toBe(chunk);
});

test("BodyBuffer joins several chunks in order", () => {
  expect(bufferOf("ab", "", "c").contiguous().toString()).toBe("abc");
});

test("BodyBuffer says when the shared budget is spent, keeps the chunk, and gives back only what it took", () => {
  const budget = new BufferBudget(5);
  const [one, other] = [new BodyBuffer(budget), new BodyBuffer(budget)];
  expect(one.add(Buffer.from("1234"))).toBe(true);
  expect(other.add(Buffer.from("12"))).toBe(false);
  expect([other.chunks.length, budget.usedBytes]).toEqual([1, 4]);
  other.release();
  one.release();
  one.release();
  expect(budget.usedBytes).toBe(0);
});

test.each([
  [["{", "}"], true],
  [['{"a":1}\r\n ', ""], true],
  [["}"], true],
  [["{"], false],
  [["   "], false],
  [["", ""], false],
  [[], false],
])("BodyBuffer takes %j for a complete object: %s", (chunks, expected) => {
  expect(bufferOf(...chunks).looksComplete()).toBe(expected);
});

test("BodyBuffer reserves room, past the limit up to twice of it, and gives it back", () => {
  const budget = new BufferBudget(10);
  const bodies = [new BodyBuffer(budget), new BodyBuffer(budget), new BodyBuffer(budget)];
  expect([bodies[0]!.reserve(8), bodies[1]!.reserve(9), bodies[2]!.reserve(4)]).toEqual(["kept", "over", "refused"]);
  for (const body of bodies) body.release();
  expect(budget.usedBytes).toBe(0);
});

test("BodyBuffer covers what it has reserved, and more where there is room", () => {
  const body = new BodyBuffer(new BufferBudget(10));
  body.reserve(4);
  expect([body.covers(4), body.covers(9), body.covers(11)]).toEqual([true, true, false]);
});
