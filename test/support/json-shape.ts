/** Compares two JSON values by shape: the same keys everywhere, the same kind of value under each. */

type Kind = "null" | "boolean" | "number" | "string" | "array" | "object";

function kindOf(value: unknown): Kind {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value as Kind;
}

/**
 * One line per difference, empty when there is none. Values are not compared. Of arrays of objects the length counts,
 * of arrays of anything else only the kind of the elements.
 */
export function shapeDifferences(expected: unknown, actual: unknown, path = "body"): string[] {
  const wanted = kindOf(expected);
  const got = kindOf(actual);
  if (wanted !== got) return [`${path}: ${wanted}, ours ${got}`];
  if (Array.isArray(expected) && Array.isArray(actual)) return arrayDifferences(expected, actual, path);
  if (wanted !== "object") return [];
  const left = expected as Record<string, unknown>;
  const right = actual as Record<string, unknown>;
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((key) => {
    const inside = `${path}.${key}`;
    if (!(key in right)) return [`${inside}: missing`];
    if (!(key in left)) return [`${inside}: ours only`];
    return shapeDifferences(left[key], right[key], inside);
  });
}

function arrayDifferences(expected: readonly unknown[], actual: readonly unknown[], path: string): string[] {
  const isOfObjects = [...expected, ...actual].some((element) => kindOf(element) === "object");
  const lengths =
    isOfObjects && expected.length !== actual.length
      ? [`${path}: ${expected.length} items, ours ${actual.length}`]
      : [];
  const common = Math.min(expected.length, actual.length, isOfObjects ? Number.POSITIVE_INFINITY : 1);
  const elements = expected
    .slice(0, common)
    .flatMap((element, index) => shapeDifferences(element, actual[index], `${path}.${index}`));
  return [...lengths, ...elements];
}
