/** Requests as the public documents of the APIs show them, and those recorded from a vLLM, against what is read. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { apiOfPath, apis } from "../../../src/request/apis.ts";
import type { InferenceRequest } from "../../../src/request/inference-request.ts";
import { parseBody } from "../../../src/request/parse-body.ts";
import { decodedPartsOf, type PromptParts } from "../../support/prompt-text.ts";

interface Read {
  readonly api: string;
  readonly model: string;
  readonly adapter: string;
  readonly session: string;
  readonly stream: boolean;
  readonly maxTokens: number | null;
  /** Null where serving leaves nothing of it in a cache. */
  readonly prompt: PromptParts | null;
}

interface Capture {
  readonly path: string;
  readonly body: unknown;
  readonly read: Read;
}

interface Recorded {
  readonly request: { readonly method: string; readonly path: string; readonly body: Record<string, unknown> | string };
}

function fixtures<T>(folder: string): (readonly [string, T])[] {
  const url = new URL(`../../fixtures/${folder}/`, import.meta.url);
  const names = readdirSync(url).filter((name) => name.endsWith(".json"));
  return names.map((name) => [name.slice(0, -5), JSON.parse(readFileSync(new URL(name, url), "utf8")) as T] as const);
}

function read(path: string, text: string): Read | string {
  const api = apiOfPath(path);
  if (api === "none" || !Object.hasOwn(apis, api)) return "no JSON API";
  const request = parseBody(api as keyof typeof apis, Buffer.from(text), false);
  return "code" in request ? request.code : shown(request);
}

function shown(request: InferenceRequest): Read {
  const { api, model, adapter, session, stream, maxTokens, prompt } = request;
  const cap = Number.isNaN(maxTokens) ? null : maxTokens;
  return { api, model, adapter, session, stream, maxTokens: cap, prompt: prompt && decodedPartsOf(request) };
}

const captures = fixtures<Capture>("requests");

describe("parseBody", () => {
  test.each(captures)("reads %s", (_, { path, body, read: expected }) => {
    expect(read(path, JSON.stringify(body))).toEqual(expected);
    expect(read(path, JSON.stringify(body, null, "\t"))).toEqual(expected);
  });

  test("has a capture of every API", () => {
    expect(new Set(captures.map(([, capture]) => capture.read.api))).toEqual(new Set(Object.keys(apis)));
  });

  test("reads what a vLLM was sent", () => {
    const bodies = fixtures<Recorded>("vllm")
      .map(([, { request }]) => request)
      .filter((request) => request?.method === "POST" && typeof request.body === "object")
      .map(({ path, body }) => ({ path, body: body as Record<string, unknown> }))
      .filter(({ path }) => apiOfPath(path) !== "none");
    expect(bodies.length).toBeGreaterThan(15);
    for (const { path, body } of bodies) {
      const found = read(path, JSON.stringify(body));
      const cap = body["max_tokens"] ?? body["max_output_tokens"] ?? null;
      if (body["model"] === undefined) expect(found, path).toBe("model_missing");
      else expect(found, path).toMatchObject({ model: body["model"], stream: body["stream"] === true, maxTokens: cap });
    }
  });
});
