/** The demo with one fault in it: traffic that fails, and what to ask the doctor, until somebody ends it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ask } from "./ask.ts";
import { type Breakage, type BreakageName, breakages } from "./breakages.ts";
import { findEnvoy } from "./find-envoy.ts";
import { demoModel, type PickerFleet, startPickerFleet } from "./fleet.ts";
import { startGuard } from "./guard.ts";
import { ownCommand } from "./own-command.ts";
import type { DemoIo, DemoOptions } from "./run-demo.ts";

/** Before the doctor is called there is something to see. */
const FIRST_REQUESTS = 5;
const GAP_MS = 500;
const LOG_FLUSH_MS = 50;
/** Longer than the narrowest body that any of the faults has. */
const question = "Why do my requests fail? ".repeat(80);

/** Resolves with the exit code, when nothing it started is left. */
export async function runBroken(name: BreakageName, options: DemoOptions, io: DemoIo): Promise<number> {
  const breakage: Breakage = breakages[name];
  const say = (line: string) => io.output.write(`${line}\n`);
  const ending = new AbortController();
  let words = "";
  const end = (why: string) => {
    words ||= why;
    ending.abort();
  };
  void io.interrupted.then(() => ending.abort());
  const folder = await mkdtemp(join(tmpdir(), "pointsman-demo-"));
  const [logPath, accessLogPath] = [join(folder, "picker.log"), join(folder, "access.log")];
  let fleet: PickerFleet | undefined;
  try {
    const { envoyVersion } = options;
    const found = await findEnvoy({
      say,
      env: io.env,
      signal: ending.signal,
      ...(envoyVersion !== "" && { version: envoyVersion }),
    });
    fleet = await startPickerFleet({
      ...options,
      ...{ envoy: found.path, guard: startGuard(), logPath, onBreakdown: end },
      broken: { breakage, accessLogPath, logFlushMs: LOG_FLUSH_MS },
    });
    await tellAndAsk(fleet, { log: accessLogPath, command: ownCommand(io.env ?? {}) }, say, ending.signal);
    say(`\nWhat was broken: ${breakage.truth}`);
  } catch (error) {
    if (!ending.signal.aborted) end(error instanceof Error ? error.message : String(error));
  }
  await fleet?.stop();
  await rm(folder, { recursive: true, force: true });
  if (words !== "") io.complain(words);
  return words === "" ? 0 : 1;
}

/** Until the end; small traffic, so that counters move when the doctor watches. */
async function tellAndAsk(
  fleet: PickerFleet,
  { log, command }: { readonly log: string; readonly command: string },
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const at = (port: number) => `127.0.0.1:${port}`;
  const target = { port: fleet.port, model: demoModel, agent: fleet.agent };
  for (let asked = 1, failed = 0; !signal.aborted; asked++) {
    const { fault } = await ask(target, [{ role: "user", content: question }], signal);
    if (fault !== undefined) failed++;
    if (asked === FIRST_REQUESTS) {
      say(
        `Envoy, a picker and pods are up, and ${failed} of ${asked} requests to http://${at(fleet.port)} failed (the last: ${fault ?? "none"}).`,
      );
      say("One thing is broken. Ask the doctor, in another terminal:");
      say("");
      const { metricsPort, adminPort, grpcPort } = fleet.picker;
      const picker = `http://${at(metricsPort)},http://${at(adminPort)},${at(grpcPort)}`;
      say(`  ${command} doctor --envoy http://${at(fleet.envoy.adminPort)} --picker ${picker} --log ${log}`);
      say("");
      say("Ctrl-C ends it, and tells what it was.");
    }
    await delay(asked < FIRST_REQUESTS ? 0 : GAP_MS, undefined, { signal }).catch(() => undefined);
  }
}
