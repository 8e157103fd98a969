/** The status page in a real browser, before a real picker: what it shows is so, and everybody can use it. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Explanation } from "../../src/explain/explanation.ts";
import type { PodState } from "../../src/observe/pod-states.ts";
import { faultsOf } from "../support/page-faults.ts";
import { startTestBrowser } from "../support/test-chromium.ts";
import { type Look, lookAt, type MeteredPod, StatusWorld, startMeteredPod } from "./status-world.ts";

const browser = await startTestBrowser();
afterAll(() => browser?.close());

const bar = (page: Page, pod: MeteredPod, name: string) =>
  page.locator(`.pods [data-pod="${pod.address}"] [data-bar=${name}] .meter`);
const explained = (page: Page) => page.locator("dialog[open] .verdict");

/** Sideways, which nobody wants to scroll. */
const overflow = (page: Page) => page.evaluate("document.documentElement.scrollWidth - innerWidth");

describe.skipIf(browser === undefined)("the status page", () => {
  let world: StatusWorld;
  const looks: Look[] = [];

  async function look(options: Parameters<typeof lookAt>[2] = {}): Promise<Page> {
    const each = await lookAt(browser as Browser, world.url, options);
    looks.push(each);
    return each.page;
  }

  beforeAll(async () => {
    const pods = await Promise.all([startMeteredPod("alpha"), startMeteredPod("beta"), startMeteredPod("gamma")]);
    Object.assign(pods[0]!.metrics, { waiting: 1, running: 3, kvUsage: 0.25 });
    Object.assign(pods[1]!.metrics, { waiting: 6, running: 8, kvUsage: 0.97 });
    Object.assign(pods[2]!.metrics, { waiting: 0, running: 2, kvUsage: 0.5 });
    world = await StatusWorld.start(pods, ["--seed=7"]);
    for (let i = 0; i < 4; i++) await world.pick("the same long prompt again and again ".repeat(40), { stays: i > 1 });
    await world.pick("of a model that nobody has", { model: "unheard-of" });
  });
  afterEach(async () => {
    for (const { page } of looks.splice(0)) await page.context().close();
  });
  afterAll(() => world?.stop());

  test("says how it is in one sentence, also as the title", async () => {
    const page = await look();
    await page.locator("#sentence", { hasText: /^Working: all 3 pods answer\.$/ }).waitFor();
    expect(await page.title()).toBe("pointsman: Working: all 3 pods answer.");
    expect(await page.locator("#warnings").isVisible()).toBe(false);
    expect(await page.locator("#health").getAttribute("data-level")).toBe("good");
  });

  test("draws every pod's numbers as bars that say what /debug/pods says", async () => {
    const page = await look();
    const states = await world.json<PodState[]>("debug/pods");
    expect(states).toHaveLength(3);
    const queues = states.map(({ waiting }) => waiting ?? 0);
    for (const [i, pod] of world.pods.entries()) {
      const state = states.find(({ address }) => address === pod.address)!;
      const shown = async (name: string) => Number(await bar(page, pod, name).getAttribute("aria-valuenow"));
      await expect
        .poll(async () => [await shown("queue"), await shown("kv"), await shown("flight")])
        .toEqual([state.waiting, state.kvUsage, state.inFlight]);
      expect(await bar(page, pod, "kv").textContent()).toBe(`${Math.round((state.kvUsage ?? 0) * 100)}\u202f%`);
      const width = await bar(page, pod, "queue")
        .locator("i")
        .evaluate((fill) => (fill as unknown as { style: { width: string } }).style.width);
      expect(Number.parseFloat(width)).toBeCloseTo(((queues[i] ?? 0) / Math.max(8, ...queues)) * 100, 0);
      await expect.poll(() => shown("age")).toBeLessThan(3);
    }
    expect(states.reduce((sum, { inFlight }) => sum + (inFlight ?? 0), 0)).toBe(2);
    expect(await page.locator("[data-tile='Requests in flight'] b").textContent()).toBe("2");
  });

  test("follows the pods without being loaded again", async () => {
    const page = await look();
    const [alpha] = world.pods;
    alpha!.metrics.kvUsage = 0.75;
    await bar(page, alpha!, "kv").filter({ hasText: "75" }).waitFor();
    alpha!.metrics.kvUsage = 0.25;
    await bar(page, alpha!, "kv").filter({ hasText: "25" }).waitFor();
  });

  test("tells traffic by differences: picks and refusals per second, and the time of a pick", async () => {
    const page = await look();
    for (let i = 0; i < 5; i++) await world.pick(`prompt ${i}`);
    const tile = (name: string) => page.locator(`[data-tile="${name}"] b`);
    await tile("Picks per second").filter({ hasText: /[1-9]/ }).waitFor();
    expect(await tile("Time of a pick").textContent()).toMatch(/ ms$/);
    expect(await page.locator("[data-tile='Refused per second'] small").textContent()).toBe(
      "1 in all: model not found",
    );
  });

  test("a click on a decision shows every candidate's score by scorer, the signals, their ages and why it won", async () => {
    const page = await look();
    await page.locator(".decisions tbody tr", { hasNotText: "refused" }).first().getByRole("button").click();
    await explained(page).waitFor();
    const id = decodeURIComponent(new URL(page.url()).hash.slice("#decision=".length));
    const told = await world.json<Explanation>(`debug/decisions/${id}`);
    expect(await explained(page).textContent()).toBe(told.sentence);
    expect(told.sentence.length).toBeGreaterThan(10);
    const heads = await page.locator("dialog .candidates .scorer").allTextContents();
    expect(heads).toEqual(told.scorers.map(({ name }) => name));
    expect(heads).toContain("prefix-cache");
    for (const { address, scores, total, ageMs } of told.candidates) {
      const row = page.locator(`dialog .candidates [data-pod="${address}"]`);
      const shown = await row.locator("td.number b").allTextContents();
      expect(shown).toEqual(scores.map((score, at) => ((score ?? 0) * told.scorers[at]!.weight).toFixed(2)));
      expect(await row.locator("td.total b").textContent()).toBe(total.toFixed(2));
      const age = await page.locator(`dialog .signals [data-pod="${address}"] td`).last().textContent();
      expect(age).toBe(`${((ageMs ?? 0) / 1000).toFixed(1)} s old`);
    }
    expect(told.candidates).toHaveLength(3);
    const winner = told.candidates.find(({ isPicked }) => isPicked)!;
    expect(await page.locator("dialog .candidates tbody tr[data-picked]").getAttribute("data-pod")).toBe(
      winner.address,
    );
  });

  test("says of a refusal why, and of a decision that made room that it is gone", async () => {
    const page = await look();
    await page.locator(".decisions tbody tr", { hasText: "refused" }).getByRole("button").click();
    await page.locator("dialog h2", { hasText: "Refused: model not found" }).waitFor();
    await page.goto(`${world.url}#decision=000000-99`);
    await page.locator("dialog h2", { hasText: "No longer known" }).waitFor();
  });

  test("is used by keyboard alone: to the decisions, down the list, into one and back to where one was", async () => {
    const page = await look();
    const focused = () => page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Skip to the state of the picker");
    for (let i = 0; i < 20 && !((await focused()) as string).endsWith(": explain"); i++)
      await page.keyboard.press("Tab");
    const first = await focused();
    await page.keyboard.press("ArrowDown");
    const second = await focused();
    expect([first, second].map(String)).toEqual([expect.stringMatching(/explain$/), expect.stringMatching(/explain$/)]);
    expect(second).not.toBe(first);
    await page.keyboard.press("Enter");
    await explained(page).waitFor();
    expect(await focused()).toBe("Close");
    await page.keyboard.press("Escape");
    await page.locator("dialog[open]").waitFor({ state: "detached" });
    expect(await focused()).toBe(second);
  });

  test("keeps the focus and the list still while somebody is in it, and goes on afterwards", async () => {
    const page = await look();
    const button = page.locator(".decisions tbody button").first();
    await button.focus();
    const label = await button.getAttribute("aria-label");
    const newest = page.locator(".decisions tbody tr").first();
    await world.pick("while somebody looks");
    await page.locator("#held", { hasText: "1 newer" }).waitFor();
    expect(await page.evaluate("document.activeElement.ariaLabel")).toBe(label);
    expect(await newest.getByRole("button").getAttribute("aria-label")).toBe(label);
    await page.locator("#pause").focus();
    await page.waitForFunction((known) => {
      const first = (globalThis as unknown as { document: { querySelector(s: string): { ariaLabel: string } } })
        .document;
      return first.querySelector(".decisions tbody button").ariaLabel !== known;
    }, label);
  });

  test("asks no more while it is paused, and says how old is what it shows", async () => {
    const page = await look();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.locator("#updated", { hasText: /^paused, \d+ s old$/ }).waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.locator("#updated", { hasText: /^live$/ }).waitFor();
  });

  test("shows the configuration in force and who said so", async () => {
    const page = await look();
    const row = page.locator(".options tbody tr", { hasText: "seed" }).first();
    await row.waitFor();
    expect(await row.locator("td").allTextContents()).toEqual(["7", "flag--seed"]);
    expect(await page.locator(".options tbody tr", { hasText: "stream-limit" }).count()).toBe(0);
    await page.getByLabel("Show defaults too").check();
    expect(
      await page.locator(".options tbody tr", { hasText: "stream-limit" }).locator("td").allTextContents(),
    ).toEqual(["50000", "default"]);
    expect(await page.locator(".profiles tbody tr").first().textContent()).toContain("prefix-cache × 3");
    expect(await page.locator(".pools tbody tr").textContent()).toContain("3 of 3");
  });

  test.each(["light", "dark"] as const)(
    "has no fault that axe finds, %s, with a decision open and without",
    async (colorScheme) => {
      const page = await look({ colorScheme });
      expect(await faultsOf(page)).toEqual([]);
      await page.locator(".decisions tbody button").first().click();
      await explained(page).waitFor();
      expect(await faultsOf(page)).toEqual([]);
    },
  );

  test("is light or dark as told, against the system too, and remembers it", async () => {
    const page = await look({ colorScheme: "light" });
    const background = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    const light = await background();
    await page.getByText("Dark", { exact: true }).click();
    const dark = await background();
    expect(dark).not.toBe(light);
    await page.reload();
    expect(await background()).toBe(dark);
    expect(await page.getByRole("radio", { name: "Dark" }).isChecked()).toBe(true);
    await page.getByText("Auto", { exact: true }).click();
    expect(await background()).toBe(light);
  });

  test("fits a phone of 360 pixels, as cards that are tables for a screen reader", async () => {
    const page = await look({ viewport: { width: 360, height: 740 } });
    expect(await overflow(page)).toBe(0);
    expect(await page.getByRole("table", { name: "Pods" }).getByRole("row").count()).toBe(4);
    await page.locator(".decisions tbody button").first().click();
    await explained(page).waitFor();
    expect(await overflow(page)).toBe(0);
    expect(
      await page.evaluate(
        "document.querySelector('dialog').scrollWidth - document.querySelector('dialog').clientWidth",
      ),
    ).toBe(0);
    expect(await faultsOf(page)).toEqual([]);
  });

  test("asks nobody but the picker, and complains of nothing", async () => {
    const { page, asked, complaints } = await lookAt(browser as Browser, world.url);
    await page.locator(".decisions tbody button").first().click();
    await explained(page).waitFor();
    await page.keyboard.press("Escape");
    await page.getByLabel("Show defaults too").check();
    while (asked.filter((url) => url.endsWith("debug/status")).length < 3) await page.waitForTimeout(100);
    await page.context().close();
    expect(asked.filter((url) => !url.startsWith(world.url))).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("is smaller than 100 KB", () => {
    const folder = fileURLToPath(new URL("../../src/observe/status/page", import.meta.url));
    const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    expect(bytes).toBeLessThan(100_000);
    expect(bytes).toBeGreaterThan(10_000);
  });
});
