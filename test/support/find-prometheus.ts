/** A Prometheus for tests: the one that is named, the one on PATH, or Debian's, unpacked into .cache/debian. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { debianPackage } from "./debian-package.ts";
import { lastWords } from "./find-go.ts";

const run = promisify(execFile);

export interface FoundPrometheus {
  readonly path: string;
  readonly env: NodeJS.ProcessEnv;
  /** Undefined where only the server is there. */
  readonly promtool: string | undefined;
}

export interface PrometheusSearch {
  readonly found: FoundPrometheus | undefined;
  /** To be appended to the title of what is skipped without it; "" where it is there. */
  readonly note: string;
}

export async function findPrometheus(say: (line: string) => void = console.info): Promise<PrometheusSearch> {
  try {
    return { found: await search(say), note: "" };
  } catch (error) {
    const reason = lastWords(error);
    console.warn(`Skipped: no Prometheus. ${reason}`);
    return { found: undefined, note: ` (skipped: ${reason})` };
  }
}

async function search(say: (line: string) => void): Promise<FoundPrometheus> {
  const named = process.env["POINTSMAN_PROMETHEUS"] ?? "";
  if (named !== "") {
    return checked(named, process.env).catch((error: unknown) => {
      throw new Error(`POINTSMAN_PROMETHEUS=${named} cannot be run: ${lastWords(error)}`);
    });
  }
  const onPath = (process.env["PATH"] ?? "").split(":").map((folder) => join(folder, "prometheus"));
  const there = onPath.find((path) => existsSync(path));
  if (there !== undefined) return checked(there, process.env);
  try {
    const { folder, env } = await debianPackage("prometheus", { say });
    return await checked(join(folder, "usr/bin/prometheus"), env);
  } catch (error) {
    throw new Error(`${lastWords(error)}; POINTSMAN_PROMETHEUS may name one`);
  }
}

async function checked(path: string, env: NodeJS.ProcessEnv): Promise<FoundPrometheus> {
  await run(path, ["--version"], { env });
  const promtool = join(dirname(path), "promtool");
  return { path, env, promtool: existsSync(promtool) ? promtool : undefined };
}
