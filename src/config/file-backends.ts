/** The backends of the config file: what each attempt at one of them needs. Secrets stand in files that it names. */
import path from "node:path";
import { isMap, isScalar } from "yaml";
import type { CredentialKind } from "../credentials/credential.ts";
import { credentialKinds } from "../credentials/index.ts";
import { quoted } from "../discovery/pod-address.ts";
import type { Field } from "../discovery/yaml-tree.ts";
import { expectedModelName, isModelName } from "../rewrite/model-name.ts";
import { type OptionValues, withDefaults } from "../routing/option-values.ts";
import { builtInTranslators } from "../translators/index.ts";
import type { Translator } from "../translators/translator.ts";
import { type BackendHeaders, noHeaders, readHeaders } from "./file-backend-headers.ts";
import { findIn } from "./file-plug-ins.ts";
import { type Fields, type FileReading, readFields, readItems } from "./file-reading.ts";
import { readPluginOptions } from "./plugin-options.ts";

/** A backend whose credential is not open yet. */
export interface BackendConfig {
  readonly name: string;
  readonly translator: Translator;
  readonly options: OptionValues;
  readonly models: ReadonlyMap<string, string>;
  readonly model: string;
  readonly host: string;
  readonly pathPrefix: string;
  readonly headers: BackendHeaders;
  readonly credential: { readonly kind: CredentialKind; readonly options: OptionValues };
  readonly keepsAuthorization: boolean;
  readonly asksForUsage: boolean;
}

/** Keys of one backend, as operators read of them. */
const rows = [
  { key: "name", form: "a name", help: "As the metadata of its endpoint or its cluster names it." },
  { key: "api", form: "a translator's name", help: "What is spoken there." },
  { key: "options", form: "a mapping", help: "The translator's own." },
  { key: "model", form: "a name", help: "What every model is called there that `models` does not name." },
  {
    key: "models",
    form: "a mapping of names",
    help: "What models are called there, by the names that clients ask for.",
  },
  {
    key: "host",
    form: "a host name, with or without :port",
    help: "The host header; without a word the client's own, but where `api` is one maker's: those need it.",
  },
  {
    key: "pathPrefix",
    form: "a path",
    help: "Stands before the path of its API, in place of whatever the client has there.",
  },
  { key: "headers.set", form: "a mapping", help: "Further headers of its requests; no secrets." },
  { key: "headers.remove", form: "a list of names", help: "Headers that no backend is to see." },
  {
    key: "credential",
    form: "a kind, or {kind, ...options}",
    help: "What lets its requests in; none without a word.",
  },
  {
    key: "keepsAuthorization",
    form: "true or false",
    help: "Does the client's own authorization go there? Needs the router phase, which keeps it.",
  },
  {
    key: "asksForUsage",
    form: "true or false",
    help: "Ask for the usage of streamed answers where the client does not, and keep that from the client.",
  },
] as const;

const backendKeys = [...new Set(rows.map(({ key }) => key.replace(/\..*$/, "")))];

/** The lines of the operators' table. */
export function backendFileKeys(): { path: string; form: string; flag: string; help: string }[] {
  return rows.map(({ key, form, help }) => ({ path: `backends[].${key}`, form, flag: "", help }));
}

export interface KnownKinds {
  readonly translators: readonly Translator[];
  readonly credentials: readonly CredentialKind[];
}

const built: KnownKinds = { translators: builtInTranslators, credentials: [...credentialKinds.values()] };

const namePattern = /^[A-Za-z0-9][\w./:-]{0,252}$/;
const expectedName = "a name of letters, digits and . _ - / : that begins with one of the first two";
const hostPattern = /^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\])(:\d{1,5})?$/;
const prefixPattern = /^(\/[^\s?#/]+)+$/;

export function readBackends(reading: FileReading, field: Field, known: KnownKinds = built): BackendConfig[] {
  const names = new Set<string>();
  return readItems(reading, field, "a list of backends").flatMap(
    (backend) => readBackend(reading, backend, names, known) ?? [],
  );
}

function readBackend(
  reading: FileReading,
  field: Field,
  names: Set<string>,
  known: KnownKinds,
): BackendConfig | undefined {
  const { tree } = reading;
  const fields = readFields(reading, field, backendKeys, "a mapping with name and api");
  if (fields === undefined) return undefined;
  const name = readName(reading, fields.get("name") ?? tree.missing(field, "name"), names);
  const apiField = fields.get("api") ?? tree.missing(field, "api");
  const api = tree.text(apiField, "a translator's name");
  const translator = api === undefined ? undefined : findIn(reading, known.translators)(api, apiField);
  const options = translator && readOptions(reading, field, fields.get("options"), translator);
  const model = fields.get("model");
  const models = fields.get("models");
  const headers = fields.get("headers");
  const credentialField = fields.get("credential");
  const credential = readCredential(reading, credentialField, known.credentials);
  const keepsAuthorization = readSwitch(reading, fields, "keepsAuthorization");
  if (keepsAuthorization && credential !== undefined && setsAuthorization(credential)) {
    const { place } = fields.get("keepsAuthorization") ?? field;
    reading.fault(place, "false beside a credential that stands in authorization itself", "true");
  }
  const read = {
    host: readHost(reading, field, fields.get("host"), translator),
    pathPrefix: readPattern(reading, fields.get("pathPrefix"), prefixPattern, "a path such as /base, without / behind"),
    model: model === undefined ? "" : (readModelName(reading, model) ?? ""),
    models: models === undefined ? new Map<string, string>() : readModels(reading, models),
    headers: headers === undefined ? noHeaders : readHeaders(reading, headers),
    asksForUsage: readSwitch(reading, fields, "asksForUsage"),
  };
  if (name === undefined || translator === undefined || options === undefined || credential === undefined)
    return undefined;
  return { name, translator, options, credential, keepsAuthorization, ...read };
}

function readName({ tree, fault }: FileReading, field: Field, names: Set<string>): string | undefined {
  const name = tree.text(field, expectedName);
  if (name === undefined) return undefined;
  if (!namePattern.test(name)) return tree.wrong(field, expectedName);
  if (names.size === names.add(name).size) fault(field.place, "a name that no backend before it has", quoted(name));
  return name;
}

/** Of an API that one maker serves there is no saying that the client's own host will do. */
function readHost(reading: FileReading, backend: Field, field: Field | undefined, translator?: Translator): string {
  const { usualHost = "" } = translator ?? {};
  if (field !== undefined) return readPattern(reading, field, hostPattern, "a host name, with or without :port");
  if (usualHost !== "") {
    const { place } = reading.tree.missing(backend, "host");
    reading.fault(place, `the provider's host, such as ${usualHost}, as the client's own would go there`, "nothing");
  }
  return "";
}

function readOptions(
  reading: FileReading,
  backend: Field,
  field: Field | undefined,
  translator: Translator,
): OptionValues {
  const { tree } = reading;
  const specs = translator.options;
  const names = Object.keys(specs);
  const expected = names.length === 0 ? "no options, as it has none" : `a mapping with ${names.join(", ")}`;
  const fields = field && readFields(reading, field, names, expected);
  const options = withDefaults(specs, fields === undefined ? {} : readPluginOptions(reading, fields, specs));
  const at = field !== undefined && isMap(field.node) ? field : tree.missing(backend, "options");
  tellFaults(reading, at, fields, translator.check?.(options));
  return options;
}

/** What is wrong with options beside each other, each where it stands or should stand. */
function tellFaults(
  { tree, fault }: FileReading,
  field: Field,
  fields: Fields | undefined,
  faults: ReturnType<NonNullable<Translator["check"]>> = [],
): void {
  for (const { option, expects } of faults) {
    const at = fields?.get(option);
    fault(at?.place ?? tree.missing(field, option).place, expects, at === undefined ? "nothing" : "what is there");
  }
}

function readCredential(
  reading: FileReading,
  field: Field | undefined,
  known: readonly CredentialKind[],
): BackendConfig["credential"] | undefined {
  const { tree } = reading;
  const none = known.find(({ name }) => name === "none");
  if (field === undefined) return none && { kind: none, options: withDefaults(none.options) };
  const isMapping = isMap(field.node);
  const kindField = isMap(field.node) ? (tree.value(field, field.node, "kind") ?? tree.missing(field, "kind")) : field;
  const name = tree.text(kindField, isMapping ? "a kind" : "a kind, or a mapping with kind");
  const kind = name === undefined ? undefined : findIn(reading, known)(name, kindField);
  if (kind === undefined) return undefined;
  const fields = isMap(field.node) ? tree.fields(field, field.node, ["kind", ...Object.keys(kind.options)]) : undefined;
  const given = fields === undefined ? {} : readPluginOptions(reading, fields, kind.options);
  const options = withDefaults(kind.options, inFolder(given, reading.folder));
  tellFaults(reading, field, fields, kind.check?.(options));
  return { kind, options };
}

/** Paths start from the config file's folder, as everywhere in it. */
function inFolder(options: OptionValues, folder: string): OptionValues {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, isPath(name, value) ? path.resolve(folder, value) : value]),
  );
}

function isPath(name: string, value: unknown): value is string {
  return /^file$|File$/.test(name) && typeof value === "string" && value !== "";
}

/** The files that a backend's credential is read from, by option. */
export function credentialFiles({ credential }: BackendConfig): (readonly [option: string, file: string])[] {
  return Object.entries(credential.options).flatMap(([name, value]) => (isPath(name, value) ? [[name, value]] : []));
}

/** All but none and a key in a header of its own do. */
function setsAuthorization({ kind, options }: BackendConfig["credential"]): boolean {
  const { header = "authorization" } = options;
  return kind.name !== "none" && String(header).toLowerCase() === "authorization";
}

function readPattern({ tree }: FileReading, field: Field | undefined, pattern: RegExp, expected: string): string {
  if (field === undefined) return "";
  const text = tree.text(field, expected);
  if (text === undefined || pattern.test(text)) return text ?? "";
  return tree.wrong(field, expected) ?? "";
}

function readModelName({ tree }: FileReading, field: Field): string | undefined {
  const name = tree.text(field, expectedModelName);
  return name === undefined || isModelName(name) ? name : tree.wrong(field, expectedModelName);
}

function readModels(reading: FileReading, field: Field): ReadonlyMap<string, string> {
  const { tree } = reading;
  if (!isMap(field.node)) return tree.wrong(field, "a mapping of names") ?? new Map();
  const models = [...tree.fields(field, field.node)].map(([asked, value]) => {
    if (!isModelName(asked)) tree.wrong(value, `${expectedModelName} as key`);
    return [asked, readModelName(reading, value) ?? ""] as const;
  });
  return new Map(models);
}

function readSwitch({ tree }: FileReading, fields: Fields, key: string): boolean {
  const field = fields.get(key);
  const value = isScalar(field?.node) ? field.node.value : undefined;
  if (field === undefined || typeof value === "boolean") return value === true;
  return tree.wrong(field, "true or false") ?? false;
}
