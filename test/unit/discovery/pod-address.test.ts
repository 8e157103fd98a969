import { describe, expect, test } from "vitest";
import {
  isPodName,
  isUsableIp,
  parsePodEntry,
  parsePort,
  podAddress,
  quoted,
} from "../../../src/discovery/pod-address.ts";

describe("podAddress", () => {
  test.each([
    ["10.0.0.1", "10.0.0.1:8000"],
    ["::1", "[::1]:8000"],
    ["FE80:0:0:0:0:0:0:1", "[fe80::1]:8000"],
    ["2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]:8000"],
    ["1:0:2:3:4:5:6:7", "[1:0:2:3:4:5:6:7]:8000"],
    ["::ffff:a00:1", "10.0.0.1:8000"],
  ])("writes %s as %s", (ip, address) => {
    expect(podAddress(ip, 8000)).toBe(address);
  });
});

describe("parsePort", () => {
  test.each([
    ["1", 1],
    ["65535", 65_535],
    ["0", undefined],
    ["65536", undefined],
    ["080", undefined],
    ["1e3", undefined],
    ["", undefined],
  ])("reads %j as %j", (text, port) => {
    expect(parsePort(text)).toBe(port);
  });
});

describe("isPodName", () => {
  test.each([
    ["ns/vllm-0", true],
    ["web@[fd00::2]:80", true],
    ["", false],
    ["a b", false],
    ["a\n", false],
    ["a".repeat(254), false],
  ])("says of %j %j", (name, is) => {
    expect(isPodName(name)).toBe(is);
  });
});

describe("isUsableIp", () => {
  test.each(["10.0.0.1", "127.0.0.1", "240.0.0.1", "::1", "fe80::1", "::ffff:10.0.0.1"])("takes %s", (ip) => {
    expect(isUsableIp(ip)).toBe(true);
  });

  test.each([
    ["zones, which Envoy does not know", "fe80::1%eth0"],
    ["names", "localhost"],
    ["nothing", ""],
    ["nobody's address", "0.0.0.0"],
    ["nobody's IPv6 address", "0:0::0"],
    ["nobody's address mapped into IPv6", "::ffff:0.0.0.0"],
    ["a group's address", "224.0.0.1"],
    ["a group's IPv6 address", "FF02::1"],
    ["everybody's address", "255.255.255.255"],
  ])("refuses %s", (_what, ip) => {
    expect(isUsableIp(ip)).toBe(false);
  });
});

test("quoted shortens what is long", () => {
  expect(quoted("a".repeat(60))).toHaveLength(62);
  expect(quoted("a".repeat(61))).toBe(`"${"a".repeat(57)}..."`);
});

test.each([
  ["http://me:SECRET@pod:8000/", '"http://[redacted]@pod:8000/"'],
  ["http://me:pa/SEC@RET@pod:8000", '"http://[redacted]@pod:8000"'],
  ["me:SECRET@pod:80", '"[redacted]@pod:80"'],
  [`me:${"SECRET".repeat(20)}@pod:80`, '"[redacted]@pod:80"'],
  ["https://pod/x?key=SECRET", '"https://pod/x?[redacted]"'],
  ["10.0.0.1", '"10.0.0.1"'],
  ["a".repeat(70), `"${"a".repeat(57)}..."`],
])("quoted shows of %j %s", (text, shown) => {
  expect(quoted(text)).toBe(shown);
});

test("parsePodEntry hints at host and port of a URL alone", () => {
  expect(parsePodEntry("http://me:pa/SECRET@pod:8000/x")).toMatchObject({ hint: "pod:8000" });
  expect(parsePodEntry("http://10.0.0.1:8000")).toMatchObject({ hint: "10.0.0.1:8000" });
});
