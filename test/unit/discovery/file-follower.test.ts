import { appendFileSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { FileFollower } from "../../../src/discovery/file-follower.ts";

const folder = mkdtempSync(join(tmpdir(), "file-follower-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const until = (condition: () => void) => vi.waitFor(condition, { timeout: 8000, interval: 5 });

let follower: FileFollower | undefined;
afterEach(() => follower?.stop());
let files = 0;

function follow(text: string, { known = true, begin = true, restMs = 5, changed = async () => {} } = {}) {
  const path = join(folder, `${files++}.yaml`);
  const said: string[] = [];
  writeFileSync(path, text);
  follower = new FileFollower(path, known ? Buffer.from(text) : undefined, {
    changed: async (bytes) => {
      said.push(Buffer.from(bytes).toString());
      await changed();
    },
    lost: (problem) => said.push(`lost: ${problem.replace(path, "it")}`),
    limitBytes: 1000,
    lookMs: 20,
    restMs,
  });
  if (begin) follower.start();
  const save = (text: string) => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  return { path, said, save };
}

test("FileFollower tells what differs from what is known, once", async () => {
  const { said, save } = follow("a");
  save("b");
  await until(() => expect(said).toEqual(["b"]));
  save("b");
  save("c");
  await until(() => expect(said).toEqual(["b", "c"]));
});

test("FileFollower tells a file that is gone once, and what stands there afterwards even if it is the same", async () => {
  const { path, said, save } = follow("a");
  rmSync(path);
  await until(() => expect(said).toEqual(["lost: it is not there"]));
  save("a");
  await until(() => expect(said).toEqual(["lost: it is not there", "a"]));
});

test.each([true, false])(
  "FileFollower waits until a file that grows has come to rest, known before: %s",
  async (known) => {
    const { path, said } = follow("a", { known, restMs: 40, begin: false });
    const later = new Date(Date.now() + 3_600_000);
    let size = 1;
    // Written on and on for longer than several looks.
    for (const endMs = performance.now() + 150; performance.now() < endMs; size++) {
      // Grows only: what is written anew is empty in between, and a busy machine may leave it so for long.
      if (size === 1) writeFileSync(path, "x");
      else appendFileSync(path, "x");
      // However long the machine takes over this, it was written just now.
      utimesSync(path, later, later);
      if (size === 1) follower?.start();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await until(() => expect(said).toHaveLength(1));
    expect(said).toEqual(["x".repeat(size - 1)]);
  },
);

test("FileFollower tells the next change when the one before is dealt with, and none after its stop", async () => {
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
  follower = new FileFollower(path, Buffer.from("c"), {
    changed: async (bytes) => void heard.push(Buffer.from(bytes).toString()),
    lost,
    limitBytes: 1000,
  });
  follower.start();
  await until(() => expect(heard).toEqual(["d"]));
  expect(said).toEqual(["b", "c"]);
});

test("FileFollower that knows nothing tells at once what lay there before the start", async () => {
  const { path, said } = follow("old", { known: false, restMs: 60_000, begin: false });
  utimesSync(path, new Date(0), new Date(0));
  follower?.start();
  await until(() => expect(said).toEqual(["old"]));
});

test("FileFollower that knows nothing tells that there is no file, and the file once it is there", async () => {
  const { path, said, save } = follow("a", { known: false, begin: false });
  rmSync(path);
  follower?.start();
  await until(() => expect(said).toEqual(["lost: it is not there"]));
  save("a");
  await until(() => expect(said).toEqual(["lost: it is not there", "a"]));
});
