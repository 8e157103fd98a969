/** Runs the demo on a terminal of its own and draws what it showed, a moment before the end, to deploy/demo.svg. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { demoOptions } from "../src/cli/demo.ts";
import { loadConfig } from "../src/config/load-config.ts";
import { runDemo } from "../src/demo/run-demo.ts";
import { drawSvg } from "./terminal-svg.ts";

const columns = 80;
const picture = fileURLToPath(new URL("../deploy/demo.svg", import.meta.url));
const requests = 200;

/** Busy pods, and both fleets' times: the picker's fleet at about this many answers. */
const bestMoment = 110;

const writes: string[] = [];
const terminal = {
  isTTY: true,
  columns,
  rows: 50,
  write: (text: string) => {
    writes.push(text);
    process.stdout.write(text);
  },
};

const nothing = () => undefined;
const noKeys = { setRawMode: nothing, on: nothing, off: nothing, resume: nothing, pause: nothing };

const options = loadConfig(demoOptions, ["--requests", String(requests), ...process.argv.slice(2)], {});
const exitCode = await runDemo(options, {
  env: { ...process.env, NO_COLOR: "" },
  output: terminal,
  keys: noKeys,
  complain: (words) => process.stderr.write(`${words}\n`),
  interrupted: new Promise((resolve) => process.once("SIGINT", () => resolve("SIGINT"))),
});
if (exitCode !== 0) process.exit(exitCode);

// A table begins with an empty line.
const lines = [...linesOf(bestFrame()), ...linesOf(writes.at(-1) ?? "")];
writeFileSync(picture, drawSvg(lines.slice(1), columns, "The demo's live table and its summary"));
process.stdout.write(`${picture}\n`);

/** The frame whose picker line is nearest to the best moment; the picker's line is the second with a count. */
function bestFrame(): string {
  const distance = (frame: string) => {
    const count = /pointsman .* (\d+) of/.exec(frame)?.[1];
    return count === undefined ? Number.POSITIVE_INFINITY : Math.abs(Number(count) - bestMoment);
  };
  return writes.reduce((best, next) => (distance(next) < distance(best) ? next : best));
}

/** Without the controls that erase the frame before. */
function linesOf(written: string): string[] {
  return written.replaceAll("\x1b[J", "").split("\r").at(-1)?.trimEnd().split("\n") ?? [];
}
