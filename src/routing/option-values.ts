/** What a plug-in is built with: the values the user set, and its own defaults for the rest. */
import type { OptionSpecs, Options, OptionValue } from "../scorer.ts";

/** As the user set them, checked. */
export type OptionValues = Readonly<Record<string, OptionValue>>;

export function withDefaults<O extends OptionSpecs>(specs: O, given: OptionValues = {}): Options<O> {
  const defaults = Object.entries(specs).map(([name, spec]) => [name, spec.default] as const);
  return { ...Object.fromEntries(defaults), ...given } as Options<O>;
}
