/** Of a configuration or of objects: all of the structure and its numbers, and the words of the fields that are known. */
import { isRecord } from "../place.ts";
import {
  knownKinds,
  knownTypes,
  labelKeys,
  plainFlag,
  plainHeader,
  plainKeys,
  plainWord,
  secretKeys,
  sentences,
  spelled,
} from "./kept-keys.ts";
import { emptied, REDACTED, withoutQuery, withoutSecrets } from "./shapes.ts";

type Tree = Readonly<Record<string, unknown>>;

const LONGEST = 500;
/** Names of constants, amounts of time and numbers are no secrets where their field is none. */
const CONSTANT = /^([A-Z][A-Z_]{1,40}\d{0,2}|true|false|-?\d+(\.\d+)?(ms|s|m|h|Mi|Gi|Ki)?|\d{4}-\d\d-\d\dT[\d:.]+Z)$/;
const NAME = /^[\w.:;/|@~*+,<>=()[\]{}$^\\?%-]{1,300}$/;

/** `within`: the keys above, as spelled(). */
export function keptTree(value: unknown, within: readonly string[] = []): unknown {
  const key = within.at(-1) ?? "";
  if (typeof value === "string") return keptWord(value, key, within);
  if (Array.isArray(value)) {
    if (key === "args" || key === "command") return keptCommand(value);
    return value.map((each) => keptTree(each, within));
  }
  return isRecord(value) ? keptRecord(value, key, within) : value;
}

function keptRecord(value: Tree, key: string, within: readonly string[]): unknown {
  const type = value["@type"];
  if (typeof type === "string" && !knownTypes.test(type)) return { "@type": keptWord(type, "@type", within) };
  if (key === "fieldsv1") return Object.fromEntries(Object.keys(value).map((name) => [name, {}]));
  if (labelKeys.has(key) && !within.includes("configs")) return keptLabels(value, within);
  const known = isForeign(value) ? ofForeign(value) : value;
  const pair = pairIn(value);
  const entries = Object.entries(known).map(([name, each]): [string, unknown] => {
    const below = spelled(name);
    if (secretKeys.test(below) && !isSecretName(each, below)) return [name, emptied(each)];
    if (pair !== undefined && isValueOf(name, each)) return [name, keptValue(each, pair, within)];
    if (below === "key" && pair !== undefined) return [name, pair];
    return [name, keptTree(each, [...within, below])];
  });
  return Object.fromEntries(entries);
}

/** `disable_clear_route_cache: true` is no secret, and neither is how many of something there may be. */
function isSecretName(value: unknown, key: string): boolean {
  return typeof value === "boolean" || (typeof value === "number" && key !== "data");
}

function isForeign(value: Tree): boolean {
  const { kind, apiVersion } = value;
  return (
    typeof kind === "string" && typeof apiVersion === "string" && !knownKinds.has(kind.replace(/List$/, "") || kind)
  );
}

/** Of kinds that nobody here knows. */
function ofForeign({ apiVersion, kind, metadata, status, items }: Tree): Tree {
  const conditions = isRecord(status) ? status["conditions"] : undefined;
  return {
    ...{ apiVersion, kind, metadata },
    ...(items !== undefined && { items }),
    ...(conditions !== undefined && { status: { conditions } }),
  };
}

function keptLabels(value: Tree, within: readonly string[]): unknown {
  const entries = Object.entries(value).map(([name, each]): [string, unknown] => {
    if (typeof each !== "string") return [name, keptTree(each, [...within.slice(0, -1), "labels"])];
    return [name, !secretKeys.test(spelled(name)) && /^[\w./-]{0,63}$/.test(each) ? withoutSecrets(each) : REDACTED];
  });
  return Object.fromEntries(entries);
}

/** The name that a value stands beside: of a header, of a variable. */
function pairIn(value: Tree): string | undefined {
  const name = ["key", "name", "header", "header_name", "headerName"].map((each) => value[each]).find(isText);
  return name !== undefined && Object.entries(value).some(([key, each]) => isValueOf(key, each)) ? name : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** Written beside the name, or below a way to match it; a patch has trees as values, and no header. */
function isValueOf(key: string, value: unknown): boolean {
  const below = spelled(key);
  if (/^(raw)?value$|^exact$|^prefix$|^suffix$/.test(below)) return typeof value === "string";
  return /.match$/.test(below) && below !== "presentmatch" && below !== "invertmatch";
}

function keptValue(value: unknown, name: string, within: readonly string[]): unknown {
  if (plainHeader.test(name)) return keptTexts(value);
  if (within.includes("env") && /^(true|false|\d{1,5})$/.test(String(value))) return value;
  return emptied(value);
}

function keptTexts(value: unknown): unknown {
  if (typeof value === "string") return withoutSecrets(withoutQuery(value)).slice(0, LONGEST);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, keptTexts(each)]));
}

function keptWord(text: string, key: string, within: readonly string[]): string {
  if (text === "" || CONSTANT.test(text)) return text;
  if (sentences.some(([above, each]) => each === key && within.includes(above))) {
    return withoutSecrets(text).slice(0, LONGEST);
  }
  // The path of a request, of a patch or of metadata; the address of a Gateway.
  const isPlace = key === "value" && (/^\/[\w./*-]*$/.test(text) || within.includes("addresses"));
  const isKept = plainKeys.has(key) || isPlace || (key === "key" && within.includes("overridehostsources"));
  return isKept && NAME.test(text) ? withoutSecrets(withoutQuery(text)) : REDACTED;
}

/** A word that is no flag's value is a program's name, or goes; `sh -c` has them all in one. */
function keptCommand(list: readonly unknown[]): unknown[] {
  let flag = "";
  const keptOne = (word: string): string => {
    const [, name = "", own] = /^(--?[\w.-]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (name !== "") {
      flag = own === undefined ? name.replaceAll("_", "-") : "";
      if (own === undefined) return word;
      return `${name}=${plainFlag.test(name.replaceAll("_", "-")) && isPlainValue(own) ? own : REDACTED}`;
    }
    if (plainWord.test(word)) return word;
    return plainFlag.test(flag) && isPlainValue(word) ? word : REDACTED;
  };
  return list.map((each) => {
    if (typeof each !== "string") return emptied(each);
    return each
      .split(/(\s+)/)
      .map((word) => (/^\s*$/.test(word) ? word : keptOne(word)))
      .join("");
  });
}

function isPlainValue(word: string): boolean {
  return /^[\w./:,-]{1,200}$/.test(word) && withoutSecrets(word) === word;
}
