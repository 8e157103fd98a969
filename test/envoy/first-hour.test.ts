/** One Envoy and two machines with vLLM: the commands of the documents, word for word, until an answer comes. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { findTestEnvoy } from "../support/test-envoy.ts";
import { TwoMachines, whyNoMachines } from "../support/two-machines.ts";

const testEnvoy = await findTestEnvoy();
const missing = whyNoMachines();
if (missing !== undefined) console.warn(`Skipped: no network apart. ${missing}`);
const RETRY_MS = 200;

/** The lines of the first block of commands that begins so. */
function commandsOf(document: string, begin: string): readonly string[] {
  const text = readFileSync(new URL(`../../${document}`, import.meta.url), "utf8");
  const [, ...blocks] = text.split("```sh\n");
  const block = blocks.find((each) => each.startsWith(begin)) ?? "";
  return block.slice(0, block.indexOf("```")).trim().split("\n");
}

const documents = [
  { document: "README.md", pods: ["10.0.0.1:8000", "10.0.0.2:8000"] },
  { document: "deploy/envoy/README.md", pods: ["127.0.0.1:8001", "127.0.0.1:8002"] },
];

describe.skipIf(testEnvoy === undefined || missing !== undefined).each(documents)("$document", ({ document, pods }) => {
  let machines: TwoMachines | undefined;

  afterEach(() => machines?.end());

  test("three commands lead from two pods to answers by the pods that were picked", async () => {
    const [serve = "", envoy = "", ask = "", ...more] = commandsOf(document, "npx pointsman serve");
    expect(more).toEqual([]);
    expect([serve, envoy, ask].map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "npx pointsman",
      "envoy -c",
      expect.stringMatching(/^curl http/),
    ]);
    machines = await TwoMachines.start(dirname(testEnvoy!.binary), pods);
    machines.leave(serve);
    machines.leave(envoy);
    // The third terminal: until the other two are up curl is told so.
    let answer = "";
    while (!answer.includes("choices")) {
      answer = await machines.run(ask);
      await delay(RETRY_MS);
    }
    expect(JSON.parse(answer)).toMatchObject({ model: "m", choices: [{ message: { role: "assistant" } }] });
    // What the page says next: the picker shows its picks and its pods.
    const decisions = await machines.run("curl -s http://127.0.0.1:9091/debug/decisions");
    expect(pods.filter((pod) => decisions.includes(pod))).toHaveLength(1);
    const known = await machines.run("curl -s http://127.0.0.1:9091/debug/pods");
    expect(pods.filter((pod) => known.includes(pod))).toEqual(pods);
  });
});
