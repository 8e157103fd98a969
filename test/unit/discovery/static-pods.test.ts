import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { quoted } from "../../../src/discovery/pod-address.ts";
import type { PodSource } from "../../../src/discovery/pod-source.ts";
import { type Lookup, parsePodList, staticSources } from "../../../src/discovery/static-pods.ts";
import type { PodSpec } from "../../../src/pods/pod-table.ts";

function entriesOf(text: string) {
  const parsed = parsePodList(text);
  if ("faults" in parsed) throw new Error(JSON.stringify(parsed.faults));
  return parsed.pods;
}

function faultsOf(text: string) {
  const parsed = parsePodList(text);
  return "faults" in parsed ? parsed.faults : [];
}

describe("parsePodList", () => {
  test.each([
    ["10.0.0.1:8000", { name: "10.0.0.1:8000", host: "10.0.0.1", port: 8000 }],
    ["[::1]:8000", { name: "[::1]:8000", host: "::1", port: 8000 }],
    [" vllm-0.vllm.svc:80 ", { name: "vllm-0.vllm.svc:80", host: "vllm-0.vllm.svc", port: 80 }],
    ["a=10.0.0.1:65535", { name: "a", host: "10.0.0.1", port: 65_535 }],
    ["a=[FE80::1]:1", { name: "a", host: "fe80::1", port: 1 }],
    ["My_Host.:1", { name: "My_Host.:1", host: "my_host.", port: 1 }],
    ["3com:1", { name: "3com:1", host: "3com", port: 1 }],
  ])("reads %j", (text, entry) => {
    expect(entriesOf(text)).toEqual([entry]);
  });

  test("reads several entries in order", () => {
    expect(entriesOf("a:1,[::1]:8000, b=10.0.0.1:2").map((entry) => entry.name)).toEqual(["a:1", "[::1]:8000", "b"]);
  });

  test.each([
    ["a", /^\[name=\]host:port/],
    ["a:", /port/],
    ["a:0", /port/],
    ["a:65536", /port/],
    ["a:123456", /port/],
    ["a:08000", /port/],
    ["a:x", /port/],
    [":8000", /host:port/],
    ["10.0.0.256:1", /host:port/],
    ["10.0.0:1", /host:port/],
    ["-a:1", /host:port/],
    ["a..b:1", /host:port/],
    [`${"a".repeat(64)}:1`, /host:port/],
    ["[10.0.0.1]:1", /host:port/],
    ["[a]:1", /host:port/],
    ["[fe80::1%eth0]:1", /host:port/],
    ["a b:1", /host:port/],
    ["=a:1", /a name of/],
    ["a b=c:1", /a name of/],
  ])("refuses %j", (text, expected) => {
    expect(faultsOf(text)).toEqual([
      expect.objectContaining({
        path: "--pods[0]",
        expected: expect.stringMatching(expected),
        got: quoted(text),
      }),
    ]);
  });

  test.each([
    ["http://vllm:8000/metrics", "vllm:8000"],
    ["a=https://10.0.0.1:8000", "10.0.0.1:8000"],
    ["fe80::1:8000", "[fe80::1]:8000"],
  ])("hints at what %j probably means", (text, hint) => {
    expect(faultsOf(text)[0]?.hint).toBe(hint);
  });

  test("gives no hint where it has none", () => {
    expect(faultsOf("a")[0]).not.toHaveProperty("hint");
  });

  test.each([[""], [" "]])("refuses the empty list %j", (text) => {
    expect(faultsOf(text)).toEqual([{ path: "--pods", expected: "at least one host:port", got: "nothing" }]);
  });

  test("reports every fault under its place in the list", () => {
    expect(faultsOf("a:1,,b:x,c:1,c:2:").map((fault) => fault.path)).toEqual(["--pods[1]", "--pods[2]", "--pods[4]"]);
  });

  test("names the option it was given", () => {
    expect(parsePodList("a", "pods")).toMatchObject({ faults: [{ path: "pods[0]" }] });
  });

  test("refuses the same address twice, however it is written", () => {
    expect(faultsOf("a=[::1]:1,b=[0:0::1]:1")).toEqual([expect.objectContaining({ path: "--pods[1]" })]);
    expect(faultsOf("a=host:1,b=HOST:1")).toEqual([expect.objectContaining({ path: "--pods[1]" })]);
    expect(faultsOf("a=host:1,b=host:2")).toEqual([]);
  });

  test("refuses the same name twice", () => {
    expect(faultsOf("a=host:1,a=host:2")[0]?.expected).toMatch(/a name that is not/);
  });
});

/** Runs the sources of a list over a name server of which each name's answer may change. */
function run(text: string, known: Record<string, readonly string[] | Error | string> = {}) {
  const names = new Map(Object.entries(known));
  const told: string[] = [];
  const published = new Map<string, readonly PodSpec[]>();
  const asked: string[] = [];
  const lookup: Lookup = async (host) => {
    asked.push(host);
    const answer = names.get(host) ?? new Error("ENOTFOUND");
    if (answer instanceof Error || typeof answer === "string") throw answer;
    return answer;
  };
  const sources = staticSources(entriesOf(text), { lookup });
  const start = (source: PodSource) =>
    source.start({
      publish: (pods) => {
        published.set(source.name, pods);
        told.push(`publish ${pods.map(({ address }) => address).join(" ")}`);
      },
      confirm: () => told.push("confirm"),
      fail: (problem) => told.push(`fail ${problem}`),
    });
  return { sources, started: Promise.all(sources.map(start)), published, told, asked, names };
}

describe("staticSources", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("makes one source of all addresses, in Envoy's form, which asks nothing and never grows old", async () => {
    const { sources, started, published, asked } = run("a=10.0.0.1:80,[0:0::1]:80");
    await started;
    expect([...published]).toEqual([
      [
        "list of addresses",
        [
          { name: "a", address: "10.0.0.1:80" },
          { name: "[0:0::1]:80", address: "[::1]:80" },
        ],
      ],
    ]);
    expect(sources.map(({ perishable }) => perishable)).toEqual([false]);
    expect(asked).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("makes one source of each host name, and publishes addresses before names are resolved", async () => {
    const { sources, started, told } = run("10.0.0.1:80,vllm:80,web:81", { vllm: ["10.0.0.2"], web: ["10.0.0.3"] });
    expect(told).toEqual(["publish 10.0.0.1:80"]);
    await started;
    expect(sources.map(({ name }) => name)).toEqual(["list of addresses", "host vllm:80", "host web:81"]);
    expect(sources.map(({ perishable }) => perishable)).toEqual([false, true, true]);
    expect(told.slice(1)).toEqual(["publish 10.0.0.2:80", "publish 10.0.0.3:81"]);
  });

  test("makes one pod of each address of a name, the same one whether or not there are others", async () => {
    const { started, published, names } = run("web=vllm:80", { vllm: ["10.0.0.2"] });
    await started;
    const one = { address: "10.0.0.2:80", uid: "web@10.0.0.2:80" };
    const other = { name: "web@[fd00::2]:80", address: "[fd00::2]:80", uid: "web@[fd00::2]:80" };
    expect(published.get("host vllm:80")).toEqual([{ name: "web", ...one }]);
    names.set("vllm", ["10.0.0.2", "fd00::2"]);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(published.get("host vllm:80")).toEqual([{ name: "web@10.0.0.2:80", ...one }, other]);
  });

  test("resolves names anew every 15 seconds, and confirms what stays", async () => {
    const { started, names, told, asked } = run("vllm:80", { vllm: ["10.0.0.2"] });
    await started;
    await vi.advanceTimersByTimeAsync(14_999);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    names.set("vllm", ["10.0.0.3"]);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(told).toEqual(["publish 10.0.0.2:80", "confirm", "publish 10.0.0.3:80"]);
    expect(asked).toHaveLength(3);
  });

  test("tells a failing name at each try, every 5 seconds, and leaves the others alone", async () => {
    const { started, names, told } = run("a:80,b:80", { a: new Error("SERVFAIL"), b: ["10.0.0.2"] });
    await started;
    expect(told.sort()).toEqual(["fail a does not resolve: SERVFAIL", "publish 10.0.0.2:80"]);
    names.set("a", "lost");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told.slice(2)).toEqual(["fail a does not resolve: lost"]);
    names.set("a", ["10.0.0.1"]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told.slice(3)).toEqual(["publish 10.0.0.1:80"]);
  });

  test("takes a name without an address that Envoy understands as failing", async () => {
    const { started, told } = run("a:80,b:80", { a: [], b: ["fe80::1%eth0"] });
    await started;
    expect(told).toEqual(["fail a does not resolve: no addresses", "fail b does not resolve: no addresses"]);
  });

  test("sets no timer once it is stopped, also in the middle of a lookup", async () => {
    const { sources, started, told } = run("a:80,b:80", { a: ["10.0.0.1"] });
    for (const source of sources) source.stop();
    await started;
    expect(told).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("asks the system's resolver by default", async () => {
    const [source] = staticSources(entriesOf("localhost:80"));
    const published: PodSpec[] = [];
    await source?.start({
      publish: (pods) => published.push(...pods),
      confirm: () => undefined,
      fail: (problem) => expect.fail(problem),
    });
    source?.stop();
    expect(published.map((pod) => pod.address)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^(127\.0\.0\.1|\[::1\]):80$/)]),
    );
  });
});
