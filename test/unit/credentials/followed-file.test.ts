import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { CredentialMissing } from "../../../src/credentials/credential.ts";
import { FollowedFile, oneSecret, Unusable } from "../../../src/credentials/followed-file.ts";
import { fileLosses, fileSwaps } from "../../support/file-swaps.ts";

const folder = mkdtempSync(join(tmpdir(), "followed-file-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const until = (condition: () => void) => vi.waitFor(condition, { timeout: 8000, interval: 5 });

const opened: FollowedFile<string>[] = [];
afterEach(() => {
  for (const file of opened.splice(0)) file.close();
});
let worlds = 0;

function world(text?: string, read = oneSecret) {
  const place = join(folder, String(worlds++));
  mkdirSync(place);
  const path = join(place, "key");
  if (text !== undefined) writeFileSync(path, text);
  const [changes, failures]: [string[], string[]] = [[], []];
  const file: FollowedFile<string> = new FollowedFile(path, {
    read,
    changed: () => changes.push(file.value),
    failed: (why) => failures.push(why.replace(path, "it")),
    lookMs: 20,
    restMs: 20,
  });
  opened.push(file);
  return { path, file, changes, failures };
}

describe("FollowedFile", () => {
  test("has the value when start resolves, without the newline at its end", async () => {
    const { file, changes, failures } = world("\ufeffsesame \r\n");
    await file.start();
    expect([file.value, file.hasValue, changes, failures]).toEqual(["sesame", true, ["sesame"], []]);
  });

  test("says that the file is not there, throws CredentialMissing, and takes it once it is", async () => {
    const { path, file, changes, failures } = world();
    await file.start();
    expect(failures).toEqual(["it is not there"]);
    expect(file.hasValue).toBe(false);
    expect(() => file.value).toThrow(CredentialMissing);
    writeFileSync(path, "sesame");
    await until(() => expect(changes).toEqual(["sesame"]));
  });

  describe.each(Object.entries(fileSwaps))("on %s", (_way, swap) => {
    test("never has an empty or torn value, and the old one no more when the new is told", async () => {
      const keyOf = (round: number) => `key-${round}-`.padEnd(200, String(round));
      const { path, file, changes, failures } = world();
      await swap(path, keyOf(0));
      await file.start();
      const seen = new Set<string>();
      let isOver = false;
      const load = (async () => {
        for (; !isOver; await new Promise((resolve) => setImmediate(resolve))) seen.add(file.value);
      })();
      try {
        for (let round = 1; round <= 6; round++) {
          await swap(path, `${keyOf(round)}\n`);
          await until(() => expect(changes).toHaveLength(round + 1));
          seen.clear();
          await new Promise((resolve) => setImmediate(resolve));
          expect([...seen, file.value]).toEqual(Array(seen.size + 1).fill(keyOf(round)));
        }
      } finally {
        isOver = true;
        await load;
      }
      expect(changes).toEqual([0, 1, 2, 3, 4, 5, 6].map(keyOf));
      expect(failures).toEqual([]);
    });
  });

  test.each(Object.entries(fileLosses))(
    "keeps the last good value of a file that %s, and says so once",
    async (_, lose) => {
      const { path, file, changes, failures } = world("sesame");
      await file.start();
      lose(path);
      await until(() => expect(failures).toHaveLength(1));
      expect(failures[0]).toMatch(/^it (is|cannot) /);
      expect(file.value).toBe("sesame");
      rmSync(path, { recursive: true, force: true });
      writeFileSync(path, "other");
      await until(() => expect(changes).toEqual(["sesame", "other"]));
    },
  );

  test("says nothing of what the reading says, unless it is Unusable", async () => {
    const { file, failures } = world("sesame", (text) => {
      throw new Error(`no good: ${text}`);
    });
    await file.start();
    expect(failures).toEqual(["it cannot be read"]);
  });

  test("says nothing after close, and lets go of whoever waits for it", async () => {
    const { path, file, changes, failures } = world("sesame");
    const started = file.start();
    file.close();
    await started;
    const other = world();
    await other.file.start();
    writeFileSync(path, "other");
    writeFileSync(other.path, "other");
    await until(() => expect(other.changes).toEqual(["other"]));
    expect([changes, failures]).toEqual([[], []]);
  });
});

describe("oneSecret", () => {
  test.each(["sk-abc_123", "two words", "a/b+c=="])("takes %j", (text) => expect(oneSecret(text)).toBe(text));

  test.each(["a\nb", "a\rb", "a\tb", "a\u0000b", "a\u007fb", "k\u00e9y", "a\u2028b"])("refuses %j", (text) => {
    const why = "holds control characters, several lines or letters beyond ASCII";
    expect(() => oneSecret(text)).toThrow(new Unusable(why));
  });
});
