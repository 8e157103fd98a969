/** What goes back in the request direction of one stream: the pick with its ticket, a refusal, or plain "go on". */
import type { Ticket } from "../accounting/in-flight.ts";
import type { ErrorCode } from "../errors.ts";
import { whyPicked, whyRefused } from "../explain/why-header.ts";
import type { Pod } from "../pods/pod-table.ts";
import type { ModelEntry } from "../pods/served-models.ts";
import type { NoBody } from "../request/body-form.ts";
import { fingerprintOf } from "../request/fingerprint-body.ts";
import type { Api } from "../request/inference-request.ts";
import { isFormApi } from "../request/other-apis.ts";
import type { Refusal } from "../routing/choose-pool.ts";
import type { Decision, ModelRewrite, Picked, PickReason } from "../routing/decision.ts";
import type { Trail } from "../routing/router.ts";
import type { BodyMode } from "./body-mode.ts";
import { afterwards, decide } from "./decide.ts";
import type { StreamMessage } from "./decode-message.ts";
import type { PickReply } from "./destination-header.ts";
import { modelListReply, refusalReply } from "./encode-immediate.ts";
import { proceed } from "./encode-reply.ts";
import { type OriginalRequest, originalIn } from "./original-request.ts";
import { type Payer, payerOf } from "./payer.ts";
import { pickReply } from "./pick-reply.ts";
import { isAfterChoice } from "./read-metadata.ts";
import { RequestHead } from "./request-head.ts";
import { RequestReplies } from "./request-replies.ts";
import type { PickTrace } from "./request-trace.ts";
import type { RequestRecord, StreamHost, StreamPort } from "./stream-host.ts";
import { traceParentOf } from "./trace-parent.ts";
import type { Watched } from "./watched.ts";

const none: readonly Pod[] = [];

/** Of the streams whose headers are not shown. */
const noHead = new RequestHead();

export class Answer {
  readonly #port: StreamPort;
  readonly #host: StreamHost;
  readonly replies: RequestReplies;
  /** Absent where nobody wants to know of every request. */
  readonly record: RequestRecord | undefined;
  /** The pod named before the body is known, until a pick confirms or replaces it. */
  #provisional: Picked | undefined;
  readonly watched: Watched = { wouldBe: undefined, lesson: undefined, served: "unseen", servedAtMs: 0 };
  head: RequestHead = noHead;
  requestId = "";
  /** Absent where the request is not sampled, or nobody traces. */
  trace: PickTrace | undefined;
  startedAtMs = 0;
  /** What the attempts are to know of the request; undefined where there are none, and no routes to tell a model. */
  original: OriginalRequest | undefined;
  ticket: Ticket | undefined;
  /** The pod that the ticket counts on. */
  pod: Pod | undefined;
  /** The pods that the data plane was told to try after it. */
  fallbacks: readonly Pod[] = none;
  /** The strategy that the pick was made by; undefined for the profile of the pool. */
  strategy: string | undefined;
  /** The model as the client wrote it, and the share of the prompt that the pod was believed to hold; NaN is unknown. */
  model = "";
  predictedHit = Number.NaN;
  /** What became of the model's name; undefined where nobody wanted another. */
  rewrite: ModelRewrite | undefined;
  /** The header of the answer that is to name the pod; "" for none. */
  tokenHeader = "";
  /** What the answer's headers are to tell of the pick; "" where nobody wants to know. */
  why = "";
  /** Did Envoy go on to another pod than the one picked? */
  moved = false;
  /** Are the headers answered without a pod, since only the body can tell the pool? */
  awaitsModel = false;
  /** Of the body that the pick was made by; 0 where none was seen. */
  fingerprint = 0;
  /** Who pays for the request; absent where nobody is asked to. */
  payer: Payer | undefined;
  /** Is a pick or an immediate response out? */
  given = false;

  constructor(port: StreamPort, host: StreamHost) {
    this.#port = port;
    this.#host = host;
    this.replies = new RequestReplies(port, host.now);
    this.record = host.openRecord?.();
  }

  /** In observability mode Envoy reads no replies: the pick is made all the same, and not followed. */
  get shadow(): boolean {
    return this.replies.areUnread;
  }

  /** The headers of the request, before anything else is asked. */
  open(message: StreamMessage): void {
    this.payer = payerOf(message, this.#host);
    const { tracer, backends, settings } = this.#host;
    this.trace = tracer?.begin(traceParentOf(message, this.#port), this.startedAtMs);
    if (backends === undefined && settings.modelHeader === undefined) return;
    this.original = originalIn(message, "", {
      authorization: backends?.keepsAuthorization === true,
      payerHeader: this.#host.settings.payerHeader,
    });
  }

  /** Does the filter of a cluster ask, where the pod is chosen already? */
  comesTooLate(message: StreamMessage): boolean {
    return isAfterChoice(message);
  }

  get api(): Api {
    return this.head.form.api;
  }

  /** False when the request was refused instead. */
  pick(reason: PickReason, on: keyof PickReply, body?: Buffer, cut = false): boolean {
    const host = this.#host;
    const decision = this.#decide(reason, body, cut);
    this.head.forget();
    if (decision.kind === "refused") return this.#refuse(decision, host.router.trail);
    if (this.head.wantsCached && body !== undefined && isUncached(decision)) return this.refuse("not_cached");
    this.#provisional = undefined;
    if (this.shadow) this.watched.wouldBe = decision;
    else this.#name(decision, on, body);
    this.given = true;
    host.phases.repliedAtMs = host.now();
    if (body !== undefined) this.fingerprint = fingerprintOf(body);
    afterwards(host, () => {
      const { ticket } = this;
      // Whatever the reason: who has read nothing of the request has nothing to learn, and the router knows.
      if (ticket !== undefined) host.inFlight.hold(ticket, host.router.learn(decision));
      if (this.shadow) this.watched.lesson = host.router.keep();
      host.phases.learntAtMs = host.now();
      this.#tellPick(decision, host.phases.repliedAtMs - this.startedAtMs);
      host.events.timed(host.phases);
      this.trace?.picked(decision, host.phases.repliedAtMs, this, host.phases);
    });
    host.router.forget();
    return true;
  }

  #decide(reason: PickReason, body: Buffer | undefined, cut: boolean): Decision {
    const host = this.#host;
    const { phases } = host;
    phases.begin(this.startedAtMs, host.now());
    host.router.forget();
    const decision = decide(host, this.head, reason, body, cut);
    phases.decidedAtMs = host.now();
    if (!this.shadow) this.record?.routed(phases.decidedAtMs - phases.completeAtMs);
    return decision;
  }

  #tellPick(decision: Picked, elapsedMs: number): void {
    const { events, router } = this.#host;
    events.picked(decision, elapsedMs, this.shadow, this.requestId, router.trail);
    if (!this.shadow) this.record?.picked(decision, elapsedMs, this.head, this.ticket);
  }

  /** Picks on the plain body, or for the reason that there is none; false when the request was refused instead. */
  pickOn(plain: Buffer | NoBody, on: keyof PickReply, cut: boolean): boolean {
    if (typeof plain !== "string") return this.pick("scored", on, plain, cut);
    if (plain === "buffer_full") return this.pick(plain, on);
    const isTooLarge = plain === "body_too_large";
    // What makes a form large is a file, which only the pod has a use for: it passes.
    if (isTooLarge && !isFormApi(this.api)) return this.refuse(plain);
    this.#host.events.bodyUnread(isTooLarge ? "too_large" : plain);
    return this.pick("body_unread", on);
  }

  /** Picks before the body comes; false when refused instead. */
  pickUnseen(mode: BodyMode): boolean {
    if (this.api === "none") return this.pick("no_prompt", "onHeaders");
    this.#host.events.bodyUnseen(mode);
    return this.pick("body_unseen", "onHeaders");
  }

  /**
   * Names a pod by load with the headers; a pick on the body may name another. Which pool it is may stand in the body
   * alone: then nobody is named yet. False when refused instead.
   */
  nameProvisionally(): boolean {
    const decision = this.#decide("no_prompt", undefined, false);
    if (decision.kind === "refused") {
      if (decision.code !== "pool_unknown" || this.head.hints.pool !== "") {
        return this.#refuse(decision, this.#host.router.trail);
      }
      this.awaitsModel = true;
      this.replies.send(proceed.requestHeaders);
      return true;
    }
    this.#name(decision, "onHeaders");
    this.#provisional = decision;
    this.given = true;
    afterwards(this.#host, () => this.#host.events.foreseen(decision, this.#host.router.trail));
    return true;
  }

  /** No body comes: the pod named with the headers is the pick. */
  settleProvisional(): void {
    const picked = this.#provisional;
    this.#provisional = undefined;
    if (picked === undefined) return;
    this.#host.router.forget();
    afterwards(this.#host, () => {
      this.#tellPick(picked, this.replies.lastAtMs - this.startedAtMs);
      this.trace?.picked(picked, this.replies.lastAtMs, this);
    });
  }

  /** The client left before its body was complete: the pod named with the headers never got the request. */
  dropProvisional(): void {
    if (this.#provisional === undefined) return;
    this.#provisional = undefined;
    this.given = false;
    if (this.ticket !== undefined) this.#host.inFlight.withdraw(this.ticket);
    this.ticket = undefined;
  }

  /** A body was to tell the pool, and none came. */
  refuseBodyless(): false {
    return this.refuse("pool_unknown");
  }

  refuse(code: ErrorCode): false {
    return this.#refuse({ kind: "refused", code });
  }

  /** Answers GET /v1/models; a refusal where the pool is not known. False where a pod is to answer. */
  listModels(): boolean {
    const listed: readonly ModelEntry[] | Refusal | undefined = this.#host.listModels(this.head.hints);
    if (listed === undefined || this.shadow) return false;
    if ("kind" in listed) this.#refuse(listed);
    else this.replies.send(modelListReply(listed));
    this.given = true;
    this.trace?.answered(this.replies.lastAtMs);
    return true;
  }

  /** `trail` where routing refused it. */
  #refuse(refusal: Refusal, trail?: Trail): false {
    this.#provisional = undefined;
    this.given = true;
    this.trace?.refused(refusal, this.#host.now());
    if (this.shadow) this.watched.wouldBe = refusal;
    if (this.shadow) return false;
    const { saysAsAibrix, tellsWhy } = this.#host.settings;
    this.payer?.takeBack();
    this.replies.send(refusalReply(refusal, saysAsAibrix, tellsWhy ? whyRefused(refusal) : ""));
    if (this.ticket !== undefined) this.#host.inFlight.withdraw(this.ticket);
    this.ticket = undefined;
    const { events, backends } = this.#host;
    events.refused(refusal, this.#host.now() - this.startedAtMs, this.requestId, trail);
    // Where nothing but backends is served, this was no pick: the stream could not say what it is for.
    if (refusal.code === "no_pods" && backends !== undefined)
      events.attemptUnfit("phase_untold", "", this.#port.peer());
    this.record?.refused(refusal, this.head);
    this.#host.router.forget();
    return false;
  }

  /** Answers the headers and changes nothing. */
  goOn(): void {
    this.given = true;
    this.replies.send(proceed.requestHeaders);
  }

  /** `body` is the one that was read, where one was. */
  #name(picked: Picked, on: keyof PickReply, body?: Buffer): void {
    const { pod, model, uncachedTokens, predictedHit, rewrite } = picked;
    const { inFlight, router, settings } = this.#host;
    this.replies.send(pickReply(this.#host, picked, on, this, body));
    if (this.ticket !== undefined) inFlight.withdraw(this.ticket);
    this.ticket = inFlight.open(pod, uncachedTokens);
    this.pod = pod;
    this.fallbacks = picked.fallbacks ?? none;
    this.strategy = picked.strategy;
    this.model = model;
    this.rewrite = rewrite;
    if (on === "onHeaders") this.replies.splice = rewrite?.splice;
    this.predictedHit = predictedHit;
    this.tokenHeader = router.tokenHeaderOf(picked);
    if (settings.tellsWhy) this.why = whyPicked(picked, router.trail);
    this.#host.outcomes.picked(pod);
  }
}

/** Is it known that the pod has nothing of the prompt? Where no scorer asks for hits, or there is no prompt, it is not. */
export function isUncached({ predictedHit, reason }: Picked): boolean {
  return predictedHit === 0 && reason !== "no_prompt" && reason !== "body_unread";
}
