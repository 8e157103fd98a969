import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { serveOptions } from "../../src/config/options.ts";

const run = promisify(execFile);
const deploy = (file: string) => fileURLToPath(new URL(`../../deploy/${file}`, import.meta.url));
const unit = readFileSync(deploy("systemd/pointsman.service"), "utf8");

function settingOf(key: string): string {
  const value = new RegExp(`^${key}=(.+)$`, "m").exec(unit)?.[1];
  if (value === undefined) throw new Error(`the unit has no ${key}`);
  return value;
}

describe("deploy/systemd/pointsman.service", () => {
  test("leaves a drain more time than it takes at most", () => {
    expect(Number(settingOf("TimeoutStopSec")) * 1000).toBeGreaterThan(serveOptions.drainTimeoutMs.default);
  });

  test("does not start again with what the picker calls a wrong config", async () => {
    const program = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
    const [, ...args] = settingOf("ExecStart")
      .replace(/\S+\.yaml$/, deploy("no-such.yaml"))
      .split(" ");
    const ended = run(process.execPath, [program, ...args]);
    await expect(ended).rejects.toMatchObject({ code: Number(settingOf("RestartPreventExitStatus")) });
  });

  /** Of systemd itself, where the machine has it; it also wants the program to be there, which it is not. */
  test("has no key that systemd does not know", async () => {
    const { stderr } = await run("systemd-analyze", ["verify", deploy("systemd/pointsman.service")]).catch(
      (error: { stderr?: string }) => ({ stderr: error.stderr ?? "" }),
    );
    expect(stderr).not.toMatch(/unknown|failed to parse|invalid|ignoring/i);
  });
});
