import { describe, expect, test } from "vitest";
import type { Pod } from "../../../../src/pods/pod-table.ts";
import { isListed } from "../../../../src/routing/filters/address-list.ts";

const pod = (address: string) => ({ address }) as Pod;
const isIn = (address: string, ...entries: string[]) => isListed(entries)(pod(address));

describe("isListed", () => {
  test.each([
    ["10.0.0.1:8000", ["10.0.0.1:8000"]],
    ["10.0.0.1:8000", ["10.0.0.9", " 10.0.0.1 "]],
    ["[fd00::1]:8000", ["[fd00::1]:8000"]],
    ["[fd00::1]:8000", ["[fd00::1]"]],
    ["[fd00::1]:8000", ["fd00::1"]],
    ["[fd00::1]:8000", ["FD00:0:0::0001"]],
    ["[fd00::1]:8000", ["[fd00:0000:0:0:0:0:0:1]:8000"]],
    ["[::1]:1", ["::1"]],
  ])("has %s in %j", (address, entries) => {
    expect(isIn(address, ...entries)).toBe(true);
  });

  test.each([
    ["10.0.0.1:8000", ["10.0.0.1:8001"]],
    ["10.0.0.1:8000", ["10.0.0.10", "0.0.0.1:8000", "10.0.0.1:"]],
    ["10.0.0.1:8000", []],
    ["[fd00::1]:8000", ["[fd00::1]:80", "fd00::2", "[fd00::1"]],
    // Without brackets the last group is part of the address, not a port.
    ["[fd00::1]:8000", ["fd00::1:8000"]],
    ["[fe80::1]:8000", ["fe80::1%eth0"]],
  ])("has %s not in %j", (address, entries) => {
    expect(isIn(address, ...entries)).toBe(false);
  });
});
