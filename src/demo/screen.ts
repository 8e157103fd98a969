/** Where the demo shows itself: lines anywhere, and on a terminal a table below them that is redrawn in place. */

export interface ScreenOutput {
  write(text: string): void;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export class Screen {
  /** False: lines only, show() does nothing. */
  readonly live: boolean;
  readonly #output: ScreenOutput;
  #shown: readonly string[] = [];
  /** Lines of the table that stand on the terminal. */
  #height = 0;

  constructor(output: ScreenOutput) {
    this.#output = output;
    this.live = output.isTTY === true;
  }

  /** Above the table, to stay. */
  say(text: string): void {
    const frame = this.#shown;
    this.#output.write(
      this.#eraseFrame() +
        text
          .split("\n")
          .map((line) => `${line}\n`)
          .join(""),
    );
    if (frame.length > 0) this.show(frame);
  }

  /** Replaces the table. */
  show(lines: readonly string[]): void {
    if (!this.live) return;
    const { columns = 80, rows = 24 } = this.#output;
    // A line that wraps, or a frame taller than the screen, could not be erased again.
    const fitting = lines.slice(0, Math.max(1, rows - 1)).map((line) => clip(line, columns));
    const erased = this.#eraseFrame();
    this.#shown = lines;
    this.#height = fitting.length;
    this.#output.write(erased + fitting.map((line) => `${line}\n`).join(""));
  }

  /** Leaves the last table where it stands; what follows comes below it. */
  release(): void {
    this.#shown = [];
    this.#height = 0;
  }

  /** Up to the table's first line, and everything from there away. One write with what follows: no flicker. */
  #eraseFrame(): string {
    const height = this.#height;
    this.#shown = [];
    this.#height = 0;
    return height === 0 ? "" : `\x1b[${height}A\r\x1b[J`;
  }
}

const startOfCode = "\x1b";
const colourOrCharacter = new RegExp(`(${startOfCode}\\[\\d*m)|[^${startOfCode}]`, "gu");

/** Cuts after so many visible characters; colour codes take no room. */
export function clip(line: string, width: number): string {
  let visible = 0;
  let clipped = "";
  for (const [piece, code] of line.matchAll(colourOrCharacter)) {
    if (code === undefined && ++visible > width) continue;
    clipped += piece;
  }
  return clipped;
}
