/** A bundle to hand on: what could be reached, without secrets and prompts, and the commands for the rest. */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { collectingCommands } from "./collecting-commands.ts";
import { evidenceOf, type Source } from "./diagnose.ts";
import { type EvidenceKind, evidenceKinds, has } from "./evidence.ts";
import { type Gathered, gather, type Inputs } from "./gather/gather.ts";
import { bundleContents } from "./gather/read-files.ts";
import { exitCodes } from "./outcome.ts";
import { keptAnswer, redacted } from "./redact/redact.ts";

/** Resolves with the exit code: 0 where anything was written. */
export async function collect(folder: string, inputs: Inputs, out: (line: string) => void): Promise<number> {
  const there = await readdir(folder).catch(() => [] as string[]);
  if (there.length > 0) {
    out(`${folder} is not empty: a bundle wants a folder of its own.`);
    return exitCodes.unknown;
  }
  const gathered = await gather(inputs);
  const { files, held } = bundleOf(gathered);
  if (files.size > 0) {
    await mkdir(folder, { recursive: true });
    const contents = contentsOf(files, held);
    for (const [name, text] of [...files, [bundleContents, contents] as const]) {
      await writeFile(join(folder, name), text, { mode: 0o600 });
    }
  }
  for (const line of linesOf(folder, gathered, files, held)) out(line);
  return files.size > 0 ? exitCodes.well : exitCodes.unknown;
}

interface Bundle {
  readonly files: ReadonlyMap<string, string>;
  /** Nothing of these was known to be harmless. */
  readonly held: readonly string[];
}

export function bundleOf({ sources, asked }: Pick<Gathered, "sources" | "asked">): Bundle {
  const files = new Map<string, string>();
  const held: string[] = [];
  for (const source of sources) {
    const clean = redacted(source);
    if (clean === undefined) held.push(source.name);
    else files.set(freeName(nameOf(source), files), clean.text);
  }
  if (asked.length > 0)
    files.set("live.json", JSON.stringify({ asked: asked.map((each) => keptAnswer({ ...each })) }, null, 2));
  return { files, held };
}

function nameOf({ name, file, text }: Source): string {
  if (file !== undefined) return file;
  if (name.startsWith("--line")) return "access.log";
  const plain = basename(name).replace(/[^\w.-]/g, "_");
  return plain === "" || plain === bundleContents ? `source-${text.length}.txt` : plain;
}

function freeName(name: string, taken: ReadonlyMap<string, string>): string {
  for (let i = 1; ; i++) {
    const tried = i === 1 ? name : name.replace(/(\.\w+)?$/, `-${i}$1`);
    if (!taken.has(tried)) return tried;
  }
}

function contentsOf(files: ReadonlyMap<string, string>, held: readonly string[]): string {
  return [
    "Evidence for `pointsman doctor FOLDER`. Secrets and prompts were replaced; look through it before you hand it on.",
    "",
    ...[...files].map(([name, text]) => `${name}  ${text.length} characters`),
    ...held.map((name) => `left out: ${name}`),
    "",
  ].join("\n");
}

function linesOf(
  folder: string,
  { unread }: Gathered,
  files: ReadonlyMap<string, string>,
  held: readonly string[],
): string[] {
  const evidence = evidenceOf([...files].map(([name, text]): Source => ({ name, text })));
  const missing = (Object.keys(evidenceKinds) as EvidenceKind[]).filter((kind) => !has(evidence, kind));
  const commands = collectingCommands(missing);
  return [
    files.size > 0
      ? `${files.size} files in ${folder}, without secrets and prompts. Next: pointsman doctor ${folder}`
      : "Nothing could be reached, and nothing was written.",
    ...unread.map(({ source, why }) => `  not read: ${source}: ${why}`),
    ...held.map((name) => `  left out: ${name}: nothing in it is of use, or known to be harmless`),
    ...(commands.length === 0
      ? []
      : ["", "What is missing, by hand, where it can be reached; into the same folder:", ...commands]),
  ];
}
