/** Reads how AIBrix writes strategies: a name, or several as `a:2,b,c:0`, each with a whole weight, 1 without a word. */

export interface StrategyPart {
  readonly name: string;
  readonly weight: number;
}

/** AIBrix's bound. */
const HEAVIEST = 1_000_000;
/** Far longer than any text that names each strategy once. */
const LONGEST = 512;

/**
 * The parts that count, those of weight 0 left out; undefined where the text is not written like this, or nothing in it
 * counts. A strategy that decides alone wherever it is named stands alone.
 */
export function readStrategyText(text: string): readonly StrategyPart[] | undefined {
  if (text.length > LONGEST) return undefined;
  const parts: StrategyPart[] = [];
  for (const written of text.split(",")) {
    const [name = "", weight = "1", ...others] = written.split(":").map((each) => each.trim());
    const value = /^\+?\d{1,7}$/.test(weight) ? Number(weight) : Number.NaN;
    if (name === "" || others.length > 0 || !(value <= HEAVIEST)) return undefined;
    if (value > 0) parts.push({ name, weight: value });
  }
  const exclusive = parts.find(({ name }) => name === "pd" || name.startsWith("slo"));
  if (exclusive !== undefined) return [{ name: exclusive.name, weight: 1 }];
  return parts.length === 0 ? undefined : parts;
}
