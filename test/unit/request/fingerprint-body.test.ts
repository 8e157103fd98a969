import { expect, test } from "vitest";
import { fingerprintOf } from "../../../src/request/fingerprint-body.ts";
import { Random } from "../../support/random.ts";

const of = (text: string) => fingerprintOf(Buffer.from(text));

test("fingerprintOf knows the same body again", () => {
  for (const length of [0, 1, 255, 256, 257, 511, 512, 513, 100_000]) {
    expect([length, of("x".repeat(length))]).toEqual([length, of("x".repeat(length))]);
  }
});

test("fingerprintOf tells bodies apart that differ at an end or in length", () => {
  const long = "a long system prompt ".repeat(1_000);
  const bodies = ["", "x", "y", "xy", long, `${long} `, `x${long}`, `x${long.slice(1)}`, `${long.slice(0, -1)}x`];
  expect(new Set(bodies.map(of)).size).toBe(bodies.length);
});

test("fingerprintOf spreads turns of one conversation, and is never 0", () => {
  const random = new Random(1);
  const seen = new Set<number>();
  for (let turn = 0; turn < 10_000; turn++) seen.add(of(`{"messages":"${"history ".repeat(80)}${turn}"}`));
  expect(seen.size).toBe(10_000);
  for (let i = 0; i < 10_000; i++) expect(of(String.fromCharCode(random.int(128), random.int(128)))).not.toBe(0);
});
