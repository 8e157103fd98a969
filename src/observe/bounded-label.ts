/** Keeps the values of a label few, whatever clients send: beyond a limit they are all one. */

/** What stands for all values beyond the limit; a value that is itself spelled so is counted with them. */
export const OTHER = "other";

const LONGEST = 512;

export class BoundedLabel {
  readonly #limit: number;
  readonly #isFree: (value: string) => boolean;
  readonly #told = new Set<string>();
  /** Of the values told, those that are not free. */
  #taken = 0;

  /** Values that are free are told whatever came before them, and from then on; they leave the others their room. */
  constructor(limit: number, isFree: (value: string) => boolean = () => false) {
    this.#limit = limit;
    this.#isFree = isFree;
  }

  bound(value: string): string {
    if (value === "" || this.#told.has(value)) return value;
    if (value.length > LONGEST || value.includes("\u0000")) return OTHER;
    if (!this.#isFree(value)) {
      if (this.#taken >= this.#limit) return OTHER;
      this.#taken++;
    }
    this.#told.add(value);
    return value;
  }
}
