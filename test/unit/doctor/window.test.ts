import { describe, expect, test } from "vitest";
import { readStats } from "../../../src/doctor/envoy/stats.ts";
import { evidenceFrom, type Gathered } from "../../../src/doctor/gather/gather.ts";
import { Watching } from "../../../src/doctor/watch.ts";
import { statsSince, Window } from "../../../src/doctor/window.ts";

const stats = (values: Readonly<Record<string, number>>) =>
  Object.entries(values)
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n");
const look = (pages: Readonly<Record<string, string>>): Gathered => ({
  sources: Object.entries(pages).map(([name, text]) => ({ name, text })),
  unread: [],
  asked: [],
});

describe("statsSince", () => {
  const before = readStats(stats({ "cluster.a.upstream_rq_total": 5, "cluster.a.upstream_cx_active": 3 }), "");

  test.each([
    { name: "cluster.a.upstream_rq_total", now: 8, is: 3, because: "it counts" },
    { name: "cluster.a.upstream_cx_active", now: 4, is: 4, because: "it stands at a value" },
    { name: "cluster.a.upstream_rq_total", now: 2, is: 2, because: "the process began anew" },
    { name: "cluster.a.upstream_rq_5xx", now: 7, is: 7, because: "it was not there" },
  ])("$name at $now is $is: $because", ({ name, now, is }) => {
    expect(statsSince(before, readStats(stats({ [name]: now }), "")).get(name)).toBe(is);
  });
});

describe("Window", () => {
  const line = (status: number) =>
    `{"response_code": ${status}, "response_flags": "-", "response_code_details": "x"}\n`;
  const statuses = (window: Window, pages: Readonly<Record<string, string>>) =>
    window.next(look(pages), evidenceFrom).access.map(({ status }) => status);

  test("has of a log what was added, whether it grows or is read from its end", () => {
    const window = new Window();
    const long = line(200).repeat(20) + line(201);
    expect(statuses(window, { "a.log": line(500) + long })).toHaveLength(22);
    expect(statuses(window, { "a.log": line(500) + long + line(202) })).toEqual([202]);
    expect(statuses(window, { "a.log": long + line(202) + line(203) })).toEqual([203]);
  });

  test("keeps what it saw until there is another request", () => {
    const window = new Window();
    const page = (requests: number, failures: number) => ({
      stats: stats({ "http.in.downstream_rq_total": requests, "cluster.a.upstream_cx_connect_fail": failures }),
    });
    const failures = (pages: Readonly<Record<string, string>>) =>
      window.next(look(pages), evidenceFrom).stats?.get("cluster.a.upstream_cx_connect_fail");
    expect(failures(page(3, 3))).toBe(3);
    expect(failures(page(3, 3))).toBe(3);
    expect(failures(page(5, 4))).toBe(1);
    expect(failures(page(5, 4))).toBe(1);
    expect(failures(page(6, 4))).toBe(0);
  });

  test("does not take a look at the admin port for a request", () => {
    const window = new Window();
    const page = (own: number) => ({
      stats: stats({ "http.admin.downstream_rq_total": own, "cluster.a.upstream_cx_connect_fail": 2 }),
    });
    window.next(look(page(1)), evidenceFrom);
    expect(window.next(look(page(9)), evidenceFrom).stats?.get("cluster.a.upstream_cx_connect_fail")).toBe(2);
  });
});

test("Watching says when the verdict changes, and is silent as long as it does not", () => {
  const said: string[] = [];
  const watching = new Watching(
    false,
    (text) => said.push(text),
    () => new Date(0),
  );
  const page = (requests: number, bypassed: number) =>
    look({
      stats: stats({
        "http.in.downstream_rq_total": requests,
        "http.in.ext_proc.streams_started": requests,
        "http.in.ext_proc.streams_failed": bypassed,
        "http.in.ext_proc.failure_mode_allowed": bypassed,
      }),
    });
  for (const [requests, bypassed] of [
    [4, 4],
    [4, 4],
    [8, 8],
    [12, 8],
    [13, 8],
  ] as const)
    watching.look(page(requests, bypassed));
  expect(said).toHaveLength(2);
  expect(said[0]).toMatch(/^BROKEN: .*\(row 23, /);
  expect(said[1]).toMatch(/^1970-01-01T00:00:00\.000Z CHANGED: was row 23, picker-bypassed .*; now nothing is broken$/);
  expect(watching.outcome).toBe("well");
});
