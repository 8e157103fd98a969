/** Runs the steps of a Dockerfile without an engine: each stage in a folder of its own, which stands for its root. */
import { execFile } from "node:child_process";
import { cp, mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What the last stage's instructions say of the container. */
export interface BuiltImage {
  /** Its root file system, without what the base image brings. */
  readonly root: string;
  readonly entrypoint: readonly string[];
  readonly user: string;
}

/** As far as ours goes: one line for an instruction, no globs, bases that bring nothing but Node. */
export async function buildDockerfile(text: string, context: string, work: string): Promise<BuiltImage> {
  const roots = new Map<string, string>();
  let root = "";
  let workdir = "/";
  let entrypoint: string[] = [];
  let user = "root";
  for (const line of text.split("\n").filter((each) => each !== "" && !each.startsWith("#"))) {
    const [word = "", ...parts] = line.split(" ");
    const rest = parts.join(" ");
    switch (word) {
      case "FROM":
        workdir = "/";
        root = join(work, `stage-${roots.size}`);
        roots.set(parts[2] ?? `stage ${roots.size}`, root);
        await mkdir(root);
        break;
      case "WORKDIR":
        workdir = rest;
        await mkdir(join(root, workdir), { recursive: true });
        break;
      case "COPY":
        await copy(parts, { from: (stage) => roots.get(stage) ?? context, root, workdir });
        break;
      case "RUN":
        await run("sh", ["-ec", rest], { cwd: join(root, workdir), env: environment(), maxBuffer: 1 << 24 });
        break;
      case "ENTRYPOINT":
        entrypoint = JSON.parse(rest);
        break;
      case "USER":
        user = rest;
        break;
      default:
        // They say nothing that could fail here.
        if (!["ARG", "EXPOSE", "STOPSIGNAL", "CMD"].includes(word)) throw new Error(`no way to run: ${line}`);
    }
  }
  return { root, entrypoint, user };
}

/** npm by itself: not as part of the `npm test` around it. */
function environment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_ENV$|^VITEST/i.test(name));
  return { ...Object.fromEntries(inherited), npm_config_prefer_offline: "true", npm_config_audit: "false" };
}

interface Places {
  /** Where a stage's files are, or those of the build's context for "". */
  readonly from: (stage: string) => string;
  readonly root: string;
  readonly workdir: string;
}

/** Into a folder where the target ends with a slash or is one, else under the target's name. */
async function copy(parts: readonly string[], { from, root, workdir }: Places): Promise<void> {
  const [, stage = ""] = /^--from=(.+)$/.exec(parts[0] ?? "") ?? [];
  const names = stage === "" ? parts : parts.slice(1);
  const target = names.at(-1) ?? "";
  const to = join(root, target.startsWith("/") ? "" : workdir, target);
  for (const name of names.slice(0, -1)) {
    await cp(join(from(stage), name), target.endsWith("/") ? join(to, basename(name)) : to, { recursive: true });
  }
}
