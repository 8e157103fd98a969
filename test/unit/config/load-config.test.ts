import { expect, test } from "vitest";
import { loadConfig, strayNames } from "../../../src/config/load-config.ts";
import { serveOptions } from "../../../src/config/options.ts";
import { ConfigError } from "../../../src/errors.ts";

const load = (args: string[], env = {}) => loadConfig(serveOptions, args, env);

function faultsOf(args: string[], env = {}): string[] {
  try {
    load(args, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}

test("loadConfig gives the defaults when nothing is set", () => {
  expect(load([])).toMatchObject({ grpcPort: 9002, secureServing: true, bodyLimitBytes: 33_554_432, verbosity: 2 });
});

test.each([
  ["--flag value", ["--grpc-port", "7"]],
  ["--flag=value", ["--grpc-port=7"]],
  ["-flag=value", ["-grpc-port=7"]],
])("loadConfig reads %s", (_, args) => {
  expect(load(args).grpcPort).toBe(7);
});

test.each([
  [["--secure-serving=false"], false],
  [["--secure-serving"], true],
  ...["0", "f", "F", "false", "False", "FALSE"].map((word): [string[], boolean] => [
    [`--secure-serving=${word}`],
    false,
  ]),
  ...["1", "t", "T", "true", "True", "TRUE"].map((word): [string[], boolean] => [[`--secure-serving=${word}`], true]),
  [["--secure-serving", "false"], false],
  [["--secure-serving", "true", "--grpc-port", "7"], true],
  [["--secure-serving", "--tls-only"], true],
])("loadConfig reads a flag that may stand alone: %j", (args, expected) => {
  expect(load(args).secureServing).toBe(expected);
});

test.each(["fALSE", "no", "", "yes", "2"])("loadConfig refuses the switch %j", (word) => {
  expect(faultsOf([`--secure-serving=${word}`])).toEqual([
    `--secure-serving: expected true or false, got ${JSON.stringify(word)}`,
  ]);
});

test("loadConfig takes no other word for the value of a flag that may stand alone", () => {
  expect(faultsOf(["--secure-serving", "perhaps"])).toEqual([
    '"perhaps": expected a flag, got a word that belongs to none',
  ]);
  const flags = ["--model-server-metrics-https-insecure-skip-verify", "auto", "--grpc-port=7"];
  expect(load(flags)).toMatchObject({ modelServerInsecure: "auto", grpcPort: 7 });
});

test.each([
  ["--body-limit=64MB", "64M"],
  ["--body-limit=64 mib", "64Mi"],
  ["--body-limit=64k", "64K"],
  ["--body-limit=8b", "8"],
  ["--drain-timeout=30", "30ms"],
  ["--scrape-timeout=1", "1s"],
  ["-v=debug", "4"],
  ["-v=WARN", "1"],
])("loadConfig says what %s was probably meant as: %s", (arg, meant) => {
  expect(faultsOf([arg])).toEqual([expect.stringMatching(` \\(did you mean ${meant}\\?\\)$`)]);
});

test.each(["--body-limit=64TB", "--body-limit=0MB", "--body-limit=MB", "-v=loud", "--drain-timeout=1.2.3"])(
  "loadConfig guesses nothing for %s",
  (arg) => {
    expect(faultsOf([arg])).toEqual([expect.not.stringContaining("did you mean")]);
  },
);

test.each([["-v", "4"], ["-v=4"], ["--v=4"]])("loadConfig reads the verbosity from %s %s", (...args) => {
  expect(load(args.filter((arg) => arg !== undefined)).verbosity).toBe(4);
});

test("loadConfig takes the environment where no flag is given", () => {
  const env = { POINTSMAN_GRPC_PORT: "8", POINTSMAN_METRICS_PORT: "9", POINTSMAN_VERBOSITY: "5" };
  expect(load(["--grpc-port=7"], env)).toMatchObject({ grpcPort: 7, metricsPort: 9, verbosity: 5 });
});

test.each([
  ["--drain-timeout", "1m30s", "drainTimeoutMs", 90_000],
  ["--drain-timeout", "1.5s", "drainTimeoutMs", 1500],
  ["--drain-timeout", "0", "drainTimeoutMs", 0],
  ["--body-limit", "20Mi", "bodyLimitBytes", 20 * 1024 * 1024],
  ["--body-limit", "5M", "bodyLimitBytes", 5_000_000],
  ["--body-limit", "77", "bodyLimitBytes", 77],
])("loadConfig reads %s %s", (flag, value, name, expected) => {
  expect(load([flag, value])).toHaveProperty(name, expected);
});

test("loadConfig lists every fault with path, expectation and what it got", () => {
  const args = ["--grpc-port", "99999", "--body-limit=lots", "--grcp-port=1", "stray", "--transport=fast", "--pods"];
  expect(faultsOf(args, { POINTSMAN_DRAIN_DELAY: "soon" })).toEqual([
    "--grcp-port: expected a flag that --help lists, got an unknown one (did you mean --grpc-port?)",
    '"stray": expected a flag, got a word that belongs to none',
    "--pods: expected a list host:port,host:port, got nothing",
    '--grpc-port: expected an integer 0..65535, got "99999"',
    '--body-limit: expected a size in bytes >= 1 such as 512Ki, 32Mi or 1Gi, got "lots"',
    '--transport: expected one of direct, plain, got "fast"',
    'POINTSMAN_DRAIN_DELAY: expected a duration 0ms..24h such as 50ms, 2s or 1m30s, got "soon"',
  ]);
});

test.each([
  [
    "10.0.0.1,10.0.0.2:5353",
    [
      { address: "10.0.0.1", port: 53 },
      { address: "10.0.0.2", port: 5353 },
    ],
  ],
  [
    "::1, [fd00::1]:54",
    [
      { address: "::1", port: 53 },
      { address: "fd00::1", port: 54 },
    ],
  ],
])("loadConfig reads the addresses %s", (text, expected) => {
  expect(load([`--dns-servers=${text}`]).dnsServers).toEqual(expected);
});

test.each(["", "ns1", "10.0.0.1:0", "10.0.0.1:70000", "[10.0.0.1]:53", "10.0.0.1,,10.0.0.2"])(
  "loadConfig refuses the addresses %j",
  (text) => {
    expect(faultsOf([`--dns-servers=${text}`])).toEqual([
      `--dns-servers: expected IP addresses with commas, each with or without :port, got ${JSON.stringify(text)}`,
    ]);
  },
);

test.each([
  ["X-Model, model", ["x-model", "model"]],
  ["", []],
])("loadConfig reads the names of headers %j", (text, expected) => {
  expect(load([`--model-headers=${text}`]).modelHeaders).toEqual(expected);
});

test.each(["a,,b", "a b", ":path", "modèle"])("loadConfig refuses the names of headers %j", (text) => {
  expect(faultsOf([`--model-headers=${text}`])).toEqual([
    `--model-headers: expected names of headers with commas, got ${JSON.stringify(text)}`,
  ]);
});

test("loadConfig counts an unknown flag's value as no fault of its own and guesses no far-off name", () => {
  expect(faultsOf(["--zzz", "value"])).toEqual(["--zzz: expected a flag that --help lists, got an unknown one"]);
});

test.each([
  ["--bind-address=localhost", '--bind-address: expected an IP address, got "localhost"'],
  ["--admin-address=1.2.3", '--admin-address: expected an IP address, got "1.2.3"'],
  [
    "--model-server-metrics-path=metrics",
    '--model-server-metrics-path: expected a path that starts with "/", got "metrics"',
  ],
  ["--drain-delay=25h", '--drain-delay: expected a duration 0ms..24h such as 50ms, 2s or 1m30s, got "25h"'],
  ["--scrape-timeout=9ms", '--scrape-timeout: expected a duration 10ms..24h such as 50ms, 2s or 1m30s, got "9ms"'],
])("loadConfig refuses %s in one sentence", (arg, sentence) => {
  expect(faultsOf([arg])).toEqual([sentence]);
});

test("loadConfig takes IPv6 addresses and the longest duration", () => {
  expect(load(["--bind-address=::", "--drain-timeout=24h"])).toMatchObject({
    bindAddress: "::",
    drainTimeoutMs: 86_400_000,
  });
});

test("loadConfig takes no flag for the value of the flag before it", () => {
  expect(faultsOf(["--grpc-socket", "--tls-only"])).toEqual(["--grpc-socket: expected a path, got nothing"]);
});

test("strayNames tells names in the environment that may be meant as an option's", () => {
  const env = {
    POINTSMAN_GRPC_PRT: "9",
    POINTSMAN_GRPC_PORT: "9002",
    POINTSMAN_PORT: "tcp://10.0.0.1:9002",
    POINTSMAN_SERVICE_PORT_GRPC: "9002",
    POINTSMAN_QQQQQQQQQQ: "1",
    // Near to POINTSMAN_PODS only by what all of them begin with.
    POINTSMAN_NOPE: "1",
    GRPC_PRT: "1",
  };
  expect(strayNames(serveOptions, env)).toEqual([{ name: "POINTSMAN_GRPC_PRT", meant: "POINTSMAN_GRPC_PORT" }]);
});
