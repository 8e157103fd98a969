/** The kinds of parameter that plugins of the Go picker take; read as strictly as there: an unknown field is a fault. */
import { isMap, isScalar } from "yaml";
import { nearestWord } from "../../discovery/nearest-word.ts";
import type { Field, YamlTree } from "../../discovery/yaml-tree.ts";
import { durationMs } from "../option-kinds.ts";

export interface ParameterKind<T> {
  readonly expects: string;
  /** undefined, and a fault told, where it is no such value. */
  read(tree: YamlTree, field: Field): T | undefined;
}

export type Parameters = { readonly [name: string]: ParameterKind<unknown> };
/** Only what is written; defaults belong to who uses the values. */
export type ParameterValues<P extends Parameters> = {
  readonly [K in keyof P]?: P[K] extends ParameterKind<infer T> ? T : never;
};

function scalar<T>(expects: string, accept: (value: unknown) => T | undefined): ParameterKind<T> {
  return {
    expects,
    read: (tree, field) => accept(isScalar(field.node) ? field.node.value : undefined) ?? tree.wrong(field, expects),
  };
}

export function amount(min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): ParameterKind<number> {
  const bounds = Number.isFinite(max) ? ` ${min}..${max}` : Number.isFinite(min) ? ` >= ${min}` : "";
  return scalar(`a number${bounds}`, (value) => {
    return typeof value === "number" && value >= min && value <= max ? value : undefined;
  });
}

export function count(min = 0): ParameterKind<number> {
  return scalar(`an integer >= ${min}`, (value) => {
    return typeof value === "number" && Number.isSafeInteger(value) && value >= min ? value : undefined;
  });
}

export const toggle: ParameterKind<boolean> = scalar("true or false", (value) => {
  return typeof value === "boolean" ? value : undefined;
});

export const word: ParameterKind<string> = { expects: "a text", read: (tree, field) => tree.text(field, "a text") };

const longest = durationMs(0);
/** As Go writes them, "50ms". */
export const duration: ParameterKind<number> = scalar("a duration such as 50ms, 2s or 1m30s", (value) => {
  return typeof value === "string" ? longest.parse(value) : undefined;
});

export function oneOf<const W extends string>(...words: readonly W[]): ParameterKind<W> {
  const expects = `one of ${words.join(", ")}`;
  return {
    expects,
    read: (tree, field) => {
      const text = tree.text(field, expects);
      if (text === undefined) return undefined;
      return words.find((each) => each === text) ?? tree.wrong(field, expects, nearestWord(text, words));
    },
  };
}

/** Something that is not looked into, since nothing here would use it. */
export const anything: ParameterKind<true> = { expects: "anything", read: () => true };

export function listOf<T>(kind: ParameterKind<T>): ParameterKind<readonly T[]> {
  const expects = `a list, each ${kind.expects}`;
  return {
    expects,
    read: (tree, field) => {
      const items = tree.items(field, expects);
      return items?.flatMap((item) => kind.read(tree, item) ?? []);
    },
  };
}

/** Texts by key. */
export const words: ParameterKind<Readonly<Record<string, string>>> = {
  expects: "a mapping of texts",
  read: (tree, field) => {
    if (!isMap(field.node)) return tree.wrong(field, "a mapping of texts");
    const texts = [...tree.fields(field, field.node)].map(([key, value]) => [key, tree.text(value, "a text")] as const);
    return Object.fromEntries(texts.flatMap(([key, text]) => (text === undefined ? [] : [[key, text]])));
  },
};

export function mappingOf<P extends Parameters>(parameters: P): ParameterKind<ParameterValues<P>> {
  const names = Object.keys(parameters);
  const expects = names.length === 0 ? "an empty mapping" : `a mapping with ${names.join(", ")}`;
  return {
    expects,
    read: (tree, field) => {
      if (!isMap(field.node)) return tree.wrong(field, expects);
      const values: Record<string, unknown> = {};
      for (const [name, value] of tree.fields(field, field.node, names)) {
        // As in Go, a field without a value is one that is not there.
        const isEmpty = value.node === undefined || (isScalar(value.node) && value.node.value === null);
        const read = isEmpty ? undefined : parameters[name]?.read(tree, value);
        if (read !== undefined) values[name] = read;
      }
      return values as ParameterValues<P>;
    },
  };
}
