import { getServers } from "node:dns";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fullNames, parseResolvConf, readResolverSettings } from "../../../../src/discovery/dns/resolver-settings.ts";

describe("parseResolvConf", () => {
  test("reads what Kubernetes writes", () => {
    const text = [
      "search default.svc.cluster.local svc.cluster.local cluster.local",
      "nameserver 10.96.0.10",
      "options ndots:5",
    ].join("\n");
    expect(parseResolvConf(text)).toEqual({
      servers: [{ address: "10.96.0.10", port: 53 }],
      search: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"],
      ndots: 5,
    });
  });

  test("skips comments, and takes the last search list and three servers", () => {
    const text = [
      "; a comment",
      "# another",
      "\tdomain old.test",
      "search new.test. other.test # both",
      "nameserver fe80::1%eth0",
      "nameserver nonsense",
      "nameserver 10.0.0.1",
      "nameserver 10.0.0.2",
      "nameserver 10.0.0.3",
      "options edns0 ndots:2 trust-ad",
      "options timeout:1",
    ].join("\n");
    const { servers, search, ndots } = parseResolvConf(text);
    expect(servers.map(({ address }) => address)).toEqual(["fe80::1%eth0", "10.0.0.1", "10.0.0.2"]);
    expect(search).toEqual(["new.test", "other.test"]);
    expect(ndots).toBe(2);
  });

  test("has one dot and no more than 15", () => {
    expect(parseResolvConf("").ndots).toBe(1);
    expect(parseResolvConf("options ndots:99").ndots).toBe(15);
  });
});

describe("readResolverSettings", () => {
  test("reads the file, and asks Node for servers where it names none", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pointsman-resolv-"));
    const path = join(folder, "resolv.conf");
    writeFileSync(path, "nameserver 10.0.0.1\nsearch a.test\n");
    expect(await readResolverSettings(path)).toMatchObject({ servers: [{ address: "10.0.0.1", port: 53 }] });
    writeFileSync(path, "search a.test\n");
    const { servers, search } = await readResolverSettings(path);
    expect(search).toEqual(["a.test"]);
    expect(servers).toHaveLength(getServers().length);
    expect(await readResolverSettings(join(folder, "missing"))).toMatchObject({ search: [], ndots: 1 });
    rmSync(folder, { recursive: true });
  });
});

describe("fullNames", () => {
  const settings = { servers: [], search: ["ns.svc.test", "svc.test"], ndots: 2 };
  test.each([
    ["vllm", ["vllm.ns.svc.test", "vllm.svc.test", "vllm"]],
    ["vllm.ns", ["vllm.ns.ns.svc.test", "vllm.ns.svc.test", "vllm.ns"]],
    ["vllm.ns.svc", ["vllm.ns.svc", "vllm.ns.svc.ns.svc.test", "vllm.ns.svc.svc.test"]],
    ["vllm.", ["vllm"]],
  ])("of %s are %j", (name, expected) => {
    expect(fullNames(name, settings)).toEqual(expected);
  });
});
