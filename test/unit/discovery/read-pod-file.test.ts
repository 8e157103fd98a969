import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { POD_FILE_LIMIT_BYTES, parsePodFile, podFileFaults } from "../../../src/discovery/read-pod-file.ts";
import { describeFault } from "../../../src/errors.ts";

function podsOf(text: string) {
  const content = parsePodFile(Buffer.from(text), "pods.yaml");
  return "pods" in content ? content.pods : content.faults.map(describeFault);
}

function faultsOf(text: string | Buffer) {
  const content = parsePodFile(Buffer.from(text), "pods.yaml");
  return "faults" in content ? content.faults.map(describeFault) : [];
}

describe("parsePodFile reads", () => {
  test("the Go picker's form, with ports as text or numbers", () => {
    const text = [
      "endpoints:",
      '- {name: pod-1, address: 127.0.0.1, port: "8001"}',
      "- name: pod-2",
      "  namespace: prod",
      "  address: 127.0.0.1",
      "  port: 8002",
      "  labels: {role: decode}",
      "- {name: pod-2, address: FD00::0:2, port: 8002}",
      "- {name: pod-3, address: '[fd00::3]', port: 8002}",
    ].join("\n");
    expect(podsOf(text)).toEqual([
      { name: "pod-1", address: "127.0.0.1:8001" },
      { name: "pod-2", address: "127.0.0.1:8002", uid: "prod/pod-2", labels: { role: "decode" } },
      { name: "pod-2", address: "[fd00::2]:8002" },
      { name: "pod-3", address: "[fd00::3]:8002" },
    ]);
  });

  const ours = [
    "10.0.0.1:80",
    '"[0:0::1]:80"',
    "b=10.0.0.2:80",
    "{address: 10.0.0.3:80}",
    "{name: d, address: '[::4]:80', labels: {zone: a}}",
    "{name: e, address: '::5', port: 80}",
  ];
  const oursRead = [
    { name: "10.0.0.1:80", address: "10.0.0.1:80" },
    { name: "[0:0::1]:80", address: "[::1]:80" },
    { name: "b", address: "10.0.0.2:80" },
    { name: "10.0.0.3:80", address: "10.0.0.3:80" },
    { name: "d", address: "[::4]:80", labels: { zone: "a" } },
    { name: "e", address: "[::5]:80" },
  ];
  test.each([
    ["under a key", `pods: [${ours.join(", ")}]`],
    ["as a bare list", ours.map((pod) => `- ${pod}\n`).join("")],
    ["with Windows' line ends and a byte order mark", `\uFEFFpods:\r\n${ours.map((pod) => `- ${pod}\r\n`).join("")}`],
  ])("our own form %s", (_case, text) => {
    expect(podsOf(text)).toEqual(oursRead);
  });

  test("JSON", () => {
    expect(podsOf('{"pods": ["a=1.1.1.1:1"]}')).toEqual([{ name: "a", address: "1.1.1.1:1" }]);
  });

  test("plain text with one pod a line", () => {
    const text = "# pods\n\n10.0.0.1:80\r\n  b=10.0.0.2:80 # the second\n[::1]:80\n";
    expect(podsOf(text)).toEqual([
      { name: "10.0.0.1:80", address: "10.0.0.1:80" },
      { name: "b", address: "10.0.0.2:80" },
      { name: "[::1]:80", address: "[::1]:80" },
    ]);
  });

  test("an alias, for labels that many pods share", () => {
    const text = "pods:\n- {address: 1.1.1.1:1, labels: &l {a: b}}\n- {address: 1.1.1.1:2, labels: *l}\n";
    expect(podsOf(text)).toEqual([
      expect.objectContaining({ labels: { a: "b" } }),
      expect.objectContaining({ labels: { a: "b" } }),
    ]);
  });

  test.each([["pods: []"], ["endpoints: []"], ["[]"], ["# none at present\npods: []\n"]])("no pods in %j", (text) => {
    expect(podsOf(text)).toEqual([]);
  });
});

describe("parsePodFile refuses", () => {
  const list = "a list of pods under the key pods or endpoints";
  const word = "[name=]address:port with an IPv4 address or an [IPv6 address]";
  test.each([
    ["", `pods.yaml:1:1: expected ${list}, got nothing`],
    ["\n# nothing\n", `pods.yaml:1:1: expected ${list}, got nothing`],
    ["pods:\n", "pods.yaml:1:6 pods: expected a list of pods, got nothing"],
    ["pods: {}", "pods.yaml:1:7 pods: expected a list of pods, got a mapping"],
    ["{}", `pods.yaml:1:1: expected ${list}, got a mapping`],
    ["10.0.0.1", `pods.yaml:1:1: expected ${list}, got "10.0.0.1"`],
    ["pods: []\nendpoints: []", "pods.yaml:2:12 endpoints: expected pods or endpoints, got both"],
    ["podz: []", 'pods.yaml:1:1 podz: expected one of pods, endpoints, got the key "podz" (did you mean pods?)'],
    ["pods: []\npods: []", 'pods.yaml:2:1 pods: expected each key once, got "pods" again'],
    ["pods: []\n---\npods: []", "pods.yaml:2:1: expected one document, got another one"],
    ["pods:\n- 1.1.1.1:1\n- [", /^pods\.yaml:3:4: expected valid YAML, got Flow sequence/],
    ["[".repeat(50_000), /^pods\.yaml:1:\d+: expected valid YAML, got /],
    [
      "pods: [vllm:80]",
      `pods.yaml:1:8 pods[0]: expected ${word}; host names go into --pods or --pods-dns, got "vllm:80"`,
    ],
    ["pods: [1.1.1.1]", `pods.yaml:1:8 pods[0]: expected ${word}, got "1.1.1.1"`],
    ["pods: [8000]", `pods.yaml:1:8 pods[0]: expected ${word}, or a mapping, got 8000`],
    [
      "- http://1.1.1.1:80/",
      `pods.yaml:1:3 [0]: expected ${word}, got "http://1.1.1.1:80/" (did you mean 1.1.1.1:80?)`,
    ],
    ["1.1.1.1:1\nvllm", `pods.yaml:2:1: expected ${word}, got "vllm"`],
    [
      "pods: [{name: a}]",
      "pods.yaml:1:8 pods[0].address: expected address:port, or an IP address with a port beside it, got nothing",
    ],
    [
      "pods: [{address: ::1:80}]",
      'pods.yaml:1:18 pods[0].address: expected address:port, or an IP address with a port beside it, got "::1:80"',
    ],
    [
      "pods: [{address: 1.1.1.1:1, address: 2.2.2.2:2}]",
      'pods.yaml:1:29 pods[0].address: expected each key once, got "address" again',
    ],
    [
      "pods: [1.1.1.1:1, a=1.1.1.1:1]",
      'pods.yaml:1:19 pods[1]: expected an address that no pod before it has, got "1.1.1.1:1"',
    ],
    [
      "10.0.0.1:80\n[::ffff:10.0.0.1]:80\n",
      'pods.yaml:2:1: expected an address that no pod before it has, got "10.0.0.1:80"',
    ],
    ["0.0.0.0:80\n", 'pods.yaml:1:1: expected an IP address that one pod can have, got "0.0.0.0:80"'],
    [
      "pods: [{address: '[::]:80'}]",
      'pods.yaml:1:18 pods[0].address: expected an IP address that one pod can have, got "[::]:80"',
    ],
    [
      "endpoints: [{name: a, address: 255.255.255.255, port: 1}]",
      'pods.yaml:1:32 endpoints[0].address: expected an IP address that one pod can have, got "255.255.255.255"',
    ],
    ["pods: [a=1.1.1.1:1, a=1.1.1.1:2]", 'pods.yaml:1:21 pods[1]: expected a name that no pod before it has, got "a"'],
    [
      "endpoints: [1.1.1.1:1]",
      'pods.yaml:1:13 endpoints[0]: expected a mapping with name, address and port, got "1.1.1.1:1"',
    ],
    [
      "endpoints: [{name: a, address: 1.1.1.1}]",
      "pods.yaml:1:13 endpoints[0].port: expected an integer 1..65535, got nothing",
    ],
    [
      "endpoints: [{name: a, address: vllm, port: 1}]",
      'pods.yaml:1:32 endpoints[0].address: expected an IP address, got "vllm"',
    ],
    [
      "endpoints: [{name: a, address: 1.1.1.1, port: 1.5}]",
      "pods.yaml:1:47 endpoints[0].port: expected an integer 1..65535, got 1.5",
    ],
    [
      "endpoints: [{name: a, address: 1.1.1.1, port: true}]",
      "pods.yaml:1:47 endpoints[0].port: expected an integer 1..65535, got true",
    ],
    [
      "endpoints: [{name: a b, address: 1.1.1.1, port: 1}]",
      'pods.yaml:1:20 endpoints[0].name: expected a name of letters, digits and _ . : / @ -, got "a b"',
    ],
    [
      "endpoints: [{name: 7, address: 1.1.1.1, port: 1}]",
      'pods.yaml:1:20 endpoints[0].name: expected a name of letters, digits and _ . : / @ -, got 7 (did you mean "7"?)',
    ],
    [
      "pods: [{address: 1.1.1.1:1, labels: [a]}]",
      "pods.yaml:1:37 pods[0].labels: expected a mapping of texts, got a list",
    ],
    [
      "pods: [{address: 1.1.1.1:1, labels: {v: 1.10}}]",
      'pods.yaml:1:41 pods[0].labels.v: expected text, got 1.10 (did you mean "1.10"?)',
    ],
    ["pods: [{address: 1.1.1.1:1, [a]: 1}]", "pods.yaml:1:29 pods[0]: expected a word as key, got a list"],
  ])("%j", (text, fault) => {
    expect(faultsOf(text).slice(0, 1)).toEqual([typeof fault === "string" ? fault : expect.stringMatching(fault)]);
  });

  test("every fault of a file at once, each at its place", () => {
    const text = [
      "endpoints:",
      '- {name: pod-1, address: 127.0.0.1, port: "8001"}',
      '- {name: pod-2, address: 127.0.0.1, port: "x"}',
      "- {name: pod-3, adress: 127.0.0.1, port: 1}",
    ].join("\n");
    expect(faultsOf(text)).toEqual([
      'pods.yaml:3:43 endpoints[1].port: expected an integer 1..65535, got "x"',
      'pods.yaml:4:17 endpoints[2].adress: expected one of name, namespace, address, port, labels, got the key "adress" (did you mean address?)',
      "pods.yaml:4:3 endpoints[2].address: expected an IP address, got nothing",
    ]);
  });

  test("what would drown the reader or the machine", () => {
    expect(faultsOf(`pods: [${"x, ".repeat(1_000)}]`)).toHaveLength(100);
    expect(faultsOf(`pods: [&a {address: 1.1.1.1:1}, ${"*a, ".repeat(101)}]`)).toContainEqual(
      expect.stringMatching(/expected at most 100 aliases, got more$/),
    );
    const labels = Array.from({ length: 101 }, (_, i) => `l${i}: x`).join(", ");
    expect(faultsOf(`pods: [{address: 1.1.1.1:1, labels: {${labels}}}]`)[0]).toMatch(/expected at most 100 labels/);
    expect(faultsOf(" ".repeat(POD_FILE_LIMIT_BYTES + 1))).toEqual([
      "pods.yaml: expected at most 1048576 bytes, got more",
    ]);
    expect(faultsOf(Buffer.from([0x70, 0xff]))).toEqual(["pods.yaml: expected text in UTF-8, got other bytes"]);
  });
});

describe("podFileFaults", () => {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-pods-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("tells the faults of the file as it is", () => {
    const path = join(folder, "faulty.yaml");
    writeFileSync(path, "pods: [x]");
    expect(podFileFaults(path)[0]?.path).toBe(`${path}:1:8 pods[0]`);
    writeFileSync(path, "pods: [1.1.1.1:1]");
    expect(podFileFaults(path)).toEqual([]);
  });

  test("has nothing against a file that is yet to come", () => {
    expect(podFileFaults(join(folder, "nowhere", "pods.yaml"))).toEqual([]);
  });

  test("refuses what is no file, and what is too large", () => {
    mkdirSync(join(folder, "folder"));
    const path = join(folder, "folder");
    const expected = `a file that can be read, at ${path}`;
    expect(podFileFaults(path)).toEqual([{ path: "--pods-file", expected, got: "something else" }]);
    const below = join(folder, "faulty.yaml", "pods.yaml");
    expect(podFileFaults(below, "pods")).toEqual([expect.objectContaining({ path: "pods", got: "ENOTDIR" })]);
    const large = join(folder, "large.yaml");
    writeFileSync(large, Buffer.alloc(POD_FILE_LIMIT_BYTES + 1, " "));
    expect(podFileFaults(large)[0]?.got).toBe("more");
  });
});
