import { expect, test } from "vitest";
import { SourceMaker } from "../../src/build-sources.ts";
import { readSettings } from "../../src/config/load-settings.ts";
import { type PoolConfig, poolConfig, type SourceConfig } from "../../src/config/pool-config.ts";

const { config } = readSettings({ args: ["--pods=10.0.0.1:80"], env: {} }, { check: () => [] }).settings;
const file = (path: string): SourceConfig => ({ kind: "file", path });
const pool = (name: string, ...sources: SourceConfig[]): PoolConfig => poolConfig(name, sources, config);

function maker(): SourceMaker {
  const unused = () => undefined;
  return new SourceMaker({ relistMs: 1000, dnsServers: [], onSkipped: unused });
}

test("SourceMaker makes a source once for as long as the pool names it", async () => {
  const sources = maker();
  const [first, second] = await sources.make([pool("p", file("/a"), file("/b"))]);
  const [again, other] = await sources.make([pool("p", file("/b"), file("/c"))]);
  expect(again?.source).toBe(second?.source);
  expect(other?.source.name).toBe("file /c");
  const [back] = await sources.make([pool("p", file("/a"))]);
  expect(back?.source).not.toBe(first?.source);
});

test("SourceMaker gives a pool no source twice, and two pools each its own", async () => {
  const made = await maker().make([pool("p", file("/a"), file("/a")), pool("q", file("/a"))]);
  expect(made.map((each) => each.pool)).toEqual(["p", "q"]);
  expect(made[0]?.source).not.toBe(made[1]?.source);
});
