/** The paths of a vLLM server that the fake pod answers, each with its method and its answer. */
import type { ServerResponse } from "node:http";
import { type ApiError, draining, injectedFailure } from "./api-errors.ts";
import { type LieMetrics, writeEngineFamilies } from "./engine-families.ts";
import type { HttpMetrics } from "./http-metrics.ts";
import { type AnsweringPod, answerCall } from "./inference.ts";
import { MetricsPage } from "./metrics-page.ts";
import { type CallKind, readCall, readJsonObject, readTokens } from "./read-call.ts";
import type { Switches } from "./switches.ts";

/** A pod from start to death: a revived pod has a new one, with an empty cache and counters at zero. */
export interface PodLife extends AnsweringPod {
  readonly maxModelLen: number;
  readonly startedSeconds: number;
  readonly switches: Switches;
  readonly http: HttpMetrics;
  /** Inference requests answered or being answered. */
  calls: number;
  /** Inference requests open now. */
  openCalls: number;
}

/** Gets the body whole, and may answer at once or later. */
export interface Route {
  readonly method: "GET" | "POST";
  answer(life: PodLife, body: string, answer: ServerResponse): void;
}

export function sendJson(answer: ServerResponse, status: number, payload: unknown, headers = {}): void {
  const body = Buffer.from(JSON.stringify(payload));
  answer.writeHead(status, { ...headers, "content-length": body.length, "content-type": "application/json" });
  answer.end(body);
}

export function sendError(answer: ServerResponse, { status, body, headers }: ApiError): void {
  sendJson(answer, status, body, headers);
}

function sendEmpty(answer: ServerResponse, status: number): void {
  answer.writeHead(status, { "content-length": 0 });
  answer.end();
}

/** Refusals in the order of a real server: its state, then the JSON, then the fields. */
function inference(kind: CallKind): Route {
  return {
    method: "POST",
    answer(life, body, answer) {
      if (life.switches.fail500) return sendError(answer, injectedFailure);
      if (life.switches.drain) return sendError(answer, draining);
      const parsed = readJsonObject(body);
      if ("error" in parsed) return sendError(answer, parsed.error);
      const call = readCall(kind, parsed.value, { name: life.model, maxModelLen: life.maxModelLen });
      if ("error" in call) return sendError(answer, call.error);
      life.openCalls++;
      answer.once("close", () => life.openCalls--);
      answerCall(life, call.value, life.calls++, answer);
    },
  };
}

/** Costs the engine nothing: tokenizing runs beside it. */
const tokenize: Route = {
  method: "POST",
  answer(life, body, answer) {
    const parsed = readJsonObject(body);
    if ("error" in parsed) return sendError(answer, parsed.error);
    const tokens = readTokens(parsed.value, { name: life.model, maxModelLen: life.maxModelLen });
    if ("error" in tokens) return sendError(answer, tokens.error);
    sendJson(answer, 200, {
      count: tokens.value.length,
      max_model_len: life.maxModelLen,
      tokens: tokens.value,
      token_strs: null,
    });
  },
};

/** /health and /ping alike. */
const health: Route = {
  method: "GET",
  answer: (life, _body, answer) => sendEmpty(answer, life.switches.drain ? 503 : 200),
};

const metrics: Route = {
  method: "GET",
  answer(life, _body, answer) {
    // Written after the delay: a slow page is not an old page.
    const send = (): void => {
      const page = Buffer.from(metricsText(life, life.switches.lieMetrics ?? {}));
      answer.writeHead(200, {
        "content-length": page.length,
        "content-type": "text/plain; version=0.0.4; charset=utf-8",
      });
      answer.end(page);
    };
    const delayMs = life.switches.slowMetricsMs;
    if (delayMs === 0) send();
    else setTimeout(send, delayMs).unref();
  },
};

function metricsText(life: PodLife, lies: LieMetrics): string {
  const page = new MetricsPage(life.startedSeconds);
  writeEngineFamilies(page, life.engine, life.model, lies);
  life.http.write(page);
  return page.text();
}

/** One model, no adapters. */
const models: Route = {
  method: "GET",
  answer(life, _body, answer) {
    const created = Math.floor(life.startedSeconds);
    const permission = {
      ...{ id: "modelperm-0000000000000000", object: "model_permission", created },
      allow_create_engine: false,
      allow_sampling: true,
      allow_logprobs: true,
      allow_search_indices: false,
      allow_view: true,
      allow_fine_tuning: false,
      organization: "*",
      group: null,
      is_blocking: false,
    };
    const model = {
      ...{ id: life.model, object: "model", created, owned_by: "vllm", root: life.model, parent: null },
      max_model_len: life.maxModelLen,
      permission: [permission],
    };
    sendJson(answer, 200, { object: "list", data: [model] });
  },
};

/** By exact path; the query is cut off before. */
export const routes: ReadonlyMap<string, Route> = new Map([
  ["/v1/chat/completions", inference("chat")],
  ["/v1/completions", inference("completions")],
  ["/v1/models", models],
  ["/tokenize", tokenize],
  ["/health", health],
  ["/ping", health],
  ["/metrics", metrics],
  ["/version", { method: "GET", answer: (_life, _body, answer) => sendJson(answer, 200, { version: "0.0.0-fake" }) }],
  ["/load", { method: "GET", answer: (life, _b, answer) => sendJson(answer, 200, { server_load: life.openCalls }) }],
]);
