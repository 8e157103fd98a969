import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { PodSpec } from "../../../src/pods/pod-table.ts";
import { type Lookup, parsePodList, StaticPods } from "../../../src/pods/static-pods.ts";

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
        got: JSON.stringify(text),
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

/** Runs a source over a name server of which each name's answer may change. */
function run(text: string, known: Record<string, readonly string[] | Error | string> = {}) {
  const names = new Map(Object.entries(known));
  const published: (readonly PodSpec[])[] = [];
  const failures: string[] = [];
  const asked: string[] = [];
  const lookup: Lookup = async (host) => {
    asked.push(host);
    const answer = names.get(host) ?? new Error("ENOTFOUND");
    if (answer instanceof Error || typeof answer === "string") throw answer;
    return answer;
  };
  const source = new StaticPods(entriesOf(text), { lookup, onFailure: ({ message }) => failures.push(message) });
  const started = source.start((pods) => published.push(pods));
  const addresses = () => published.at(-1)?.map((pod) => pod.address);
  return { source, started, published, failures, asked, names, addresses };
}

describe("StaticPods", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("publishes addresses in Envoy's form without asking DNS, and sets no timer", async () => {
    const { started, published, asked } = run("a=10.0.0.1:80,[0:0::1]:80");
    await started;
    expect(published).toEqual([
      [
        { name: "a", address: "10.0.0.1:80" },
        { name: "[0:0::1]:80", address: "[::1]:80" },
      ],
    ]);
    expect(asked).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("publishes addresses before names are resolved", async () => {
    const { started, published } = run("10.0.0.1:80,vllm:80", { vllm: ["10.0.0.2"] });
    expect(published).toHaveLength(1);
    await started;
    expect(published.at(-1)).toEqual([
      { name: "10.0.0.1:80", address: "10.0.0.1:80" },
      { name: "vllm:80", address: "10.0.0.2:80" },
    ]);
  });

  test("makes one pod of each address of a name", async () => {
    const { started, published } = run("web=vllm:80", { vllm: ["10.0.0.2", "fd00::2"] });
    await started;
    expect(published).toEqual([
      [
        { name: "web@10.0.0.2:80", address: "10.0.0.2:80" },
        { name: "web@[fd00::2]:80", address: "[fd00::2]:80" },
      ],
    ]);
  });

  test("resolves names anew every 30 seconds", async () => {
    const { started, names, addresses, asked } = run("vllm:80", { vllm: ["10.0.0.2"] });
    await started;
    names.set("vllm", ["10.0.0.3"]);
    await vi.advanceTimersByTimeAsync(29_999);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(addresses()).toEqual(["10.0.0.3:80"]);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(asked).toHaveLength(3);
  });

  test("keeps the last addresses of a name that fails, and follows the others", async () => {
    const { started, names, addresses } = run("a:80,b:80", { a: ["10.0.0.1"], b: ["10.0.0.2"] });
    await started;
    names.set("a", new Error("SERVFAIL"));
    names.set("b", ["10.0.0.3"]);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(addresses()).toEqual(["10.0.0.1:80", "10.0.0.3:80"]);
  });

  test("reports a failing name once until it resolves again, and asks it again after 5 seconds", async () => {
    const { started, names, failures, published, addresses } = run("a:80", { a: new Error("SERVFAIL") });
    await started;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(failures).toEqual(["a does not resolve: SERVFAIL"]);
    expect(published).toEqual([]);
    names.set("a", ["10.0.0.1"]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(addresses()).toEqual(["10.0.0.1:80"]);
    names.set("a", "lost");
    await vi.advanceTimersByTimeAsync(30_000);
    expect(failures.at(-1)).toBe("a does not resolve: lost");
    expect(failures).toHaveLength(2);
  });

  test("takes a name without an address that Envoy understands as failing", async () => {
    const { started, failures, published } = run("a:80,b:80", { a: [], b: ["fe80::1%eth0"] });
    await started;
    expect(failures).toEqual(["a does not resolve: no addresses", "b does not resolve: no addresses"]);
    expect(published).toEqual([]);
  });

  test("stops asking and reporting once stopped, also in the middle of a lookup", async () => {
    const { source, started, published, failures } = run("a:80,b:80", { a: ["10.0.0.1"] });
    source.stop();
    await started;
    expect(published).toEqual([]);
    expect(failures).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("stops the timer between two lookups", async () => {
    const { source, started, asked } = run("a:80", { a: ["10.0.0.1"] });
    await started;
    source.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(1);
  });

  test("asks the system's resolver by default", async () => {
    const source = new StaticPods(entriesOf("localhost:80"), { onFailure: () => undefined });
    const published: PodSpec[] = [];
    await source.start((pods) => published.push(...pods));
    source.stop();
    expect(published.map((pod) => pod.address)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^(127\.0\.0\.1|\[::1\]):80$/)]),
    );
  });
});
