/** One request as a span: from its headers to the answer that names the pod, with what was decided and when. */
import { type Span, SpanStatusCode } from "@opentelemetry/api";
import { errorCodes } from "../../errors.ts";
import type { PickPhases } from "../../ext-proc/pick-phases.ts";
import type { PickTrace, TracedRequest } from "../../ext-proc/request-trace.ts";
import type { EndCause } from "../../ext-proc/stream-host.ts";
import type { Refusal } from "../../routing/choose-pool.ts";
import type { Picked } from "../../routing/decision.ts";
import type { BoundedLabel } from "../bounded-label.ts";

/** A client may write anything into its request's id. */
const LONGEST_ID = 128;

export class PickSpan implements PickTrace {
  readonly #span: Span;
  readonly #models: BoundedLabel;
  /** Makes the time of the day, which spans have, of our clock's. */
  readonly #offsetMs: number;
  #isOver = false;

  constructor(span: Span, models: BoundedLabel, offsetMs: number) {
    this.#span = span;
    this.#models = models;
    this.#offsetMs = offsetMs;
  }

  picked(decision: Picked, atMs: number, { shadow, requestId }: TracedRequest, phases?: PickPhases): void {
    if (this.#isOver) return;
    const { pod, pool, reason, score, model, strategy, priority, rewrite, predictedHit, uncachedTokens } = decision;
    this.#set("pointsman.pool", pool.name);
    this.#set("pointsman.pod", pod.name);
    this.#set("pointsman.pod.address", pod.address);
    this.#set("pointsman.reason", reason);
    this.#set("pointsman.score", score);
    this.#set("pointsman.strategy", strategy);
    this.#set("pointsman.priority", priority);
    this.#set("pointsman.prefix_hit", predictedHit);
    this.#set("pointsman.prompt_tokens", promptTokens(predictedHit, uncachedTokens));
    this.#set("pointsman.uncached_tokens", reason === "no_prompt" ? undefined : Math.round(uncachedTokens));
    this.#set("gen_ai.request.model", this.#models.bound(model));
    this.#set("pointsman.rewrite.outcome", rewrite?.outcome);
    this.#set("pointsman.rewrite.target", rewrite && this.#models.bound(rewrite.target));
    this.#set("pointsman.request_id", requestId.slice(0, LONGEST_ID));
    if (shadow) this.#set("pointsman.shadow", true);
    if (phases !== undefined) this.#mark(phases);
    this.#end(atMs);
  }

  refused({ code, pool, model = "" }: Refusal, atMs: number): void {
    if (this.#isOver) return;
    const { status, message } = errorCodes[code];
    this.#set("pointsman.pool", pool?.name);
    this.#set("gen_ai.request.model", this.#models.bound(model));
    this.#set("http.response.status_code", status);
    this.#fail(code, message);
    this.#end(atMs);
  }

  answered(atMs: number): void {
    if (this.#isOver) return;
    this.#set("pointsman.reason", "models_listed");
    this.#end(atMs);
  }

  ended(cause: EndCause, atMs: number): void {
    if (this.#isOver) return;
    this.#fail(`stream_${cause.replace("-", "_")}`, "The stream ended without an answer.");
    this.#end(atMs);
  }

  /** When it passed from one phase to the next. */
  #mark({ completeAtMs, readAtMs, decidedAtMs }: PickPhases): void {
    this.#span.addEvent("body complete", this.#offsetMs + completeAtMs);
    this.#span.addEvent("body read", this.#offsetMs + readAtMs);
    this.#span.addEvent("routed", this.#offsetMs + decidedAtMs);
  }

  /** What is unknown is left out. */
  #set(name: string, value: string | number | boolean | undefined): void {
    if (value === undefined || value === "" || Number.isNaN(value)) return;
    this.#span.setAttribute(name, value);
  }

  #fail(type: string, message: string): void {
    this.#set("error.type", type);
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message });
  }

  #end(atMs: number): void {
    this.#isOver = true;
    this.#span.end(this.#offsetMs + atMs);
  }
}

/** Where all of it is cached, its length is not known any more. */
function promptTokens(hit: number, uncachedTokens: number): number {
  const share = Number.isNaN(hit) ? 0 : hit;
  return share < 1 && uncachedTokens > 0 ? Math.round(uncachedTokens / (1 - share)) : Number.NaN;
}
