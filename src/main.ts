/** Entry of the process: picks the command, passes signals on, and is the only one that exits. */
import { check } from "./cli/check.ts";
import { type Command, helpOf, helpOfAll } from "./cli/command.ts";
import { demo } from "./cli/demo.ts";
import { doctor } from "./cli/doctor.ts";
import { explain } from "./cli/explain.ts";
import { plugIns } from "./cli/plug-ins.ts";
import { replay } from "./cli/replay.ts";
import { serve } from "./cli/serve.ts";
import { ConfigError, describeFault } from "./errors.ts";
import { Brake } from "./observe/log.ts";
import { cleanText, errorLine } from "./observe/log-cleaning.ts";
import { version } from "./version.ts";

const commands: readonly Command[] = [serve, demo, doctor, check, explain, replay, plugIns];

/** As sysexits.h has them. */
const exitCode = { usage: 64, software: 70, config: 78 } as const;

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const complain = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** A terminal's Ctrl-C may come twice, by itself and passed on by npm: what follows this soon is the same wish. */
const SAME_WISH_MS = 1_000;

/**
 * The first signal, or the end of the bootstrap that started us, asks for an orderly end. A signal later than
 * SAME_WISH_MS after that, of the same kind or another, ends at once.
 */
const interrupted = new Promise<string>((resolve) => {
  let askedAtMs: number | undefined;
  const ask = (signal: string): void => {
    askedAtMs ??= performance.now();
    resolve(signal);
  };
  process.once("disconnect", () => ask("SIGHUP"));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (askedAtMs !== undefined && performance.now() - askedAtMs > SAME_WISH_MS) process.exit(1);
      ask(signal);
    });
  }
});

/** Sent by mistake they would end the process without a drain, or have Node open its debugger's port. */
for (const signal of ["SIGUSR1", "SIGUSR2"] as const) process.on(signal, () => {});

/** A fault of our own in one stream or one scrape must not end all the others: it is told, and the picker goes on. */
function outliveFaults(): void {
  // Nobody may read it any more; that is no reason to come back here.
  process.stderr.on("error", () => {});
  // One that comes with every request must not fill the disk.
  const brake = new Brake(() => performance.now());
  const tell = (fault: unknown): void =>
    brake.do((dropped) => {
      const before = dropped > 0 ? ` (${dropped} before it not shown)` : "";
      complain(`pointsman: a fault of its own${before}: ${errorLine(fault)}`);
    });
  process.on("uncaughtException", tell);
  process.on("unhandledRejection", tell);
}

async function run(args: readonly string[]): Promise<number> {
  const [first = "--help", ...rest] = args;
  if (first === "--version") {
    print(version());
    return 0;
  }
  if (first === "--help" || first === "-h" || first === "help") {
    print(helpOfAll(commands));
    return 0;
  }
  const flagsOnly = first.startsWith("-");
  const command = flagsOnly ? serve : commands.find((each) => each.name === first);
  if (command === undefined) {
    complain(`pointsman: there is no command ${JSON.stringify(first)}\n\n${helpOfAll(commands)}`);
    return exitCode.usage;
  }
  const own = flagsOnly ? args : rest;
  if (own.includes("--help") || own.includes("-h")) {
    print(helpOf(command));
    return 0;
  }
  if (command === serve) outliveFaults();
  return command.run(own, { env: process.env, out: print, interrupted });
}

/** So long may what a finished command has left open, such as an idle connection, keep the process. */
const LINGER_MS = 500;

/** Not by process.exit at once: Node 24 can wait in it for ever where V8's threads are still at work, as after a short run. */
function leave(code: number): void {
  process.exitCode = code;
  process.channel?.unref();
  setTimeout(() => process.exit(code), LINGER_MS).unref();
}

try {
  leave(await run(process.argv.slice(2)));
} catch (error) {
  if (error instanceof ConfigError) {
    complain(`pointsman: ${error.faults.length} wrong setting${error.faults.length === 1 ? "" : "s"}`);
    for (const fault of error.faults) complain(`  ${cleanText(describeFault(fault))}`);
    leave(exitCode.config);
  } else {
    complain(`pointsman: ${errorLine(error)}`);
    leave(exitCode.software);
  }
}
