/** Tells from a pod's numbers that another process answers than before. */
import { type NumberName, numberNames } from "./engines.ts";

const placeOf = (name: NumberName) => numberNames.indexOf(name);
const startedAt = placeOf("startedAtSeconds");
const counters = [placeOf("promptTokens"), placeOf("generationTokens")];
/** Where a process computes its own start from the machine's clock, setting that clock moves it a little. */
const CLOCK_SECONDS = 2;

export class RestartWatch {
  readonly #before = new Float64Array(numberNames.length).fill(Number.NaN);

  /** By the start time where both pages tell it, else by a counter that fell. NaN: keeps what is known. */
  sees(numbers: Float64Array): boolean {
    const told = !Number.isNaN(this.#at(startedAt)) && !Number.isNaN(numbers[startedAt] ?? Number.NaN);
    const restarted = told
      ? (numbers[startedAt] ?? 0) > this.#at(startedAt) + CLOCK_SECONDS
      : counters.some((place) => (numbers[place] ?? Number.NaN) < this.#at(place));
    for (const [place, number] of numbers.entries()) if (!Number.isNaN(number)) this.#before[place] = number;
    return restarted;
  }

  #at(place: number): number {
    return this.#before[place] ?? Number.NaN;
  }
}
