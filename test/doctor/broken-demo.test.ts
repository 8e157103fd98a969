/**
 * The demo with one thing broken, and the doctor called as it says: a newcomer's way, for each of the faults. What stands
 * under `Do` is done, and the page has what was printed.
 */
import { describe, expect, test } from "vitest";
import { type BreakageName, breakages } from "../../src/demo/breakages.ts";
import type { EnvoyConfig } from "../../src/demo/envoy-config.ts";
import { demoModel } from "../../src/demo/fleet.ts";
import { applyFix, fixIn } from "../support/apply-fix.ts";
import { CommandProcess, runCommand } from "../support/command-process.ts";
import { hasEnvoy } from "../support/doctor-rig.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";
import { inShort, pageTranscript, steady, withoutFolders } from "../support/transcripts.ts";

/** Of this one the page has the whole. */
const shownWhole: BreakageName = "no-http2";

describe.skipIf(!(await hasEnvoy()))("pointsman demo --break", () => {
  test.each(Object.keys(breakages) as BreakageName[])(
    "%s is named in the doctor's first line, and mended by what it says to do",
    async (name) => {
      const demo = new CommandProcess(["demo", "--break", name, "--pod-count=2"]);
      await demo.prints(/Ctrl-C ends it/);
      const [, args = ""] = /pointsman (doctor .*)/.exec(demo.stdout) ?? [];
      const { code, stdout } = await runCommand(...args.split(" "));
      const mended = await statusWith(fixIn(stdout), await configOf(args));
      demo.interrupt();
      expect(await demo.exited, demo.stderr).toBe(0);
      expect(demo.stdout).toContain(`What was broken: ${breakages[name].truth}`);
      expect([code, stdout.split("\n")[0]], stdout).toEqual([
        1,
        expect.stringContaining(`(row ${breakages[name].row}, `),
      ]);
      expect(mended, stdout).toBe(200);
      const printed = withoutFolders(
        name === shownWhole ? `$ pointsman ${args}\n${stdout.trimEnd()}` : inShort(stdout),
      );
      expect(steady(pageTranscript(name, printed)), "see test/support/transcripts.ts").toBe(steady(printed));
    },
  );
});

/** What the demo's Envoy was started with. */
async function configOf(args: string): Promise<Record<string, unknown>> {
  const [, admin = ""] = /--envoy (\S+)/.exec(args) ?? [];
  const dump = (await (await fetch(`${admin}/config_dump`)).json()) as { configs: Record<string, unknown>[] };
  return dump.configs.find(({ bootstrap }) => bootstrap !== undefined)?.["bootstrap"] as Record<string, unknown>;
}

/** Of a request through another Envoy with the first line that is one for its configuration; same picker, same pods. */
async function statusWith(lines: readonly string[], config: Record<string, unknown>): Promise<number> {
  const tree = { admin: config["admin"], static_resources: config["static_resources"] } as Record<string, unknown>;
  if (!lines.some((line) => applyFix(line, tree)))
    throw new Error(`nothing of this can be pasted: ${lines.join("\n")}`);
  const anyPort = { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } };
  Object.assign(tree["admin"] as object, anyPort);
  for (const listener of (tree["static_resources"] as { listeners: object[] }).listeners)
    Object.assign(listener, anyPort);
  const found = await findTestEnvoy();
  const envoy = await found?.start({ config: tree as EnvoyConfig });
  try {
    const body = JSON.stringify({ model: demoModel, messages: [{ role: "user", content: "Why? ".repeat(800) }] });
    const [port] = envoy?.ports.values() ?? [];
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, { method: "POST", headers, body });
    await answer.arrayBuffer();
    return answer.status;
  } finally {
    await envoy?.stop();
  }
}
