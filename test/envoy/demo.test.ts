import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import {
  descendants,
  listeningSockets,
  listeningStill,
  markOf,
  type ProcessMark,
  survivors,
} from "../support/process-tree.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const endings: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

/** A demo that was started, what it wrote so far, and every process it was seen to have. */
class StartedDemo {
  readonly child: ChildProcess;
  readonly seen = new Set<ProcessMark>();
  readonly sockets = new Set<number>();
  readonly exited: Promise<[number | null, NodeJS.Signals | null]>;
  output = "";

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    // The channel is what bootstrap.mjs opens.
    const stdio = ["ignore", "pipe", "pipe", "ipc"] as const;
    this.child = spawn(process.execPath, [main, "demo", ...args], {
      stdio: [...stdio],
      env: { ...process.env, ...env },
    });
    for (const stream of this.#streams())
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
    // Not "close", which does not come after a disconnect().
    const ends = [once(this.child, "exit"), ...this.#streams().map((stream) => once(stream, "close"))];
    this.exited = Promise.all(ends).then(([exit]) => exit as [number | null, NodeJS.Signals | null]);
    const watch = setInterval(() => this.look(), 50);
    endings.push(async () => {
      clearInterval(watch);
      this.child.kill("SIGKILL");
      await this.exited;
    });
  }

  #streams(): Readable[] {
    return [this.child.stdout, this.child.stderr].filter((stream) => stream !== null);
  }

  look(): void {
    const pid = this.child.pid ?? 0;
    for (const each of [pid, ...descendants(pid)]) {
      const mark = markOf(each);
      if (mark !== undefined) this.seen.add(mark);
    }
  }

  /** Until round robin's first progress line: everything is started by then. */
  async underWay(): Promise<void> {
    while (!this.output.includes("round robin: ")) {
      if (this.child.exitCode !== null) throw new Error(`the demo ended early:\n${this.output}`);
      await delay(20);
    }
    this.look();
    const pids = [...this.seen].map((mark) => Number.parseInt(mark, 10));
    for (const socket of listeningSockets(pids)) this.sockets.add(socket);
  }

  async expectNothingLeft(): Promise<void> {
    expect(await survivors(this.seen)).toEqual([]);
    expect(await listeningStill(this.sockets)).toEqual([]);
  }
}

const short = ["--requests", "40", "--speed", "4"];

test("demo --requests compares both fleets, exits 0 and leaves nothing behind", async () => {
  const demo = new StartedDemo(short);
  await demo.underWay();
  expect(await demo.exited).toEqual([0, null]);
  expect(demo.output).toMatch(/through Envoy \d+\.\d+\.\d+,/);
  expect(demo.output).toMatch(/^ {2}round robin +40 of 40 .* \d+ %$/m);
  expect(demo.output).toMatch(/^ {2}pointsman +40 of 40 .* \d+ %$/m);
  expect(demo.output).toMatch(/picks per pod: round robin 10\/10\/10\/10, pointsman \d+\/\d+\/\d+\/\d+$/m);
  expect(demo.output).toContain("Behind the picker the first token came after");
  await demo.expectNothingLeft();
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("demo leaves nothing behind after %s in the middle", async (signal, exitCode) => {
  const demo = new StartedDemo(short);
  await demo.underWay();
  // Guard, picker and two Envoys, beside the demo itself; four pods a fleet, two ports per Envoy, four of the picker.
  expect(demo.seen.size).toBeGreaterThanOrEqual(5);
  expect(demo.sockets.size).toBeGreaterThanOrEqual(16);
  demo.child.kill(signal);
  expect(await demo.exited).toEqual([exitCode, null]);
  await demo.expectNothingLeft();
});

test("demo leaves nothing behind after kill -9", async () => {
  const demo = new StartedDemo(short);
  await demo.underWay();
  expect(demo.sockets.size).toBeGreaterThanOrEqual(16);
  demo.child.kill("SIGKILL");
  expect(await demo.exited).toEqual([null, "SIGKILL"]);
  await demo.expectNothingLeft();
});

test("demo ends with the bootstrap process that started it", async () => {
  const demo = new StartedDemo(short);
  await demo.underWay();
  demo.child.disconnect();
  expect(await demo.exited).toEqual([129, null]);
  await demo.expectNothingLeft();
});

test("demo shows the last words of an Envoy that does not start, and leaves nothing behind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-test-"));
  endings.push(() => rm(folder, { recursive: true, force: true }));
  const envoy = join(folder, "envoy");
  const script = [
    "#!/bin/sh",
    'if [ "$1" = --version ]; then echo "envoy  version: 0/9.9.9/Clean/RELEASE/BoringSSL"; exit; fi',
    "echo 'first cause' >&2",
    "echo 'address already in use' >&2",
    "exit 1",
  ];
  await writeFile(envoy, `${script.join("\n")}\n`);
  await chmod(envoy, 0o755);
  const demo = new StartedDemo(short, { POINTSMAN_ENVOY: envoy, TMPDIR: folder });
  expect(await demo.exited).toEqual([1, null]);
  expect(demo.output).toContain("Envoy did not start: it ended with code 1\n  first cause\n  address already in use");
  await demo.expectNothingLeft();
  expect((await readdir(folder)).filter((name) => name.startsWith("pointsman-envoy"))).toEqual([]);
});

test("demo says in words that it has no Envoy", async () => {
  const demo = new StartedDemo(short, { POINTSMAN_ENVOY: "/nowhere/envoy" });
  expect(await demo.exited).toEqual([1, null]);
  expect(demo.output).toContain("POINTSMAN_ENVOY=/nowhere/envoy cannot be run");
  expect(demo.output).not.toContain("    at ");
  await demo.expectNothingLeft();
});
