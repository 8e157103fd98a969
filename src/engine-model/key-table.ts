/** Finds a block by its key: open addressing over typed arrays, as this lookup is most of what a simulated step costs. */

/** Reads an array at an index the caller knows to lie within. */
function at(array: Int32Array, index: number): number {
  return array[index] ?? 0;
}

/** Holds at most one block per key, and each block under at most one key. */
export class KeyTable {
  readonly #firstKeys: Int32Array;
  readonly #secondKeys: Int32Array;
  /** Block + 1 per place, 0 = empty; a block stands at its home or in the unbroken run of places behind it. */
  readonly #places: Int32Array;
  readonly #mask: number;

  constructor(blocks: number) {
    this.#firstKeys = new Int32Array(blocks);
    this.#secondKeys = new Int32Array(blocks);
    // At most half full, so that runs stay short.
    const size = 2 ** Math.ceil(Math.log2(Math.max(2, 2 * blocks)));
    this.#places = new Int32Array(size);
    this.#mask = size - 1;
  }

  /** The block of this key, or -1. */
  find(first: number, second: number): number {
    for (let place = this.#home(first); ; place = (place + 1) & this.#mask) {
      const block = at(this.#places, place) - 1;
      if (block === -1) return -1;
      if (at(this.#firstKeys, block) === first && at(this.#secondKeys, block) === second) return block;
    }
  }

  /** False, and nothing changes, when another block has the key. */
  add(block: number, first: number, second: number): boolean {
    let place = this.#home(first);
    for (; at(this.#places, place) !== 0; place = (place + 1) & this.#mask) {
      const other = at(this.#places, place) - 1;
      if (at(this.#firstKeys, other) === first && at(this.#secondKeys, other) === second) return false;
    }
    this.#firstKeys[block] = first;
    this.#secondKeys[block] = second;
    this.#places[place] = block + 1;
    return true;
  }

  /** For a block that is in the table. Closes the gap, so that no run breaks. */
  remove(block: number): void {
    let gap = this.#home(at(this.#firstKeys, block));
    while (at(this.#places, gap) !== block + 1) gap = (gap + 1) & this.#mask;
    for (let place = (gap + 1) & this.#mask; at(this.#places, place) !== 0; place = (place + 1) & this.#mask) {
      const home = this.#home(at(this.#firstKeys, at(this.#places, place) - 1));
      // An entry may move back to the gap only if that does not lie before its home.
      if (((place - home) & this.#mask) < ((place - gap) & this.#mask)) continue;
      this.#places[gap] = at(this.#places, place);
      gap = place;
    }
    this.#places[gap] = 0;
  }

  #home(first: number): number {
    const bits = Math.imul(first, 0x9e3779b1);
    return (bits ^ (bits >>> 16)) & this.#mask;
  }
}
