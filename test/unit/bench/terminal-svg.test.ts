import { expect, test } from "vitest";
import { drawSvg } from "../../../bench/terminal-svg.ts";

const shapesOf = (...lines: string[]) =>
  drawSvg(lines, 20, "t")
    .split("\n")
    .filter((line) => /^<(text|rect x)/.test(line));

test("drawSvg places words at their columns and rows, whatever colour codes stand before them", () => {
  expect(shapesOf("", "\x1b[31mred\x1b[0m  plain words")).toEqual([
    '<text x="18" y="49.5" textLength="25.2" fill="#ff7b72">red</text>',
    '<text x="60" y="49.5" textLength="92.4">plain words</text>',
  ]);
});

test("drawSvg draws bars as shapes", () => {
  expect(shapesOf("█░ 1").map((shape) => shape.slice(0, 12))).toEqual(['<rect x="18"', '<rect x="26.', '<text x="43.']);
});

test("drawSvg escapes what XML reserves", () => {
  expect(shapesOf("a<b&c")[0]).toContain(">a&lt;b&amp;c</text>");
});
