/** Schemas that say of a JSON value what is wrong with it: an unknown member as well as a missing or a wrong one. */

/** The faults of a value, each with its place; none where all is well. */
export type Schema = (value: unknown, at: string) => string[];

export function faultsOf(schema: Schema, value: unknown, at = "body"): string[] {
  return schema(value, at);
}

const shown = (value: unknown) => JSON.stringify(value)?.slice(0, 60) ?? "nothing";

function test(expects: string, isRight: (value: unknown) => boolean): Schema {
  return (value, at) => (isRight(value) ? [] : [`${at}: expected ${expects}, got ${shown(value)}`]);
}

export const anything: Schema = () => [];
export const flag = test("true or false", (value) => typeof value === "boolean");
export const nothing = test("null", (value) => value === null);

/** Anything that `pattern` finds a match in. */
export function text(pattern = /(?:)/): Schema {
  return test(`a string like ${pattern}`, (value) => typeof value === "string" && pattern.test(value));
}

/** A string with something in it. */
export const someText = text(/[\s\S]/);
export const base64 = text(/^[A-Za-z0-9+/]+={0,2}$/);

export function number(min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): Schema {
  return test(`${min} <= number <= ${max}`, (value) => typeof value === "number" && value >= min && value <= max);
}

export function integer(min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER): Schema {
  return test(`${min} <= integer <= ${max}`, (value) =>
    Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max);
}

export function oneOf(...values: readonly unknown[]): Schema {
  return test(`one of ${values.map(shown).join(", ")}`, (value) => values.includes(value));
}

export function list(item: Schema, fewest = 0, most = Number.POSITIVE_INFINITY): Schema {
  return (value, at) => {
    if (!Array.isArray(value)) return [`${at}: expected an array, got ${shown(value)}`];
    const count = value.length < fewest || value.length > most ? [`${at}: ${value.length} items`] : [];
    return [...count, ...value.flatMap((each, index) => item(each, `${at}[${index}]`))];
  };
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Members by their names; one with a question mark behind it may be absent, and no other may be there. */
export function object(members: Readonly<Record<string, Schema>>): Schema {
  const specs = Object.entries(members).map(([key, schema]) => {
    const isOptional = key.endsWith("?");
    return { name: isOptional ? key.slice(0, -1) : key, isOptional, schema };
  });
  return (value, at) => {
    if (!isRecord(value)) return [`${at}: expected an object, got ${shown(value)}`];
    const known = specs.flatMap(({ name, isOptional, schema }) => {
      if (Object.hasOwn(value, name)) return schema(value[name], `${at}.${name}`);
      return isOptional ? [] : [`${at}.${name}: missing`];
    });
    const names = new Set(specs.map(({ name }) => name));
    const unknown = Object.keys(value).filter((name) => !names.has(name));
    return [...known, ...unknown.map((name) => `${at}.${name}: unknown`)];
  };
}

/** An object of any names. */
export function record(of: Schema): Schema {
  return (value, at) => {
    if (!isRecord(value)) return [`${at}: expected an object, got ${shown(value)}`];
    return Object.entries(value).flatMap(([name, each]) => of(each, `${at}.${name}`));
  };
}

/** Objects that a member tells apart. */
export function tagged(tag: string, kinds: Readonly<Record<string, Schema>>): Schema {
  return (value, at) => {
    const kind = isRecord(value) ? value[tag] : undefined;
    const schema = typeof kind === "string" && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    return (
      schema?.(value, at) ?? [`${at}.${tag}: expected one of ${Object.keys(kinds).join(", ")}, got ${shown(kind)}`]
    );
  };
}

/** An object that has exactly one of these members, as unions of Amazon and Google have. */
export function only(kinds: Readonly<Record<string, Schema>>): Schema {
  return (value, at) => {
    const names = isRecord(value) ? Object.keys(value) : [];
    const [name = "", ...more] = names;
    const schema = more.length === 0 && Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (schema === undefined || !isRecord(value)) {
      return [
        `${at}: expected exactly one of ${Object.keys(kinds).join(", ")}, got ${names.join(", ") || shown(value)}`,
      ];
    }
    return schema(value[name], `${at}.${name}`);
  };
}

/** Any of these; where none fits the faults of the nearest are told. */
export function either(...schemas: readonly Schema[]): Schema {
  return (value, at) => {
    const faults = schemas.map((schema) => schema(value, at)).sort((a, b) => a.length - b.length);
    return faults[0] ?? [];
  };
}

/** A schema and one more condition on what fits it. */
export function also(schema: Schema, says: string, holds: (value: Record<string, unknown>) => boolean): Schema {
  return (value, at) => {
    const faults = schema(value, at);
    return faults.length === 0 && isRecord(value) && !holds(value) ? [`${at}: ${says}`] : faults;
  };
}
