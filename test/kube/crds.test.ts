/** The definitions that tests of pods use are short; what they say is what the shipped ones say. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { findCrdFiles, newestCrd } from "../support/crd-files.ts";
import type { KubeObject } from "../support/kube-client.ts";

const crds = await findCrdFiles();

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly [keyword: string]: unknown;
}

/** Words that decide whether an object is taken, and what becomes of it. */
const compared = ["type", "enum", "default", "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength"];

/** What the short one says otherwise than the shipped one, by path; the status is what a gateway writes. */
function differences(short: Schema, shipped: Schema | undefined, path: string): string[] {
  if (shipped === undefined) return [`${path}: is not in the shipped one`];
  const said = (schema: Schema, word: string) => JSON.stringify(sorted(schema[word]));
  const words = compared.filter((word) => short[word] !== undefined && said(short, word) !== said(shipped, word));
  const required = said(short, "required") === said(shipped, "required") ? [] : [`${path}: required`];
  const below = Object.entries(short.properties ?? {}).flatMap(([name, schema]) =>
    differences(schema, shipped.properties?.[name], `${path}.${name}`),
  );
  const items = short.items === undefined ? [] : differences(short.items, shipped.items, `${path}[]`);
  return [...words.map((word) => `${path}: ${word}`), ...required, ...below, ...items];
}

const sorted = (value: unknown) => (Array.isArray(value) ? [...value].sort() : value);

function specOf(definition: KubeObject, version: string): Schema | undefined {
  const { versions } = definition["spec"] as {
    versions: { name: string; schema: { openAPIV3Schema: Schema } }[];
  };
  return versions.find(({ name }) => name === version)?.schema.openAPIV3Schema.properties?.["spec"];
}

describe.skipIf(crds.isMissing)(`test/kube/crds${crds.note}`, () => {
  test.each([
    ["inference-pool", "inference.networking.k8s.io", "v1"],
    ["inference-pool-v1alpha2", "inference.networking.x-k8s.io", "v1alpha2"],
  ])("%s.yaml says what the shipped definition of %s/%s says", (file, group, version) => {
    const short = specOf(parse(readFileSync(new URL(`crds/${file}.yaml`, import.meta.url), "utf8")), version);
    const shipped = specOf(newestCrd(group, "InferencePool"), version);
    if (short === undefined) throw new Error(`${file}.yaml has no ${version}`);
    expect(differences(short, shipped, "spec")).toEqual([]);
  });
});
