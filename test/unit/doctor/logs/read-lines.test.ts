import { describe, expect, test } from "vitest";
import { evidenceOf } from "../../../../src/doctor/diagnose.ts";
import { readLines } from "../../../../src/doctor/logs/read-lines.ts";

const access =
  '[2026-01-01T00:00:00.000Z] "POST /v1 HTTP/1.1" 503 UH no_healthy_upstream - "-" 0 19 0 - "-" "c" "a" "h" "-"';
const prose = [
  "# What may go wrong",
  "",
  "The disk: `no space left on device`.",
  ...Array(9).fill("More of it."),
  access,
];

describe("readLines", () => {
  test.each([
    { what: "prose with the words of errors in it", text: prose.join("\n") },
    { what: "settings", text: "envoy:\n  clusters:\n    - name: p\n      http2_protocol_options: {}\n" },
    { what: "one line of anything", text: "hello" },
  ])("knows $what for no log", ({ text }) => {
    expect(readLines(text, "notes.txt")).toBeUndefined();
    expect(evidenceOf([{ name: "notes.txt", text }])).toMatchObject({
      ...{ access: [], logs: [] },
      unread: [{ source: "notes.txt", why: "it is none of the kinds that are known" }],
    });
  });

  test.each([
    { what: "Go's own log, without a level", text: "2026/11/21 10:00:00 it is well", signs: [] },
    { what: "an error by itself", text: "exec /epp: exec format error", signs: ["wrong-architecture"] },
    {
      what: "a trace in a file that is named as a log",
      text: `${"  at a\n".repeat(20)}write: no space left on device`,
      signs: ["disk-full"],
    },
  ])("reads $what", ({ text, signs }) => {
    expect(readLines(text, "x.log")?.logs.map(({ sign }) => sign.name)).toEqual(signs);
  });

  test("gets over one line without an end in no time", () => {
    const words = [
      "gRPC config for ",
      "Deprecated field: ",
      "2026-01-01T00:00:00 --",
      '{"a": "level',
      "a::",
      "original_dst_load_balancer ",
    ];
    const started = process.cpuUsage();
    for (const word of words) evidenceOf([{ name: "x.log", text: word.repeat(100_000) }]);
    const { user } = process.cpuUsage(started);
    // One of them alone took minutes.
    expect(user / 1e6).toBeLessThan(5);
  });
});

describe("a tree that was cut off", () => {
  const tree = { configs: [{ cluster: { name: "p", http2_protocol_options: {} } }], more: "no space left on device" };

  test.each([
    { what: "in lines", text: JSON.stringify(tree, null, 1).slice(0, -9) },
    { what: "in one line", text: JSON.stringify(tree).slice(0, -9) },
    { what: "of a list", text: JSON.stringify([tree], null, 1).slice(0, -9) },
    { what: "which is a line of an access log", text: '{"response_code":503,"response_flags":"UH"' },
  ])("$what is broken JSON, and none of its fields was said by anybody", ({ text }) => {
    expect(evidenceOf([{ name: "config_dump.json", text }])).toMatchObject({
      ...{ access: [], logs: [] },
      unread: [{ why: "its JSON is broken, or cut off" }],
    });
  });

  test("is none where lines of JSON go on before and behind it", () => {
    const line = '{"response_code":503,"response_flags":"UH"}';
    expect(evidenceOf([{ name: "access.log", text: `${line}\n${line}\n${line.slice(0, 9)}` }]).access).toHaveLength(2);
  });
});

test.each(['{"asked":[null]}', '{"asked":[{"question":"pick","isWell":true,"status":"OK"}]}'])(
  "answers of a probe that are none are not understood: %s",
  (text) => {
    expect(evidenceOf([{ name: "live.json", text }]).unread).toMatchObject([
      { why: expect.stringMatching(/^an answer in it/) },
    ]);
    expect(evidenceOf([{ name: "live.json", text }]).live).toBeUndefined();
  },
);
