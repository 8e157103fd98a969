/**
 * What every translator keeps, as a suite: each row of its tables is true, each of its requests is one that the provider's
 * documents allow, and whatever its captures are cut into comes out the same, or ends in an error.
 */
import { existsSync, globSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Api } from "../../src/request/inference-request.ts";
import type { OptionSpecs, Options } from "../../src/scorer.ts";
import { chatFields } from "../../src/translators/chat-fields.ts";
import { embeddingsFields } from "../../src/translators/embeddings.ts";
import { builtInTranslators } from "../../src/translators/index.ts";
import {
  type ApiTranslation,
  type Asked,
  type JsonObject,
  type ProviderRequest,
  type Translator,
  Untranslatable,
} from "../../src/translators/translator.ts";
import { chatSamples, type FieldSample } from "../support/chat-samples.ts";
import { embeddingsSamples } from "../support/embeddings-samples.ts";
import { type Provider, type RequestSchema, requestFaults } from "../support/provider-schemas/provider-schema.ts";
import { describeAnswers, readJson } from "./answer-contract.ts";

const fixtures = join(import.meta.dirname, "../fixtures/translators");

const catalogues: Partial<Record<Api, { fields: readonly string[]; samples: Readonly<Record<string, FieldSample>> }>> =
  {
    chat: { fields: chatFields, samples: chatSamples },
    embeddings: { fields: embeddingsFields, samples: embeddingsSamples },
  };

function defaultOptions(specs: OptionSpecs): Options<OptionSpecs> {
  return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, spec.default]));
}

/** What the client asks for, as the attempt reads it; `model` is the provider's. */
function askedOf(body: JsonObject, model: string): Asked {
  const { stream, stream_options: options, encoding_format: format } = body;
  return {
    path: "/v1/chat/completions",
    model: body["model"] === "canaryModel" ? `${model}canaryModel` : model,
    askedModel: String(body["model"]),
    streams: stream === true,
    wantsUsage: JSON.stringify(options ?? {}).includes('"include_usage":true'),
    wantsBase64: format === "base64",
  };
}

/** As it goes out: members that are undefined are none. */
function sent(request: ProviderRequest): ProviderRequest {
  return JSON.parse(JSON.stringify(request));
}

function canariesOf(value: unknown): readonly string[] {
  return JSON.stringify(value).match(/canary\w*/g) ?? [];
}

export function describeTranslator(translator: Translator, provider: Provider | undefined): void {
  const options = { ...defaultOptions(translator.options), ...provider?.options };
  describe(translator.name, () => {
    test("has no API both translated and passed", () => {
      const both = Object.keys(translator.translated).filter((api) => api in translator.passed);
      expect(both).toEqual([]);
    });

    test("keeps no header of an API that some translator sets one for", () => {
      const setting = builtInTranslators.flatMap(({ translated, headerNames }) =>
        Object.keys(translated).flatMap((api) => headerNames.map((name) => `${api} ${name}`)),
      );
      const kept = Object.entries(translator.passed).flatMap(([api, { keeps = [] }]) =>
        keeps.map((name) => `${api} ${name}`),
      );
      expect(kept.filter((each) => setting.includes(each))).toEqual([]);
    });

    test("has lower-case names of headers", () => {
      expect(translator.headerNames.filter((name) => name !== name.toLowerCase())).toEqual([]);
    });

    for (const [api, translation] of Object.entries(translator.translated) as [Api, ApiTranslation][]) {
      const schema = provider?.requests[api];
      const model = provider?.models[api];
      if (schema === undefined || model === undefined) {
        test(`${api} has a strict mock`, () => expect.unreachable("test/support/provider-schemas has none"));
        continue;
      }
      const translate = (body: JsonObject) => sent(translation.request(body, askedOf(body, model), options));
      describe(api, () => {
        describeRows(api, translation, translator.headerNames, translate, schema);
        if (api === "chat") describeRequests(translator.name, translate, schema);
        describeAnswers(translator.name, api, translation, (body) => askedOf(body, model));
      });
    }
  });
}

function describeRows(
  api: Api,
  { requestFields }: ApiTranslation,
  headerNames: readonly string[],
  translate: (body: JsonObject) => ProviderRequest,
  schema: RequestSchema,
): void {
  const { fields, samples } = catalogues[api] ?? { fields: [], samples: {} };

  test("says the fate of every field, once", () => {
    expect(requestFields.map(({ field }) => field).sort()).toEqual([...fields].sort());
  });

  describe.each(requestFields)("$field is $fate", ({ field, fate }) => {
    const sample = samples[field];
    if (sample === undefined) return test("has a sample", () => expect.unreachable("none"));
    if (fate === "refused") {
      test("and named in what is thrown", () => {
        const thrown = thrownBy(() => translate(sample.with));
        expect(thrown).toBeInstanceOf(Untranslatable);
        expect((thrown as Untranslatable).param).toBe(sample.param);
        expect((thrown as Untranslatable).message).not.toMatch(/canary/);
      });
    } else {
      test(`${fate === "carried" ? "into" : "from"} a request that the provider's documents allow`, () => {
        const [request, usual] = [translate(sample.with), translate(sample.without)];
        const streams = sample.with["stream"] === true;
        expect(requestFaults(schema, request, streams)).toEqual([]);
        expect(requestFaults(schema, usual, sample.without["stream"] === true)).toEqual([]);
        expect(Object.keys(request.headers ?? {}).filter((name) => !headerNames.includes(name))).toEqual([]);
        if (fate === "dropped") expect(request).toEqual(usual);
        // What the answer's form carries is seen there.
        else if (!field.startsWith("encoding_format")) expect(request).not.toEqual(usual);
        const found = canariesOf(request);
        const told = canariesOf(sample.with).filter((canary) => !canariesOf(sample.without).includes(canary));
        expect(told.filter((canary) => found.includes(canary) !== (fate === "carried"))).toEqual([]);
      });
    }
    return undefined;
  });
}

function thrownBy(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

/** Whole conversations, of which a golden request may stand in the provider's own folder. */
function describeRequests(name: string, translate: (body: JsonObject) => ProviderRequest, schema: RequestSchema): void {
  const bodies = globSync(join(fixtures, "requests/*.json")).sort();
  test.each(bodies.map((file) => [basename(file, ".json"), file]))("writes %s", (title, file) => {
    const golden = join(fixtures, name, "requests", `${title}.json`);
    const body = readJson(file) as JsonObject;
    const expected = existsSync(golden) ? (readJson(golden) as JsonObject) : undefined;
    if (expected !== undefined && "param" in expected) {
      const thrown = thrownBy(() => translate(body));
      expect(thrown).toBeInstanceOf(Untranslatable);
      expect((thrown as Untranslatable).param).toBe(expected["param"]);
      return;
    }
    const request = translate(body);
    expect(requestFaults(schema, request, body["stream"] === true)).toEqual([]);
    if (expected !== undefined) expect(request).toEqual(expected);
  });
}
