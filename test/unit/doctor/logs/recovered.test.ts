import { describe, expect, test } from "vitest";
import { type AccessLine, readAccessLine } from "../../../../src/doctor/logs/access-line.ts";
import { isFailure, isOver, isWellNow, weightOfLines, weightOfShare } from "../../../../src/doctor/logs/recovered.ts";

/** `x` failed, `.` went well. */
function linesOf(pattern: string): AccessLine[] {
  return [...pattern].flatMap((mark, index) => {
    const fields = { response_code: mark === "x" ? 503 : 200, response_flags: "-", response_code_details: "d" };
    return readAccessLine(JSON.stringify(fields), "access.log", index + 1) ?? [];
  });
}

const well = (count: number) => ".".repeat(count);
const failed = (lines: readonly AccessLine[]) => lines.filter(({ status }) => status === 503);

describe("isOver", () => {
  test.each([
    { pattern: "x", is: false },
    { pattern: `x${well(19)}`, is: false },
    { pattern: `x${well(20)}`, is: true },
    { pattern: `x${well(20)}x`, is: false },
  ])("is $is for the last of $pattern", ({ pattern, is }) => {
    const lines = linesOf(pattern);
    const last = failed(lines).at(-1);
    expect(last && isOver(last, lines)).toBe(is);
  });
});

describe("weightOfLines and weightOfShare", () => {
  test.each([
    { pattern: "...", byLines: "risk", byShare: "risk" },
    { pattern: "xx.", byLines: "fault", byShare: "fault" },
    { pattern: "x..", byLines: "fault", byShare: "risk" },
    { pattern: `${"x".repeat(30)}${well(20)}`, byLines: "risk", byShare: "risk" },
    { name: "a stray in a long log", pattern: `${well(500)}x${well(5)}`, byLines: "risk", byShare: "risk" },
    { name: "one long ago", pattern: `${well(300)}x${well(25)}`, byLines: "past", byShare: "past" },
    { name: "the last three of many", pattern: `${well(500)}xxx`, byLines: "fault", byShare: "risk" },
    { name: "the last five of many", pattern: `${well(500)}${"x".repeat(5)}`, byLines: "fault", byShare: "fault" },
    { name: "the last twenty of many", pattern: `${well(500)}${"x".repeat(20)}`, byLines: "fault", byShare: "fault" },
    {
      name: "one in ten of late",
      pattern: `${well(900)}${`x${well(9)}`.repeat(10)}`,
      byLines: "fault",
      byShare: "risk",
    },
  ])("are $byLines and $byShare for $pattern", ({ pattern, byLines, byShare }) => {
    const lines = linesOf(pattern);
    expect([weightOfLines(failed(lines), lines), weightOfShare(failed(lines), lines)]).toEqual([byLines, byShare]);
  });
});

describe("the way of lines", () => {
  const on = (route: string, status: number) => {
    const fields = { response_code: status, response_flags: "-", response_code_details: "d", route_name: route };
    return readAccessLine(JSON.stringify(fields), "access.log", 1) ?? [];
  };
  const many = (count: number, route: string, status: number) =>
    Array.from({ length: count }, () => on(route, status)).flat();

  test("is their route: what goes well on others neither thins a fault nor ends it", () => {
    const lines = [...many(3000, "web", 200), ...many(4, "llm", 503), ...many(40, "web", 200)];
    expect(weightOfLines(failed(lines), lines)).toBe("fault");
  });

  test("does not make a stray a fault, though nobody else went there", () => {
    const lines = [...many(3000, "web", 200), ...many(1, "maintenance", 503), ...many(5, "web", 200)];
    expect([weightOfLines(failed(lines), lines), weightOfShare(failed(lines), lines)]).toEqual(["risk", "risk"]);
  });
});

describe("isFailure", () => {
  test.each([
    { status: 503, flags: "UH", details: "no_healthy_upstream", is: true },
    { status: 0, flags: "-", details: "-", is: true },
    { status: 0, flags: "DC", details: "downstream_remote_disconnect", is: false },
    { status: 0, flags: "DR", details: "http2.remote_reset", is: false },
    { status: 404, flags: "NR", details: "route_not_found", is: false },
  ])("is $is of $status $flags $details", ({ status, flags, details, is }) => {
    const fields = { response_code: status, response_flags: flags, response_code_details: details };
    const line = readAccessLine(JSON.stringify(fields), "access.log", 1);
    expect(line && isFailure(line)).toBe(is);
  });
});

describe("isWellNow", () => {
  test.each([
    { pattern: "", least: 1, is: false },
    { pattern: ".", least: 1, is: true },
    { pattern: "...", least: 20, is: false },
    { pattern: `x${well(20)}`, least: 20, is: true },
    { pattern: `${well(20)}x`, least: 1, is: false },
  ])("is $is of $pattern, of at least $least", ({ pattern, least, is }) => {
    expect(isWellNow(linesOf(pattern), least)).toBe(is);
  });
});
