/** A Chromium for tests that need a real browser: the machine's, or Debian's; where none can be had they are skipped, with the reason. */
import { existsSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { debianPackage } from "./debian-package.ts";

export interface FoundChromium {
  readonly path: string;
  readonly env: NodeJS.ProcessEnv;
}

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** What POINTSMAN_CHROMIUM names, one of the PATH, or Debian's; throws with the reason where there is none. */
export async function findChromium(say: (line: string) => void): Promise<FoundChromium> {
  const named = process.env["POINTSMAN_CHROMIUM"] || undefined;
  if (named !== undefined) return { path: named, env: process.env };
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const candidates = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  const installed = candidates.find((path) => existsSync(path));
  if (installed !== undefined) return { path: installed, env: process.env };
  const { folder, env } = await debianPackage("chromium", { say, also: ["fonts-inter", "fonts-dejavu-core"] });
  return { path: join(folder, "usr/lib/chromium/chromium"), env: { ...env, ...unpackedEnvironment(folder, env) } };
}

/** Undefined where there is none. */
export async function startTestBrowser(): Promise<Browser | undefined> {
  const found = await findChromium((line) => console.info(line)).catch((error: unknown) => {
    console.warn(`Skipped: no Chromium. ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  });
  return found && startBrowser(found);
}

/**
 * Without Chromium's sandbox: it needs user namespaces or a helper of root's, and a container has neither. The page it shows
 * is ours, and so is the server behind it.
 */
export function startBrowser({ path, env }: FoundChromium): Promise<Browser> {
  const flags = ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"];
  const defined = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));
  return chromium.launch({ executablePath: path, env: defined as Record<string, string>, args: flags });
}

/** Libraries in folders of their own, and fonts: pages look the same on every machine. */
function unpackedEnvironment(folder: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const libraries = join(folder, "usr/lib");
  const sound = readdirSync(libraries).map((name) => join(libraries, name, "pulseaudio"));
  const paths = [env["LD_LIBRARY_PATH"] ?? "", ...sound.filter((path) => existsSync(path))];
  return { LD_LIBRARY_PATH: paths.join(":"), FONTCONFIG_FILE: fontConfig(folder) };
}

/** Beside what was unpacked; whoever writes it writes the same. */
function fontConfig(folder: string): string {
  const prefer = (family: string, font: string) =>
    `<alias binding="strong"><family>${family}</family><prefer><family>${font}</family></prefer></alias>`;
  const lines = [
    '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>',
    `<dir>${join(folder, "usr/share/fonts")}</dir><cachedir>${join(folder, "font-cache")}</cachedir>`,
    prefer("system-ui", "Inter"),
    prefer("sans-serif", "Inter"),
    prefer("monospace", "DejaVu Sans Mono"),
    "</fontconfig>",
  ];
  const path = join(folder, "fonts.conf");
  const own = `${path}.${process.pid}`;
  writeFileSync(own, lines.join("\n"));
  renameSync(own, path);
  return path;
}
