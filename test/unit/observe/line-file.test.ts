import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LineFile } from "../../../src/observe/line-file.ts";
import { SharedOutput } from "../../../src/observe/shared-output.ts";

let folder: string;
let path: string;
let told: string[];
const events = {
  written: (lines: number) => told.push(`written ${lines}`),
  dropped: (lines: number) => told.push(`dropped ${lines}`),
  failed: () => told.push("failed"),
  hangs: () => told.push("hangs"),
  recovered: () => told.push("recovered"),
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "line-file-"));
  path = join(folder, "lines.jsonl");
  told = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const makePipe = () => execFileSync("sh", ["-c", `mkfifo "$0"`, path]);

describe("LineFile", () => {
  test("writes what was added, in its order, behind what the file held", async () => {
    for (const line of ["one", "two"]) {
      const file = new LineFile(path, events);
      file.add(line);
      await file.close();
    }
    expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
    expect(told).toEqual(["written 1", "written 1"]);
  });

  test("drops and counts what does not fit while nothing is written", async () => {
    const file = new LineFile(path, events, { limitBytes: 9 });
    for (const line of ["12345", "6789", "67890"]) file.add(line);
    expect(told).toEqual(["dropped 1", "dropped 1"]);
    await file.flush();
    file.add("again");
    await file.close();
    expect(readFileSync(path, "utf8")).toBe("12345\nagain\n");
  });

  test("goes on in a new file where the old one was renamed", async () => {
    const file = new LineFile(path, events, { lookMs: 0 });
    file.add("before");
    await file.flush();
    renameSync(path, `${path}.1`);
    file.add("after");
    await file.close();
    expect(readFileSync(`${path}.1`, "utf8")).toBe("before\n");
    expect(readFileSync(path, "utf8")).toBe("after\n");
  });

  test("says once that it cannot write, drops, and says when it can again", async () => {
    const missing = join(folder, "missing");
    const file = new LineFile(join(missing, "lines.jsonl"), events);
    for (const line of ["lost", "lost too"]) {
      file.add(line);
      await file.flush();
    }
    expect(told).toEqual(["dropped 1", "failed", "dropped 1"]);
    mkdirSync(missing);
    file.add("kept");
    await file.close();
    expect(told.slice(3)).toEqual(["written 1", "recovered"]);
    expect(readFileSync(join(missing, "lines.jsonl"), "utf8")).toBe("kept\n");
  });

  test("ends a line that was cut before it begins the next", async () => {
    writeFileSync(path, '{"id":"cut');
    const file = new LineFile(path, events);
    file.add("whole");
    await file.flush();
    file.add("too");
    await file.close();
    expect(readFileSync(path, "utf8")).toBe('{"id":"cut\nwhole\ntoo\n');
    expect(told).toEqual(["written 1", "written 1"]);
  });

  test("drops what a pipe without a reader would wait for", async () => {
    makePipe();
    const file = new LineFile(path, events);
    file.add("lost");
    expect(await file.close()).toBe(true);
    expect(told).toEqual(["dropped 1", "failed"]);
  });

  test("gives a full pipe up at its end, counts the lines that went out whole, and says that it hung", async () => {
    makePipe();
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const file = new LineFile(path, events, { hangMs: 1 });
    for (let i = 0; i < 3; i++) file.add("x".repeat(40_000));
    await vi.waitFor(() => expect(told).toEqual(["hangs"]));
    expect(await file.close(50)).toBe(true);
    expect(told).toEqual(["hangs", "written 1", "dropped 2"]);
    file.add("after the end");
    expect(told.at(-1)).toBe("dropped 1");
    closeSync(reader);
  });

  test("goes on behind a pipe that was full, with no line in the middle of another", async () => {
    makePipe();
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const file = new LineFile(path, events);
    const lines = Array.from({ length: 20 }, (_, i) => String(i).repeat(9_000));
    for (const line of lines) file.add(line);
    const flushed = file.flush();
    let text = "";
    const bytes = Buffer.alloc(65_536);
    const read = () => {
      try {
        text += bytes.toString("utf8", 0, readSync(reader, bytes));
      } catch {}
    };
    await vi.waitFor(() => {
      read();
      expect(text).toHaveLength(`${lines.join("\n")}\n`.length);
    }, 10_000);
    await flushed;
    await file.close();
    closeSync(reader);
    expect(text.trimEnd().split("\n")).toEqual(lines);
    expect(told.filter((each) => each.startsWith("written"))).toEqual(["written 20"]);
  });
});

describe("SharedOutput", () => {
  test("keeps lines of the log back while others write, and others while the log does", async () => {
    const out: string[] = [];
    let over = () => {};
    const put = (text: string) => {
      out.push(text);
      const { promise, resolve } = Promise.withResolvers<void>();
      over = resolve;
      return promise;
    };
    const output = new SharedOutput(put, 10);
    output.write("a\n");
    let isHeld = false;
    const held = output.hold().then(() => {
      isHeld = true;
    });
    for (const line of ["b\n", "c\n", "much too long\n"]) output.write(line);
    await Promise.resolve();
    expect([out, isHeld]).toEqual([["a\n"], false]);
    over();
    await held;
    expect(out).toEqual(["a\n"]);
    output.release(true);
    expect(out).toHaveLength(2);
    expect(out[1]).toMatch(/^\nb\nc\n.*"lines":1\}\n$/s);
    over();
  });
});
