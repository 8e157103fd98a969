/**
 * What every translation of answers keeps, over captures in the provider's documented shape: test/fixtures/translators has
 * them, each with what the client is to see of it.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Api } from "../../src/request/inference-request.ts";
import { type Usage, unknownUsage } from "../../src/response/usage.ts";
import type {
  AnswerHead,
  AnswerTranslation,
  ApiTranslation,
  Asked,
  JsonObject,
} from "../../src/translators/translator.ts";
import { type Added, addedUp, completion, embeddings, errorBody } from "../support/openai-answers.ts";
import { faultsOf } from "../support/strict-schema.ts";

const fixtures = join(import.meta.dirname, "../fixtures/translators");

/** What stands beside a capture. */
interface Expected {
  /** Default: chat, 200. */
  readonly api?: Api;
  readonly status?: number;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The answer's name, where the provider gives one: else it is ours. */
  readonly id?: string;
  readonly message?: JsonObject;
  readonly finish?: string;
  /** The answers behind the first, of a whole answer. */
  readonly others?: readonly { readonly message: JsonObject; readonly finish: string }[];
  /** Of an embedding. */
  readonly data?: readonly JsonObject[];
  readonly error?: JsonObject;
  readonly usage?: Partial<Usage>;
}

interface Capture {
  readonly title: string;
  readonly bytes: Buffer;
  readonly expected: Expected;
}

export function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, "utf8"));
}

function capturesOf(name: string, api: Api): Capture[] {
  const sidecars = globSync(join(fixtures, name, "*.expected.json")).sort();
  return sidecars.flatMap((sidecar) => {
    const expected = readJson(sidecar) as Expected;
    const stem = sidecar.slice(0, -".expected.json".length);
    const [file = ""] = globSync(`${stem}.{json,sse,html,eventstream,txt}`);
    return (expected.api ?? "chat") === api
      ? [{ title: file.slice(join(fixtures, "/").length), bytes: readFileSync(file), expected }]
      : [];
  });
}

const OWN_ID = "chatcmpl-ours";

function headOf({ status = 200, contentType, headers = {} }: Expected): AnswerHead {
  return { status, contentType, atSeconds: 1_700_000_000, id: OWN_ID, header: (name) => headers[name] ?? "" };
}

/** Longer captures are cut at fewer places: every one is translated anew. */
const PLACES = 4096;

export function describeAnswers(
  name: string,
  api: Api,
  translation: ApiTranslation,
  askedOf: (body: JsonObject) => Asked,
): void {
  const captures = capturesOf(name, api);
  const begin = translation.answer;
  if (begin === undefined) return;
  const asked = askedOf({ model: "asked-model", stream: true, stream_options: { include_usage: true } });

  test("has captures of its answers, of errors among them", () => {
    expect(captures.length).toBeGreaterThan(1);
    expect(captures.some(({ expected }) => (expected.status ?? 200) >= 400)).toBe(true);
  });

  test("has captures of every field that the table says is carried", () => {
    const shown = captures.map(
      ({ bytes, expected }) => bytes.toString("latin1") + JSON.stringify(expected.headers ?? {}),
    );
    const wordsOf = (field: string) => field.replace(/ of a .*|\(.*?\)/g, "").match(/[\w-]+/g) ?? [];
    const named = translation.answerFields
      .filter(({ fate }) => fate === "carried")
      .flatMap(({ field }) => wordsOf(field));
    expect(named.filter((word) => !shown.some((text) => text.includes(word)))).toEqual([]);
  });

  test("takes a page of a proxy's for no answer, unless its status says what it is", () => {
    for (const contentType of ["text/html", "text/html; charset=utf-8", "text/plain"]) {
      expect(begin(asked, headOf({ contentType }))).toBeUndefined();
      expect(begin(asked, headOf({ contentType, status: 502 }))).toBeDefined();
    }
    for (const contentType of ["", "application/json; charset=utf-8"]) {
      expect(begin(asked, headOf({ contentType }))).toBeDefined();
    }
  });

  describe.each(captures)("$title", ({ bytes, expected }) => {
    const open = (by: Asked = asked) => {
      const translation = begin(by, headOf(expected));
      if (translation === undefined) throw new Error("it is taken for no answer of the provider's");
      return translation;
    };
    const cutAt = (...places: readonly number[]) => fed(open(), cut(bytes, places)).text;
    const whole = fed(open(), [bytes]);
    const every = Array.from({ length: bytes.length - 1 }, (_, index) => index + 1);
    const places = every.filter((_, index) => index % Math.ceil(every.length / PLACES) === 0);
    const streams = whole.contentType === "text/event-stream";

    test("says to the client what the provider said", () => {
      const said = streams ? saidInStream(whole.text, true) : saidInDocument(whole.text, api);
      expect(said.faults).toEqual([]);
      expect(shown(said)).toEqual({
        ...(expected.error === undefined && { finish: expected.finish, isDone: streams }),
        ...(expected.error !== undefined && { error: expected.error, isDone: false }),
        ...(expected.message && { message: withoutNulls(expected.message) }),
        ...(expected.others && { others: expected.others }),
        ...(expected.data && { data: expected.data }),
        ...(expected.message && { id: expected.id ?? OWN_ID }),
      });
      if (expected.error === undefined && expected.message) expect(whole.text).toContain('"model":"asked-model"');
    });

    test("tells its usage, to us and to the client", () => {
      expect(whole.usage ?? unknownUsage).toEqual({ ...unknownUsage, ...expected.usage });
      const said = streams ? saidInStream(whole.text, true) : saidInDocument(whole.text, api);
      const tells = expected.usage !== undefined && expected.error === undefined;
      expect(said.usage).toEqual(tells ? clientUsage({ ...unknownUsage, ...expected.usage }, api) : undefined);
    });

    test("tells a stream's usage to nobody who did not ask", () => {
      if (!streams) return;
      const { text, usage } = fed(open({ ...asked, wantsUsage: false }), [bytes]);
      expect(text).not.toContain('"usage"');
      expect(saidInStream(text, false).faults).toEqual([]);
      expect(usage).toEqual(whole.usage);
    });

    test("says the same wherever the network cuts it", () => {
      expect(places.filter((place) => cutAt(place) !== whole.text)).toEqual([]);
      expect(cutAt(...every)).toBe(whole.text);
    });

    test("goes out as it comes where it streams, and at the end where not", () => {
      const translation = open();
      const outcomes = [...bytes].map((byte) => translation.push(Buffer.of(byte)).length);
      const last = translation.end().length;
      if (!streams) expect([Math.max(...outcomes), last > 0]).toEqual([0, true]);
      else expect(outcomes.filter((length) => length > 0).length).toBeGreaterThan(1);
    });

    test("ends in an error and never as if it were whole where it breaks off", () => {
      if ((expected.status ?? 200) >= 400) return;
      const wrong = [0, ...places].filter((place) => {
        const { text } = fed(open(), [bytes.subarray(0, place)]);
        // The provider's last word may have come by then.
        if (text === whole.text) return bytes.subarray(place).toString().trim() !== "" && !streams;
        const said = streams ? saidInStream(text, true) : saidInDocument(text, api);
        return said.faults.length > 0 || said.isDone || said.error === undefined;
      });
      expect(wrong).toEqual([]);
    });
  });
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places, bytes.length];
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

function fed(translation: AnswerTranslation, pieces: readonly Buffer[]) {
  // The bytes are the network's own, which writes the next ones over them.
  const out = pieces.map((piece) => {
    const lent = Buffer.from(piece);
    const written = Buffer.from(translation.push(lent));
    lent.fill(0);
    return written;
  });
  const text = Buffer.concat([...out, translation.end()]).toString();
  return { text, usage: translation.usage, contentType: translation.contentType };
}

interface Said extends Partial<Added> {
  readonly data?: unknown;
  readonly others?: Expected["others"];
  readonly isDone: boolean;
  readonly faults: readonly string[];
}

function saidInStream(text: string, wantsUsage: boolean): Said {
  return addedUp(text, wantsUsage);
}

function saidInDocument(text: string, api: Api): Said {
  const body = JSON.parse(text);
  if ("error" in body) return { error: body.error, isDone: false, faults: faultsOf(errorBody, body) };
  if (api === "embeddings") {
    return { data: body.data, usage: body.usage, finish: undefined, isDone: false, faults: faultsOf(embeddings, body) };
  }
  const [choice, ...more] = body.choices as { message: JsonObject; finish_reason: string }[];
  if (choice === undefined) throw new Error("there is no answer");
  const others = more.map(({ message, finish_reason: finish }) => ({
    message: withoutNulls(message) as JsonObject,
    finish,
  }));
  const { id, usage } = body;
  return {
    id,
    message: choice.message,
    others,
    finish: choice.finish_reason,
    usage,
    isDone: false,
    faults: faultsOf(completion, body),
  };
}

/** What the sidecar tells, and nothing else. */
function shown({ id, message, finish, others = [], error, data, isDone }: Said) {
  return {
    ...(error === undefined ? { finish } : { error }),
    ...(message && Object.keys(message).length > 0 && { message: withoutNulls(message) }),
    ...(others.length > 0 && { others }),
    ...(data !== undefined && { data }),
    ...(id !== undefined && id !== "" && { id }),
    isDone,
  };
}

function withoutNulls(message: Readonly<Record<string, unknown>>): Record<string, unknown> {
  // A stream cannot tell "" from null.
  return Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null && value !== ""));
}

function clientUsage(usage: Usage, api: Api): JsonObject {
  const { promptTokens, cachedTokens, cacheWrittenTokens, completionTokens, reasoningTokens } = usage;
  if (api === "embeddings") return { prompt_tokens: promptTokens, total_tokens: promptTokens };
  const prompt = known({ cached_tokens: cachedTokens, cache_write_tokens: cacheWrittenTokens });
  const reasoning = known({ reasoning_tokens: reasoningTokens });
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    ...(Object.keys(prompt).length > 0 && { prompt_tokens_details: prompt }),
    ...(Object.keys(reasoning).length > 0 && { completion_tokens_details: reasoning }),
  };
}

function known(counts: Readonly<Record<string, number>>): JsonObject {
  return Object.fromEntries(Object.entries(counts).filter(([, value]) => !Number.isNaN(value)));
}
