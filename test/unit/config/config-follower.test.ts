import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { ConfigFollower } from "../../../src/config/config-follower.ts";

const folder = mkdtempSync(join(tmpdir(), "config-follower-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const until = (condition: () => void) => vi.waitFor(condition, { timeout: 8000, interval: 5 });

let follower: ConfigFollower | undefined;
afterEach(() => follower?.stop());
let files = 0;

function follow(known: string, { restMs = 5, changed = async () => {} } = {}) {
  const path = join(folder, `${files++}.yaml`);
  const said: string[] = [];
  writeFileSync(path, known);
  follower = new ConfigFollower(path, Buffer.from(known), {
    changed: async (bytes) => {
      said.push(Buffer.from(bytes).toString());
      await changed();
    },
    lost: (problem) => said.push(`lost: ${problem.replace(path, "it")}`),
    lookMs: 20,
    restMs,
  });
  follower.start();
  const save = (text: string) => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  return { path, said, save };
}

test("ConfigFollower tells what differs from what is known, once", async () => {
  const { said, save } = follow("a");
  save("b");
  await until(() => expect(said).toEqual(["b"]));
  save("b");
  save("c");
  await until(() => expect(said).toEqual(["b", "c"]));
});

test("ConfigFollower tells a file that is gone once, and what stands there afterwards even if it is the same", async () => {
  const { path, said, save } = follow("a");
  rmSync(path);
  await until(() => expect(said).toEqual(["lost: it is not there"]));
  save("a");
  await until(() => expect(said).toEqual(["lost: it is not there", "a"]));
});

test("ConfigFollower waits until a file that grows has come to rest", async () => {
  const { path, said } = follow("a", { restMs: 40 });
  let size = 1;
  // Written on and on for longer than several looks.
  for (const endMs = performance.now() + 150; performance.now() < endMs; size++) {
    writeFileSync(path, "x".repeat(size));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => expect(said).toHaveLength(1));
  expect(said).toEqual(["x".repeat(size - 1)]);
});

test("ConfigFollower tells the next change when the one before is dealt with, and none after its stop", async () => {
  const gate = Promise.withResolvers<void>();
  const { path, said, save } = follow("a", { changed: () => gate.promise });
  save("b");
  await until(() => expect(said).toEqual(["b"]));
  save("c");
  gate.resolve();
  await until(() => expect(said).toEqual(["b", "c"]));
  follower?.stop();
  save("d");
  follower?.lookNow();
  const heard: string[] = [];
  const lost = () => undefined;
  follower = new ConfigFollower(path, Buffer.from("c"), {
    changed: async (bytes) => void heard.push(Buffer.from(bytes).toString()),
    lost,
  });
  follower.start();
  await until(() => expect(heard).toEqual(["d"]));
  expect(said).toEqual(["b", "c"]);
});
