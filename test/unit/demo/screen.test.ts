import { expect, test } from "vitest";
import { clip, Screen } from "../../../src/demo/screen.ts";

/** What a terminal would show, for the few controls that Screen uses. */
class FakeTerminal {
  readonly isTTY = true;
  readonly columns = 20;
  readonly rows = 6;
  readonly lines = [""];
  #row = 0;

  write(text: string): void {
    for (const piece of text.replaceAll("\x1b[", "␛").split(/(\n|␛\d+A|␛J|\r)/)) {
      const up = /^␛(\d+)A$/.exec(piece)?.[1];
      if (up !== undefined) this.#row -= Number(up);
      else if (piece === "␛J") this.lines.splice(this.#row, Number.POSITIVE_INFINITY, "");
      else if (piece === "\n") this.lines[++this.#row] ??= "";
      else if (piece !== "\r") this.lines[this.#row] += piece;
    }
  }
}

test("Screen redraws the table in place", () => {
  const terminal = new FakeTerminal();
  const screen = new Screen(terminal);
  screen.say("hello");
  screen.show(["a 1", "b 1", "c 1"]);
  screen.show(["a 2", "b 2"]);
  expect(terminal.lines).toEqual(["hello", "a 2", "b 2", ""]);
});

test("Screen says lines above the table", () => {
  const terminal = new FakeTerminal();
  const screen = new Screen(terminal);
  screen.show(["table"]);
  screen.say("one\ntwo");
  expect(terminal.lines).toEqual(["one", "two", "table", ""]);
});

test("Screen leaves a released table where it stands", () => {
  const terminal = new FakeTerminal();
  const screen = new Screen(terminal);
  screen.show(["old table"]);
  screen.release();
  screen.say("below");
  screen.show(["new table"]);
  expect(terminal.lines).toEqual(["old table", "below", "new table", ""]);
});

test("Screen cuts what does not fit the terminal, so that it can be erased again", () => {
  const terminal = new FakeTerminal();
  const screen = new Screen(terminal);
  screen.show(["x".repeat(30), "2", "3", "4", "5", "6", "7"]);
  expect(terminal.lines).toEqual(["x".repeat(20), "2", "3", "4", "5", ""]);
});

test("Screen draws no table where there is no terminal", () => {
  const written: string[] = [];
  const screen = new Screen({ write: (text) => written.push(text) });
  screen.show(["table"]);
  screen.say("line");
  expect([screen.live, ...written]).toEqual([false, "line\n"]);
});

test("clip counts visible characters only", () => {
  expect(clip("\x1b[31mred\x1b[0m and █ more", 9)).toBe("\x1b[31mred\x1b[0m and █");
});
