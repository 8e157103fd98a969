/** Random bodies of every API: what the API reads and what it does not, well shaped and not, in any spelling. */
import { apis } from "../../src/request/apis.ts";
import type { JsonApi } from "../../src/request/inference-request.ts";
import type { Random } from "./random.ts";
import { jsonText, space } from "./random-json.ts";

const words = ["alpha ", "beta", "模型", "x-anthropic-billing-header", "0", "say ", "{", "é"];
const escapes = ["\\n", '\\"', "\\\\", "\\u0041", "\\/"];
const messageNames = [
  "role",
  "content",
  "name",
  "tool_calls",
  "tool_call_id",
  "type",
  "output",
  "reasoning",
  "zeta",
  "eta",
];
const blockNames = ["type", "text", "image_url", "cache_control", "input", "tool_use_id", "zeta", "eta", "content"];
const unknownNames = ["zeta", "eta", "tool_calls", "tool_call_id", "reasoning"];
const blockTypes = ['"text"', '"text"', '"input_text"', '"image_url"', '"thinking"', "7"];

function text(random: Random): string {
  const pieces = Array.from({ length: random.int(5) }, () => random.of(random.chance(0.2) ? escapes : words));
  return `"${pieces.join("")}"`;
}

function array(random: Random, items: readonly string[]): string {
  return `[${space(random)}${items.map((item) => space(random) + item + space(random)).join(",")}]`;
}

/** Members in any order; now and then one that was there before. */
function object(random: Random, members: readonly (readonly [string, string])[]): string {
  const spelt = random.shuffle([...members]);
  if (members.length > 0 && random.chance(0.2)) spelt.push([random.of(members)[0], random.of(members)[1]]);
  const inside = spelt.map(
    ([name, value]) =>
      `${space(random)}${keyOf(random, name)}${space(random)}:${space(random)}${value}${space(random)}`,
  );
  return `{${inside.length === 0 ? space(random) : inside.join(",")}}`;
}

function keyOf(random: Random, name: string): string {
  // Names that a list of items does not know are sorted, and told apart, as they are spelt.
  if (random.chance(0.9) || unknownNames.includes(name)) return JSON.stringify(name);
  const place = random.int(name.length);
  const escaped = `\\u${name.charCodeAt(place).toString(16).padStart(4, "0")}`;
  return `"${name.slice(0, place)}${escaped}${name.slice(place + 1)}"`;
}

/** Any value but an object: its names, escaped as they are, would count in another order than decoded. */
function odd(random: Random): string {
  const value = jsonText(random, 2);
  return value.startsWith("{") ? "{}" : value;
}

function some(random: Random, names: readonly string[], value: (name: string) => string): [string, string][] {
  return names.filter(() => random.chance(0.4)).map((name) => [name, value(name)]);
}

function list(random: Random, item: () => string): string {
  const items = Array.from({ length: random.int(5) }, () => (random.chance(0.1) ? odd(random) : item()));
  return array(random, items);
}

function block(random: Random): string {
  const members = some(random, blockNames, (name) => {
    if (name === "type") return random.of(blockTypes);
    return random.chance(0.7) ? text(random) : odd(random);
  });
  return object(random, members);
}

function content(random: Random): string {
  return random.chance(0.5) ? text(random) : list(random, () => block(random));
}

function message(random: Random): string {
  const members = some(random, messageNames, (name) => {
    if (name === "content") return random.chance(0.9) ? content(random) : random.of(["7", "null", "{}", "[7]"]);
    return random.chance(0.7) ? text(random) : odd(random);
  });
  return object(random, members);
}

function prompts(random: Random): string {
  const ids = () =>
    array(
      random,
      Array.from({ length: random.int(6) }, () => String(random.int(9999))),
    );
  const kind = random.int(4);
  if (kind === 0) return text(random);
  if (kind === 1) return ids();
  return list(random, kind === 2 ? () => text(random) : ids);
}

const values: Readonly<Record<string, (random: Random) => string>> = {
  whole: (random) => (random.chance(0.5) ? text(random) : odd(random)),
  prompts,
  texts: prompts,
  system: content,
  messages: (random) => list(random, () => message(random)),
  items: (random) => (random.chance(0.2) ? text(random) : list(random, () => message(random))),
};
const caps = ["0", "7", "128", "1e3", "-3", "-0", "2.5", '"9"', "null", "[1]", "1e999"];

/** One body of that API as text; JSON.parse takes it. */
export function randomBody(random: Random, api: JsonApi): string {
  const spec = apis[api];
  const members = new Map<string, string | Map<string, string>>();
  const put = (path: string, value: string) => {
    const [name = "", inner] = path.split(".");
    const outer = members.get(name);
    if (inner === undefined) members.set(name, value);
    else if (outer instanceof Map) outer.set(inner, value);
    else members.set(name, new Map([[inner, value]]));
  };
  const scalar = () => (random.chance(0.7) ? text(random) : odd(random));
  if (random.chance(0.9)) put("model", random.chance(0.9) ? '"org/m\\u0061"' : scalar());
  for (const path of spec.prompt) if (random.chance(0.7)) put(path.at, (values[path.as] ?? odd)(random));
  for (const path of spec.caps) if (random.chance(0.6)) put(path, random.of(caps));
  for (const path of [...spec.session, ...spec.salts, ...spec.adapter]) if (random.chance(0.4)) put(path, scalar());
  if (random.chance(0.6)) put("stream", random.of(["true", "true", "false", "null", '"true"', "1", "[true]"]));
  for (const name of ["temperature", "x", "Model", "messages2", "__proto__"])
    if (random.chance(0.2)) put(name, odd(random));
  const spelt = [...members].map(([name, value]) => {
    return [name, typeof value === "string" ? value : object(random, [...value])] as const;
  });
  return space(random) + object(random, spelt) + space(random);
}
