/** The status page when things go wrong: pods that die, a picker that is started again, names that mean harm, and very many pods. */
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { faultsOf } from "../support/page-faults.ts";
import { startTestBrowser } from "../support/test-chromium.ts";
import { type Look, lookAt, StatusWorld, startMeteredPod } from "./status-world.ts";

const browser = await startTestBrowser();
afterAll(() => browser?.close());

let world: StatusWorld | undefined;
const looks: Look[] = [];

afterEach(async () => {
  for (const { page } of looks.splice(0)) await page.context().close();
  await world?.stop();
  world = undefined;
});

async function startWorld(...names: string[]): Promise<StatusWorld> {
  world = await StatusWorld.start(await Promise.all(names.map((name) => startMeteredPod(name))));
  return world;
}

async function look(url: string, options: Parameters<typeof lookAt>[2] = {}): Promise<Look> {
  const each = await lookAt(browser as Browser, url, options);
  looks.push(each);
  return each;
}

const says = (page: Page, words: string | RegExp) => page.locator("#sentence", { hasText: words }).waitFor();
const level = (page: Page) => page.locator("#health").getAttribute("data-level");

describe.skipIf(browser === undefined)("an unhealthy fleet", () => {
  test("is told in the sentence, in a warning with a cure, and first among the pods; all dead needs a hand", async () => {
    const { url, pods } = await startWorld("alpha", "beta", "gamma");
    const { page } = await look(url);
    pods[2]?.stop();
    await says(page, "Working with 2 of 3 pods: gamma does not answer.");
    expect(await level(page)).toBe("watch");
    expect(await page.locator("#warnings li").allTextContents()).toEqual([expect.stringContaining("gamma")]);
    expect(await page.locator("#warnings li small").textContent()).toContain("requests go to the others");
    const first = page.locator(".pods tbody tr").first();
    expect(await first.locator(".name").textContent()).toBe("gamma");
    expect(await first.locator(".state").textContent()).toBe("no answer");
    pods[0]?.stop();
    pods[1]?.stop();
    await says(page, "No pod can be used: none of the 3 answers.");
    expect(await level(page)).toBe("act");
    expect(await page.title()).toMatch(/^✕ /);
  });

  test.each(["light", "dark"] as const)(
    "can be read by everybody, %s, and so can a page without an answer",
    async (colorScheme) => {
      const here = await startWorld("alpha", "beta");
      await here.pick("Hello");
      const { page } = await look(here.url, { colorScheme });
      here.pods[1]?.stop();
      await says(page, "beta does not answer");
      expect(await faultsOf(page)).toEqual([]);
      here.pods[0]?.stop();
      await says(page, "No pod can be used");
      expect(await faultsOf(page)).toEqual([]);
      await here.killPicker();
      await says(page, "No answer since");
      expect(await faultsOf(page)).toEqual([]);
    },
  );

  test("says which error it is answered with, and so does not take it for silence", async () => {
    const { url } = await startWorld("alpha");
    const { page } = await look(url);
    await says(page, "Working");
    await page.route("**/debug/status", (route) => route.fulfill({ status: 500, body: "{}" }));
    await says(page, "The answer is an error: HTTP 500.");
    await page.unroute("**/debug/status");
    await says(page, "Working");
  });

  test("shows the ends of names, which differ, where there is no room for all of them", async () => {
    const long = `${"b".repeat(230)}-other`;
    const here = await startWorld("vllm-llama3-70b-instruct-7f9c6b5d8-m7wzd", long);
    for (let i = 0; i < 4; i++) await here.pick(`${i} hello `.repeat(50));
    const { page } = await look(here.url, { viewport: { width: 1280, height: 800 } });
    const cells = page.locator(".decisions tbody td.name");
    await cells.nth(3).waitFor();
    const shown =
      "([...document.querySelectorAll('.decisions tbody td.name')].every((cell) => cell.lastChild.lastChild.getBoundingClientRect().right <= cell.getBoundingClientRect().right + 1))";
    expect(await page.evaluate(shown)).toBe(true);
    expect(await page.locator(".pods tbody .name").allTextContents()).toContainEqual(
      expect.stringMatching(/^b{24}…b+-other$/),
    );
  });

  test("changes what is read aloud only when the sentence is another", async () => {
    const { url, pods, pick } = await startWorld("alpha", "beta").then((each) => ({
      ...each,
      url: each.url,
      pods: each.pods,
      pick: each.pick.bind(each),
    }));
    const { page } = await look(url);
    await page.evaluate(`
      window.spoken = [];
      new MutationObserver(() => window.spoken.push(document.querySelector("#sentence").textContent))
        .observe(document.querySelector("#sentence"), { childList: true, characterData: true, subtree: true });
    `);
    const asked = () =>
      page.evaluate<number>("performance.getEntriesByName(new URL('debug/status', location.href).href).length");
    const before = await asked();
    for (let i = 0; i < 3; i++) await pick(`prompt ${i}`);
    while ((await asked()) < before + 3) await page.waitForTimeout(100);
    expect(await page.evaluate("window.spoken")).toEqual([]);
    pods[1]?.stop();
    await says(page, "beta does not answer");
    expect(await page.evaluate("window.spoken")).toEqual(["Working with 1 of 2 pods: beta does not answer."]);
  });
});

describe.skipIf(browser === undefined)("a picker that goes and comes", () => {
  test("is said to give no answer since when, what was known stays, and the page goes on by itself", async () => {
    const here = await startWorld("alpha", "beta");
    await here.pick("before");
    const { page } = await look(here.url);
    await page.locator(".decisions tbody tr").first().waitFor();
    await here.killPicker();
    await says(page, /^No answer since \d\d:\d\d:\d\d\.$/);
    expect(await level(page)).toBe("act");
    expect(await page.locator("#live").getAttribute("data-stale")).toBe("");
    expect(await page.locator(".pods tbody tr").count()).toBe(2);
    await here.startPicker();
    await says(page, "Working: all 2 pods answer.");
    expect(await page.locator("#live").getAttribute("data-stale")).toBeNull();
    expect(await page.locator("#since").textContent()).toContain("started again");
    await here.pick("after");
    await page.locator(".decisions tbody tr").first().waitFor();
  });
});

describe.skipIf(browser === undefined)("names that mean harm", () => {
  const hostile = `"><img src=x onerror="window.harmed=1"><script>window.harmed=2</script>`;
  const notHarmed = async ({ page, asked }: Look, origin: string) => {
    expect(await page.evaluate("window.harmed")).toBeUndefined();
    expect(await page.locator("img:not([alt=''])").count()).toBe(0);
    expect(asked.filter((url) => !url.startsWith(origin))).toEqual([]);
  };

  test("of models are shown as text, through a real picker", async () => {
    const here = await startWorld("alpha");
    world = here;
    await here.pick("Hello", { model: hostile });
    const each = await look(here.url);
    await each.page.locator(".decisions .model", { hasText: hostile }).waitFor();
    await each.page.locator(".decisions tbody button").first().click();
    await each.page.locator("dialog .facts", { hasText: hostile }).waitFor();
    await notHarmed(each, here.url);
  });

  test("of pods, pools, sources, scorers and log lines are shown as text", async () => {
    const here = await startWorld("alpha");
    await here.pick("Hello");
    const poisoned = (text: string) =>
      text.replaceAll('"alpha"', JSON.stringify(hostile)).replaceAll('"default"', JSON.stringify(hostile));
    const context = await (browser as Browser).newContext();
    const page = await context.newPage();
    await page.route(/\/debug\//, async (route) => {
      const answer = await route.fetch();
      const status = JSON.parse(poisoned(await answer.text()));
      const said = [{ at: new Date().toISOString(), level: "error", text: hostile, about: hostile, count: 1 }];
      const warnings = [{ level: "act", text: hostile, cure: hostile }];
      await route.fulfill({ response: answer, json: "health" in status ? { ...status, said, warnings } : status });
    });
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(here.url);
    const each = { page, asked, complaints: [] };
    looks.push(each);
    for (const place of [".pods .name", ".pools th", "#said li", "#warnings li"]) {
      await page.locator(place, { hasText: "onerror" }).first().waitFor();
    }
    await page.locator('.decisions .name[title*="onerror"]').first().waitFor();
    await page.locator(".decisions tbody button").first().click();
    await page.locator("dialog .candidates .name, dialog .signals .name", { hasText: "onerror" }).first().waitFor();
    await notHarmed(each, here.url);
  });
});

describe.skipIf(browser === undefined)("200 pods and 50 decisions", () => {
  test("are drawn anew in less than a frame or two, on a phone too without sideways scrolling", async () => {
    const server = http.createServer((_request, response) => {
      response.end(
        `vllm:num_requests_waiting ${Math.floor(Math.random() * 9)}\nvllm:num_requests_running 2\nvllm:kv_cache_usage_perc ${Math.random()}\n`,
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    const { port } = server.address() as AddressInfo;
    // All of 127.0.0.0/8 is this machine.
    const named = Array.from({ length: 200 }, (_, i) => ({ name: `vllm-${i}`, address: `127.0.1.${i + 1}:${port}` }));
    const metrics = { waiting: 0, running: 0, kvUsage: 0 };
    world = await StatusWorld.start(named.map((pod) => ({ ...pod, metrics, stop: () => {} })));
    for (let i = 0; i < 60; i++) await world.pick(`prompt ${i}`);
    const { page } = await look(world.url, { viewport: { width: 360, height: 740 } });
    await page.getByRole("button", { name: "Show all 200" }).click();
    await page.getByRole("button", { name: "Show 50" }).click();
    expect(await page.locator(".pods tbody tr").count()).toBe(200);
    expect(await page.locator(".decisions tbody tr").count()).toBe(50);
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
    // Long tasks are those above 50 ms; the first drawing may be one.
    await page.evaluate(`
      window.long = [];
      new PerformanceObserver((list) => window.long.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
    `);
    const polls = () =>
      page.evaluate<number>("performance.getEntriesByName(new URL('debug/status', location.href).href).length");
    const before = await polls();
    while ((await polls()) < before + 5) await page.waitForTimeout(200);
    const long = await page.evaluate<number[]>("window.long");
    expect(long.filter((ms) => ms > 250)).toEqual([]);
    await page.getByPlaceholder("Find a pod").fill("vllm-19");
    await expect.poll(() => page.locator(".pods tbody tr").count()).toBe(11);
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  });
});
