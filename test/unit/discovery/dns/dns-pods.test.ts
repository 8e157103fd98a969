import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseDnsNames } from "../../../../src/discovery/dns/dns-names.ts";
import { DnsLookup, type DnsPodsParts, dnsPods } from "../../../../src/discovery/dns/dns-pods.ts";
import { addressRecord, aliasRecord, DnsServerDouble, serviceRecord } from "../../../support/dns-server.ts";

let server: DnsServerDouble;
beforeEach(async () => {
  server = await DnsServerDouble.start();
});
afterEach(() => server.stop());

function nameOf(text: string) {
  const parsed = parseDnsNames(text);
  if ("faults" in parsed) throw new Error(JSON.stringify(parsed.faults));
  return parsed.names[0]!;
}

function lookupOf(text: string, search: readonly string[] = [], parts: DnsPodsParts = {}) {
  const settings = { servers: [server.place], search, ndots: 2 };
  const lookup = new DnsLookup(nameOf(text), { settings, patienceMs: [8_000], ...parts });
  return () => lookup.look(new AbortController().signal);
}

const addressesOf = async (look: ReturnType<typeof lookupOf>) => (await look()).pods.map(({ address }) => address);

describe("DnsLookup of a host", () => {
  test("finds the addresses of both families, each a pod called by its address", async () => {
    server.records = [addressRecord("pods.test", "10.0.0.1"), addressRecord("pods.test", "fd00::0:1")];
    expect((await lookupOf("pods.test.:80")()).pods).toEqual([
      { name: "10.0.0.1:80", address: "10.0.0.1:80" },
      { name: "[fd00::1]:80", address: "[fd00::1]:80" },
    ]);
  });

  test.each([
    ["a:pods.test.:80", "10.0.0.1:80", "A"],
    ["aaaa:pods.test.:80", "[fd00::1]:80", "AAAA"],
  ])("asks for one family where %s names one", async (text, address, type) => {
    server.records = [addressRecord("pods.test", "10.0.0.1"), addressRecord("pods.test", "fd00::1")];
    expect(await addressesOf(lookupOf(text))).toEqual([address]);
    expect(server.asked.map((asked) => asked.type)).toEqual([type]);
  });

  test.each([
    [[7, 9], 7_000],
    [[0, 9], 1_000],
    [[3_600, 3_600], 15_000],
  ])("looks again after the least time to live, within bounds: %j s gives %i ms", async ([one, other], againMs) => {
    server.records = [addressRecord("pods.test", "10.0.0.1", one), addressRecord("pods.test", "fd00::1", other)];
    expect((await lookupOf("pods.test.:80")()).againMs).toBe(againMs);
  });

  test("follows aliases, whose time to live counts too", async () => {
    server.records = [
      aliasRecord("pods.test", "one.test", 9),
      aliasRecord("one.test", "two.test", 4),
      addressRecord("two.test", "10.0.0.1", 8),
    ];
    const { pods, againMs } = await lookupOf("a:pods.test.:80")();
    expect([pods[0]?.address, againMs]).toEqual(["10.0.0.1:80", 4_000]);
    expect(server.asked).toHaveLength(1);
  });

  test("asks for the next part of a chain of aliases that the server does not tell", async () => {
    server.records = [aliasRecord("pods.test", "ONE.elsewhere", 4)];
    server.faults.set("ONE.elsewhere", (answer) => {
      // Only now is it known.
      server.faults.clear();
      return [answer];
    });
    server.records.push(aliasRecord("one.elsewhere", "pods.test"));
    server.records.push(addressRecord("ONE.elsewhere", "10.0.0.1"));
    expect(await addressesOf(lookupOf("a:pods.test.:80"))).toEqual(["10.0.0.1:80"]);
  });

  test("gives up on aliases that lead in a circle", async () => {
    server.records = [aliasRecord("pods.test", "one.test"), aliasRecord("one.test", "pods.test")];
    await expect(lookupOf("a:pods.test.:80")()).rejects.toThrow(/aliases for A pods\.test$|has no addresses/);
    expect(server.asked.length).toBeLessThan(12);
  });

  test("tries a short name in the search domains in turn, and a long one as it stands first", async () => {
    server.records = [addressRecord("pods.b.test", "10.0.0.1"), addressRecord("pods.x.y", "10.0.0.2")];
    expect(await addressesOf(lookupOf("a:pods:80", ["a.test", "b.test"]))).toEqual(["10.0.0.1:80"]);
    expect(server.asked.map(({ name }) => name)).toEqual(["pods.a.test", "pods.b.test"]);
    expect(await addressesOf(lookupOf("a:pods.x.y:80", ["a.test"]))).toEqual(["10.0.0.2:80"]);
  });

  test("passes over a name that exists without addresses", async () => {
    server.records = [serviceRecord("pods.a.test", "x", 1), addressRecord("pods.b.test", "10.0.0.1")];
    expect(await addressesOf(lookupOf("pods:80", ["a.test", "b.test"]))).toEqual(["10.0.0.1:80"]);
  });

  test("tries no further name where a server cannot tell about one, as that may be another service", async () => {
    server.records = [addressRecord("pods.b.test", "10.0.0.66")];
    server.faults.set("pods.a.test", "SERVFAIL");
    const look = lookupOf("pods:80", ["a.test", "b.test"]);
    await expect(look()).rejects.toThrow(/^SERVFAIL for A+ pods\.a\.test from/);
    expect(server.times("pods.b.test")).toBe(0);
  });

  test("does try further names where a resolver refuses one label alone", async () => {
    server.faults.set("pods", "REFUSED");
    server.records = [addressRecord("pods.b.test", "10.0.0.1")];
    const settings = { servers: [server.place], search: ["b.test"], ndots: 0 };
    expect(await addressesOf(lookupOf("pods:80", [], { settings }))).toEqual(["10.0.0.1:80"]);
  });

  test.each([
    ["does not exist", [], /^pods\.test\. has no addresses: NXDOMAIN$/],
    ["has no addresses", [serviceRecord("pods.test", "x", 1)], /^pods\.test\. has no addresses: no records$/],
  ])("fails where the name %s", async (_why, records, problem) => {
    server.records = records;
    await expect(lookupOf("pods.test.:80")()).rejects.toThrow(problem);
  });

  test("does without a family that fails, until it has once told an address", async () => {
    server.records = [addressRecord("pods.test", "10.0.0.1")];
    server.faults.set("pods.test AAAA", "SERVFAIL");
    const look = lookupOf("pods.test.:80");
    expect(await addressesOf(look)).toEqual(["10.0.0.1:80"]);
    server.faults.clear();
    server.records.push(addressRecord("pods.test", "fd00::1"));
    expect(await addressesOf(look)).toEqual(["10.0.0.1:80", "[fd00::1]:80"]);
    server.faults.set("pods.test AAAA", "SERVFAIL");
    await expect(look()).rejects.toThrow(/^SERVFAIL for AAAA pods\.test/);
  });

  test("fails where one family fails and the other has nothing", async () => {
    server.records = [addressRecord("pods.test", "fd00::1")];
    server.faults.set("pods.test AAAA", "SERVFAIL");
    await expect(lookupOf("pods.test.:80")()).rejects.toThrow(/^SERVFAIL for AAAA/);
  });
});

describe("DnsLookup of a service", () => {
  const name = "_http._tcp.pods.test";
  const look = () => lookupOf(`srv:${name}.`);

  test("takes addresses given beside the records, and asks nothing more", async () => {
    server.records = [serviceRecord(name, "a.test", 80), serviceRecord(name, "b.test", 81)];
    server.additionals = [addressRecord("a.test", "10.0.0.1", 6), addressRecord("b.test", "10.0.0.2", 9)];
    const { pods, againMs } = await look()();
    expect(pods.map(({ address }) => address)).toEqual(["10.0.0.1:80", "10.0.0.2:81"]);
    expect(againMs).toBe(6_000);
    expect(server.asked).toHaveLength(1);
  });

  test("asks for the targets that nothing is given for, and for a family that only others are given in", async () => {
    server.records = [
      serviceRecord(name, "a.test", 80, 5),
      serviceRecord(name, "b.test", 80),
      serviceRecord(name, "c.test", 80),
      addressRecord("b.test", "fd00::b"),
      addressRecord("c.test", "10.0.0.3"),
    ];
    server.additionals = [
      addressRecord("a.test", "10.0.0.1"),
      addressRecord("a.test", "fd00::a"),
      addressRecord("b.test", "10.0.0.2"),
    ];
    const { pods, againMs } = await look()();
    const expected = ["10.0.0.1:80", "[fd00::a]:80", "10.0.0.2:80", "[fd00::b]:80", "10.0.0.3:80"];
    expect(pods.map(({ address }) => address)).toEqual(expected);
    expect(againMs).toBe(5_000);
    expect(
      server.asked
        .slice(1)
        .map((asked) => `${asked.name} ${asked.type}`)
        .sort(),
    ).toEqual(["b.test AAAA", "c.test A", "c.test AAAA"]);
  });

  test("finds all of many targets", async () => {
    const hosts = Array.from({ length: 40 }, (_, i) => `h${i}.test`);
    server.records = hosts.flatMap((host, i) => [serviceRecord(name, host, 80), addressRecord(host, `10.0.0.${i}`)]);
    expect(await addressesOf(look())).toEqual(hosts.map((_, i) => `10.0.0.${i}:80`));
  });

  test("takes the targets of the least priority number, whatever their weight", async () => {
    server.records = [
      serviceRecord(name, "backup.test", 80, 30, 20),
      serviceRecord(name, "a.test", 80, 30, 10),
      serviceRecord(name, "b.test", 80, 30, 10),
    ];
    server.additionals = ["backup", "a", "b"].map((host, i) => addressRecord(`${host}.test`, `10.0.0.${i}`));
    expect(await addressesOf(look())).toEqual(["10.0.0.1:80", "10.0.0.2:80"]);
  });

  test("does without a target that does not exist, and fails where none does", async () => {
    server.records = [serviceRecord(name, "gone.test", 80), serviceRecord(name, "a.test", 80)];
    await expect(look()()).rejects.toThrow(`${name}. has no addresses: NXDOMAIN`);
    server.records.push(addressRecord("a.test", "10.0.0.1"));
    expect(await addressesOf(look())).toEqual(["10.0.0.1:80"]);
  });

  test("fails where a server cannot tell about a target", async () => {
    server.records = [serviceRecord(name, "a.test", 80), serviceRecord(name, "b.test", 80)];
    server.records.push(addressRecord("a.test", "10.0.0.1"));
    server.faults.set("b.test", "SERVFAIL");
    await expect(look()()).rejects.toThrow(/^SERVFAIL for A+ b\.test/);
  });

  test("fails where the service does not exist, is not offered, or cannot be told", async () => {
    await expect(look()()).rejects.toThrow(`${name}. has no targets: NXDOMAIN`);
    server.records = [serviceRecord(name, ".", 0)];
    await expect(look()()).rejects.toThrow(`${name}. has no targets: not offered`);
    server.faults.set("*", "REFUSED");
    await expect(look()()).rejects.toThrow(`REFUSED for SRV ${name}`);
  });

  test("tries search domains", async () => {
    server.records = [serviceRecord("_http._tcp.pods.ns.test", "a.test", 80)];
    server.additionals = [addressRecord("a.test", "10.0.0.1")];
    expect(await addressesOf(lookupOf("_http._tcp.pods", ["ns.test"]))).toEqual(["10.0.0.1:80"]);
  });
});

test("dnsPods is called by its name and can grow old", () => {
  expect(dnsPods(nameOf("pods.test:80"))).toMatchObject({ name: "dns pods.test:80", perishable: true });
});
