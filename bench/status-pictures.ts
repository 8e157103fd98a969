/** `npm run screenshots`: the demo's fleet under traffic, and pictures of its status page in deploy/status/, as a browser shows it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { ask } from "../src/demo/ask.ts";
import { conversations } from "../src/demo/conversations.ts";
import { findEnvoy } from "../src/demo/find-envoy.ts";
import { demoModel, type PickerFleet, startPickerFleet } from "../src/demo/fleet.ts";
import { startGuard } from "../src/demo/guard.ts";
import { runTraffic } from "../src/demo/traffic.ts";
import type { Explanation } from "../src/explain/explanation.ts";
import { findChromium, startBrowser } from "../test/support/test-chromium.ts";
import { smallPng } from "./small-png.ts";

const folder = fileURLToPath(new URL("../deploy/status", import.meta.url));
const say = (line: string) => void process.stderr.write(`${line}\n`);
const podCount = 6;
const users = 18;
/** So long the page watches before it is drawn: its line of picks per second is of its own making. */
const watchMs = Number(process.env["WATCH_MS"] ?? 75_000);
const desktop = { viewport: { width: 1200, height: 780 } };
const phone = { viewport: { width: 390, height: 780 } };

const scratch = mkdtempSync(join(tmpdir(), "pointsman-pictures-"));
const guard = startGuard();
const ending = new AbortController();
mkdirSync(folder, { recursive: true });

const browser = await startBrowser(await findChromium(say));
const fleet = await startPickerFleet({
  envoy: (await findEnvoy({ say })).path,
  ...{ guard, podCount, seed: 1, speed: 1.5, port: 0, logPath: join(scratch, "picker.log") },
  onBreakdown: say,
});
try {
  await takePictures(browser, fleet);
} finally {
  ending.abort();
  await browser.close();
  await fleet.stop();
  await guard.stop();
  rmSync(scratch, { recursive: true });
}
process.exit(0);

async function takePictures(browser: Browser, fleet: PickerFleet): Promise<void> {
  void keepBusy(fleet);
  const [light, dark, small] = [
    await open(browser, fleet, { ...desktop, colorScheme: "light" }),
    await open(browser, fleet, { ...desktop, colorScheme: "dark" }),
    await open(browser, fleet, { ...phone, colorScheme: "dark" }),
  ];
  say(`watching for ${watchMs / 1000} s ...`);
  await delay(watchMs);
  await draw(light, "light");
  await draw(dark, "dark");
  await draw(small, "phone");
  await openDecision(light);
  await draw(light, "decision");
  await light.keyboard.press("Escape");
  // A list that somebody is in holds still.
  await light.locator("#main").focus();
  await fleet.pods[1]?.kill();
  await fleet.pods[4]?.kill();
  await light.locator("#sentence", { hasText: /pod-2 and pod-5/ }).waitFor();
  await delay(3_000);
  await light.evaluate("scrollTo(0, 0)");
  await draw(light, "unhealthy");
}

/** Users who talk to the fleet all the time, and one who asks for a model that nobody has. */
async function keepBusy({ port, agent }: PickerFleet): Promise<void> {
  const { signal } = ending;
  const target = { port, agent, model: demoModel };
  const typing = setInterval(() => {
    const mistaken = { ...target, model: "demo-7b" };
    void ask(mistaken, [{ role: "user", content: "Hello" }], signal);
  }, 2_300).unref();
  await runTraffic({
    ...{ conversations: conversations(5), users, speed: 1.5, signal },
    ask: (messages) => ask(target, messages, signal),
    onAnswer: () => undefined,
  });
  clearInterval(typing);
}

async function open(browser: Browser, fleet: PickerFleet, options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${fleet.picker.adminPort}/`);
  await page.locator("#health:not([data-level=wait])").waitFor();
  return page;
}

/** The latest that a cached prompt decided: what the picker is for. */
async function openDecision(page: Page): Promise<void> {
  const get = async <T>(path: string) => (await (await fetch(new URL(path, page.url()))).json()) as T;
  const ids = (await get<{ id: string }[]>("/debug/decisions")).map(({ id }) => id);
  for (const id of ids) {
    const { sentence, candidates } = await get<Explanation>(`/debug/decisions/${id}`);
    if (candidates.length < podCount || !/prefix-cache/.test(sentence)) continue;
    await page.goto(`${page.url()}#decision=${id}`);
    break;
  }
  await page.locator("dialog[open] .candidates").waitFor();
}

async function draw(page: Page, name: string): Promise<void> {
  const path = join(folder, `${name}.png`);
  const bytes = smallPng(await page.screenshot());
  writeFileSync(path, bytes);
  say(`${path}: ${Math.round(bytes.length / 1024)} KB`);
}
