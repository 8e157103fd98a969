import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { serveOptions } from "../../src/config/options.ts";

const run = promisify(execFile);
const deploy = (file: string) => fileURLToPath(new URL(`../../deploy/${file}`, import.meta.url));
const unit = readFileSync(deploy("systemd/pointsman.service"), "utf8");

const lacking = await run("systemd-analyze", ["--version"]).then(
  () => "",
  ({ message }: Error) => message,
);
if (lacking !== "") console.warn(`Skipped: the unit cannot be checked without systemd-analyze. ${lacking}`);

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

  describe.skipIf(lacking !== "")(`by systemd-analyze${lacking && ` (skipped: ${lacking})`}`, () => {
    /** It also wants the program to be there, which it is not. */
    const verify = (file: string) =>
      run("systemd-analyze", ["verify", file]).then(
        ({ stderr }) => stderr,
        (error: { stderr?: string }) => error.stderr ?? "",
      );
    const complaint = /unknown|failed to parse|invalid|ignoring/i;

    test("has no key that systemd does not know, and would not be let off with one", async () => {
      expect(await verify(deploy("systemd/pointsman.service"))).not.toMatch(complaint);
      const folder = mkdtempSync(join(tmpdir(), "pointsman-unit-"));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const broken = join(folder, "pointsman.service");
      writeFileSync(broken, unit.replace("LimitNOFILE=", "LimitNOFILES="));
      expect(await verify(broken)).toMatch(complaint);
    });
  });
});
