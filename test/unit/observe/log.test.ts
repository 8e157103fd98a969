import { beforeEach, describe, expect, test } from "vitest";
import { Logs } from "../../../src/observe/log.ts";

let lines: Record<string, unknown>[];
let heard: [number, unknown, string][];

beforeEach(() => {
  lines = [];
  heard = [];
});

function open(verbosity: number, levels = {}): Logs {
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const listener = (level: number, fields: unknown, message: string) => void heard.push([level, fields, message]);
  return new Logs({ verbosity, levels, listener, destination });
}

const words = () => lines.map(({ component, msg }) => `${component}: ${msg}`);

describe("Logs", () => {
  test("has a level for each component, which a change of the settings changes", () => {
    const logs = open(2, { scrape: "debug" });
    logs.of("scrape").debug("one");
    logs.of("pods").debug("two");
    logs.configure(4, { scrape: "error" });
    logs.of("scrape").warn("three");
    logs.of("pods").debug("four");
    expect(words()).toEqual(["scrape: one", "pods: four"]);
  });

  test("heeds what is wanted at run time, until that is taken back", () => {
    const logs = open(2, { scrape: "warn" });
    let changes = 0;
    logs.onChange(() => changes++);
    logs.want(["scrape", "pods"], "trace");
    logs.configure(1, { scrape: "warn" });
    expect(logs.levels().scrape).toEqual({ level: "trace", configured: "warn" });
    expect(logs.of("scrape").isLevelEnabled("trace")).toBe(true);
    expect(logs.of("server").level).toBe("warn");
    logs.want(["scrape"], undefined);
    expect(logs.levels().scrape).toEqual({ level: "warn", configured: "warn" });
    expect(logs.of("pods").level).toBe("trace");
    expect(changes).toBe(3);
  });

  test("writes what repeats once, with the count of the rest", () => {
    const logs = open(2);
    for (let i = 0; i < 413; i++) logs.of("ext-proc").error({ where: "stream", n: i, peer: `p${i}` }, "broken");
    logs.of("ext-proc").error({ where: "routing", n: 1 }, "broken");
    expect(words()).toEqual(["ext-proc: broken", "ext-proc: broken"]);
    logs.flush();
    expect(lines[2]).toMatchObject({
      level: 50,
      component: "ext-proc",
      where: "stream",
      n: 412,
      more: 412,
      msg: "broken (said 1 time, 412 more in 10 s)",
    });
    expect(lines).toHaveLength(3);
    expect(heard).toHaveLength(414);
    expect(heard[0]).toEqual([50, { where: "stream", n: 0, peer: "p0" }, "broken"]);
  });

  test("lays what is counted of lines that differ on none of them", () => {
    const logs = open(2);
    for (let i = 0; i < 30; i++) logs.of("scrape").warn({ pod: `pod-${i}` }, "silent");
    for (let i = 0; i < 300; i++) logs.of("scrape").warn({ pod: "one" }, `message ${"x".repeat(i)}`);
    const before = lines.length;
    logs.flush();
    const told = lines.slice(before);
    expect(told.map(({ msg }) => msg)).toEqual([
      "silent (10 more in 10 s, of other kinds)",
      expect.stringMatching(/^\d+ other lines in 10 s$/),
    ]);
    expect(told.filter((line) => "pod" in line)).toEqual([]);
    expect(told[0]).toMatchObject({ level: 40, component: "scrape", more: 10 });
  });

  test("lets lines below warnings through, each time", () => {
    const logs = open(2);
    for (let i = 0; i < 3; i++) logs.of("pods").info("all is well");
    expect(words()).toEqual(Array(3).fill("pods: all is well"));
  });

  test("cleans fields, messages and errors, for the page of the status as well", () => {
    const logs = open(5);
    const url = "http://me:xyzzy@pod/x?key=xyzzy";
    logs
      .of("scrape")
      .trace({ url, authorization: "xyzzy", err: Object.assign(new Error(url), { body: "xyzzy" }) }, url);
    logs.of("scrape").error(new Error("Bearer xyzzy-xyzzy"));
    logs.of("scrape").warn(`%s ${url}`);
    expect(lines).toHaveLength(3);
    expect(JSON.stringify([lines, heard])).not.toContain("xyzzy");
    expect(lines[1]).toMatchObject({ err: { type: "Error", message: "Bearer [redacted]" } });
  });
});
