/** A number for people: so many decimals, or as many digits where it is less than one, so that little is not nothing. */
export function shortNumber(value: number, decimals: number): string {
  const size = Math.abs(value);
  if (size >= 1 || size === 0) return String(Math.round(value * 10 ** decimals) / 10 ** decimals);
  return String(Number(value.toPrecision(decimals)));
}

/** Two numbers that differ, with as many digits as it takes to see it. */
export function apart(one: number, other: number): readonly [string, string] {
  for (let decimals = 2; decimals < 15; decimals++) {
    const told = [shortNumber(one, decimals), shortNumber(other, decimals)] as const;
    if (told[0] !== told[1]) return told;
  }
  return [String(one), String(other)];
}

/** All of it, and none of it, are said only where they are meant. */
export function percent(share: number): string {
  const whole = Math.round(share * 100);
  const isExtreme = (whole === 0 && share > 0) || (whole === 100 && share < 1);
  if (!isExtreme) return `${whole} %`;
  return whole === 0 ? "less than 1 %" : "more than 99 %";
}
