import { expect, test } from "vitest";
import { addressRecord, DnsServerDouble } from "../support/dns-server.ts";
import { exampleCommands, exampleWith } from "../support/example-commands.ts";
import { startPicker } from "../support/picker-process.ts";

/** Pods by pool, of a picker that was started with the flags. */
async function poolsOf(flags: readonly string[]): Promise<Record<string, number>> {
  const picker = await startPicker(flags);
  try {
    const pools = ["default", "small", "large"];
    const sizes = await Promise.all(pools.map((pool) => picker.metric("pointsman_pool_pods", { pool })));
    expect(await picker.readiness()).toMatch(/^(picking from|no usable pod: all) \d /);
    return Object.fromEntries(pools.map((pool, i) => [pool, sizes[i] ?? 0] as const).filter(([, size]) => size > 0));
  } finally {
    await picker.kill();
  }
}

test.each([
  ["--pods", { default: 2 }],
  ["--pods-file", { default: 2 }],
  ["--config-file", { small: 1, large: 1 }],
])("the example of %s runs as it stands", async (flag, expected) => {
  expect(await poolsOf(exampleWith(flag))).toEqual(expected);
});

test("the Go picker's file of pods means the same as ours", async () => {
  expect(await poolsOf(["--pods-file", "deploy/pods/go-picker.yaml"])).toEqual({ default: 2 });
});

test("the example of --pods-dns runs as it stands, given a name server that knows the name", async () => {
  const server = await DnsServerDouble.start();
  const name = "vllm.example.com";
  server.records = [addressRecord(name, "10.0.0.1"), addressRecord(name, "10.0.0.2"), addressRecord(name, "10.0.0.3")];
  try {
    const { address, port } = server.place;
    expect(await poolsOf([...exampleWith("--pods-dns"), `--dns-servers=${address}:${port}`])).toEqual({ default: 3 });
  } finally {
    await server.stop();
  }
});

test("there is an example of every source of pods", () => {
  const flags = exampleCommands.map(([flag]) => flag);
  expect(flags).toEqual([
    "--pods",
    "--pods-file",
    "--pods-dns",
    "--inference-pool",
    "--endpoint-selector",
    "--pods-service",
    "--pods-aibrix",
    "--config-file",
  ]);
});
