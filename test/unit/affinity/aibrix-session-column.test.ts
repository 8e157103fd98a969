import { describe, expect, test } from "vitest";
import { AibrixSessionColumn } from "../../../src/affinity/aibrix-session-column.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";
import type { CandidateColumns } from "../../../src/routing/candidates.ts";
import { noHints } from "../../../src/routing/choose-pool.ts";

const addresses = ["10.0.0.1:8000", "10.0.0.2:8000", "[fd00::3]:8000", "10.0.0.4:8000"];
const table = new PodTable();
table.reconcile(addresses.map((address) => ({ name: address, address })));
const column = new AibrixSessionColumn(table);

/** The rows that match. */
function matching(headers: Readonly<Record<string, string>>, size = addresses.length): number[] {
  const out = new Float64Array(addresses.length).fill(7);
  const slots = Int32Array.from(addresses.map((address) => table.byAddress(address)?.slot ?? -1));
  column.fill(bodylessRequest, slots, size, out, {} as CandidateColumns, { ...noHints, headers });
  return [...out.subarray(0, size).keys()].filter((row) => out[row] === 1);
}

/** FNV-1a in 64 bits, as its definition says it. */
function fnv1a(bytes: Buffer): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash;
}

function expectedRow(key: string): number {
  const hashes = addresses.map((address) => fnv1a(Buffer.from(`${key}\0${address}`, "latin1")));
  const [highest] = [...hashes].sort((one, other) => (one > other ? -1 : 1));
  return hashes.indexOf(highest ?? 0n);
}

describe("AibrixSessionColumn", () => {
  test.each(addresses)("finds %s by the token that names it", (address) => {
    const token = Buffer.from(address).toString("base64");
    expect(matching({ "x-session-id": token, "x-aibrix-session-key": "k" })).toEqual([addresses.indexOf(address)]);
  });

  test("finds a key's pod by the highest hash of key, zero byte and address", () => {
    const keys = Array.from({ length: 200 }, (_, i) => `user-${i}-\xe9`);
    expect(keys.map((key) => matching({ "x-aibrix-session-key": key }))).toEqual(keys.map((key) => [expectedRow(key)]));
    expect(new Set(keys.map(expectedRow)).size).toBe(addresses.length);
  });

  test.each(["MTAuMC4wLjk6ODAwMA==", "no token", "x".repeat(400)])("goes by the key where the token is %j", (token) => {
    expect(matching({ "x-session-id": token, "x-aibrix-session-key": "k" })).toEqual([expectedRow("k")]);
    expect(matching({ "x-session-id": token })).toEqual([]);
  });

  test("matches nobody without a session, and takes no key that is too long", () => {
    expect(matching({})).toEqual([]);
    expect(matching({ "x-aibrix-session-key": "k".repeat(256) })).toEqual([expectedRow("k".repeat(256))]);
    expect(matching({ "x-aibrix-session-key": "k".repeat(257) })).toEqual([]);
    expect(matching({ "x-aibrix-session-key": "k" }, 0)).toEqual([]);
  });
});
