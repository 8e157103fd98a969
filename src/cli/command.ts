/** What a command is, and the --help text made from its options. */
import { dashed, environmentName } from "../config/load-config.ts";
import type { OptionTable } from "../config/option-table.ts";

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly options: OptionTable;
  /** Its options are not read from the environment. */
  readonly isWithoutEnvironment?: true;
  /** Resolves with the exit code; throws ConfigError for wrong arguments. */
  run(args: readonly string[], io: CommandIo): Promise<number>;
}

export interface CommandIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (line: string) => void;
  /** Resolves with the signal's name when the process is asked to end. */
  readonly interrupted: Promise<string>;
}

const HELP_COLUMN = 34;
const HELP_WIDTH = 112;

export function helpOf(command: Command): string {
  const rows = Object.values(command.options).map(({ flag, kind, help, ...spec }) => {
    const shown = kind.show(spec.default);
    const environment = command.isWithoutEnvironment ? "" : ` [${environmentName(flag)}]`;
    return helpRow(dashed(flag), `${help} (${kind.expects}; ${shown})${environment}`);
  });
  return [
    `pointsman ${command.name}: ${command.summary}`,
    "",
    `Options (written as; default)${command.isWithoutEnvironment ? "" : " [environment]"}:`,
    ...rows,
  ].join("\n");
}

export function helpOfAll(commands: readonly Command[]): string {
  return [
    "pointsman: an endpoint picker for LLM inference behind Envoy",
    "",
    "Commands (pointsman COMMAND --help shows the options of one):",
    ...commands.map((command) => helpRow(command.name, command.summary)),
    helpRow("(flags only)", "The same as serve: an image started with another picker's flags just works."),
  ].join("\n");
}

/** A word and what it means, in two columns. */
export function helpRow(head: string, text: string): string {
  const lines = wrap(text, HELP_WIDTH - HELP_COLUMN);
  // A long flag has a line of its own.
  const isLong = head.length > HELP_COLUMN - 3;
  const first = isLong ? `  ${head}` : `  ${head.padEnd(HELP_COLUMN - 2)}${lines[0] ?? ""}`;
  return [first, ...lines.slice(isLong ? 0 : 1).map((line) => " ".repeat(HELP_COLUMN) + line)].join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}
