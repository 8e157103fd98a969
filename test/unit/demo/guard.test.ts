import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";

const started: number[] = [];

afterEach(() => {
  for (const pid of started.splice(0)) {
    if (isAlive(pid)) process.kill(pid, "SIGKILL");
  }
});

/** A zombie that nobody collects counts as dead. */
function isAlive(pid: number): boolean {
  try {
    const state = execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
    return !state.trim().startsWith("Z");
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await delay(10);
}

const guardUrl = new URL("../../../src/demo/guard.ts", import.meta.url).href;

/** A process that guards children, as the demo does; resolves with the pids it prints. */
async function startParent(script: string) {
  const code = `
    import { spawn } from "node:child_process";
    import { startGuard } from ${JSON.stringify(guardUrl)};
    const sleeper = (detached) => spawn("sleep", ["1000"], { stdio: "ignore", detached });
    const guard = startGuard();
    ${script}`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", code], {
    cwd: fileURLToPath(new URL("../../..", import.meta.url)),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(parent, "exit");
  const [line] = await once(createInterface(parent.stdout), "line");
  const pids = JSON.parse(String(line)) as { guard: number; near: number; far: number };
  started.push(pids.near, pids.far);
  return { ...pids, kill: (signal: NodeJS.Signals) => parent.kill(signal), exited };
}

const addTwo = `
  const near = sleeper(false), far = sleeper(true);
  guard.add(near.pid); guard.add(far.pid);`;
const report = `
  console.log(JSON.stringify({ guard: guard.pid, near: near.pid, far: far.pid }));`;
const guardTwo = addTwo + report;

describe("startGuard", () => {
  test("ends every child, also one in a session of its own, when the parent is killed outright", async () => {
    const parent = await startParent(guardTwo);
    expect([isAlive(parent.near), isAlive(parent.far)]).toEqual([true, true]);
    parent.kill("SIGKILL");
    await Promise.all([gone(parent.near), gone(parent.far), gone(parent.guard)]);
  });

  test("survives the Ctrl-C and the hang-up that end the parent", async () => {
    const parent = await startParent(guardTwo);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(parent.guard, signal);
    parent.kill("SIGKILL");
    await Promise.all([gone(parent.near), gone(parent.far), gone(parent.guard)]);
  });

  test("leaves alone a child that was removed", async () => {
    const parent = await startParent(`${addTwo} guard.remove(near.pid); ${report}`);
    parent.kill("SIGKILL");
    await Promise.all([gone(parent.far), gone(parent.guard)]);
    expect(isAlive(parent.near)).toBe(true);
  });

  test("goes without touching anybody after stop", async () => {
    const parent = await startParent(`${guardTwo} near.unref(); far.unref(); await guard.stop();`);
    const [code] = await parent.exited;
    expect(code).toBe(0);
    await gone(parent.guard);
    expect([isAlive(parent.near), isAlive(parent.far)]).toEqual([true, true]);
  });

  test("does not keep its parent from ending", async () => {
    const parent = await startParent(`${guardTwo} near.unref(); far.unref();`);
    const [code] = await parent.exited;
    expect(code).toBe(0);
    await Promise.all([gone(parent.near), gone(parent.far)]);
  });
});
