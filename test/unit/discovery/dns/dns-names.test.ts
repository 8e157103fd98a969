import { describe, expect, test } from "vitest";
import { describeDnsName, parseDnsNames } from "../../../../src/discovery/dns/dns-names.ts";

function namesOf(text: string) {
  const parsed = parseDnsNames(text);
  if ("faults" in parsed) throw new Error(JSON.stringify(parsed.faults));
  return parsed.names;
}

function faultsOf(text: string) {
  const parsed = parseDnsNames(text);
  return "faults" in parsed ? parsed.faults : [];
}

describe("parseDnsNames", () => {
  const host = (name: string, port: number, types = ["A", "AAAA"]) => ({ kind: "host", name, port, types });
  test.each([
    ["vllm:8000", host("vllm", 8000)],
    ["VLLM.default.svc.:80", host("vllm.default.svc.", 80)],
    ["a:vllm:8000", host("vllm", 8000, ["A"])],
    ["aaaa:vllm:8000", host("vllm", 8000, ["AAAA"])],
    ["a:8000", host("a", 8000)],
    ["srv:8000", host("srv", 8000)],
    ["srv:vllm.test", { kind: "service", name: "vllm.test" }],
    ["srv:_http._tcp.vllm", { kind: "service", name: "_http._tcp.vllm" }],
    ["_http._tcp.vllm", { kind: "service", name: "_http._tcp.vllm" }],
  ])("reads %j, and describes it so that it reads the same", (text, expected) => {
    const [name] = namesOf(text);
    expect(name).toEqual(expected);
    expect(namesOf(describeDnsName(name!))).toEqual([expected]);
  });

  test("reads several names in order", () => {
    expect(namesOf("a:1, srv:b.c,d:2").map(describeDnsName)).toEqual(["a:1", "srv:b.c", "d:2"]);
  });

  test.each([
    ["", undefined],
    ["vllm", undefined],
    ["vllm:0", undefined],
    ["vllm:x", undefined],
    ["b:vllm:80", undefined],
    ["10.0.0.1:80", undefined],
    ["[::1]:80", undefined],
    ["srv:", undefined],
    ["srv:vllm:80", "srv:vllm"],
    ["_http._tcp.vllm:80", "srv:_http._tcp.vllm"],
    ["http://vllm:80/x", "vllm:80"],
  ])("refuses %j and hints at %j", (text, hint) => {
    const [fault, ...more] = faultsOf(text);
    expect(more).toEqual([]);
    expect(fault?.path).toBe(text === "" ? "--pods-dns" : "--pods-dns[0]");
    expect(fault?.hint).toBe(hint);
  });

  test("reports every fault under its place, and names that stand twice", () => {
    expect(faultsOf("a:1,b,a:1,A:1,srv:a.b,_c.d").map(({ path }) => path)).toEqual([
      "--pods-dns[1]",
      "--pods-dns[2]",
      "--pods-dns[3]",
    ]);
    expect(parseDnsNames("a", "dns")).toMatchObject({ faults: [{ path: "dns[0]" }] });
  });
});
