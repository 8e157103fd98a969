/** What goes back in the request direction of one stream: the pick with its ticket, a refusal, or plain "go on". */
import type { Ticket } from "../accounting/in-flight.ts";
import type { ErrorCode } from "../errors.ts";
import type { Pod } from "../pods/pod-table.ts";
import type { ModelEntry } from "../pods/served-models.ts";
import type { NoBody } from "../request/body-form.ts";
import { fingerprintOf } from "../request/fingerprint-body.ts";
import type { Api } from "../request/inference-request.ts";
import { isFormApi } from "../request/other-apis.ts";
import type { Refusal } from "../routing/choose-pool.ts";
import type { Picked, PickReason } from "../routing/decision.ts";
import type { BodyMode } from "./body-mode.ts";
import { afterwards, decide } from "./decide.ts";
import type { PickReply } from "./destination-header.ts";
import { immediateReply, modelListReply, refusalReply } from "./encode-immediate.ts";
import { proceed } from "./encode-reply.ts";
import { passBody } from "./pass-body.ts";
import { RequestHead } from "./request-head.ts";
import type { StreamHost, StreamPort } from "./stream-host.ts";

/** Of the streams whose headers are not shown. */
const noHead = new RequestHead();

export class Answer {
  readonly #port: StreamPort;
  readonly #host: StreamHost;
  /** The pod named before the body is known, until a pick confirms or replaces it. */
  #provisional: Picked | undefined;
  /** In observability mode Envoy reads no replies: nothing is sent, counted or learnt, the pick is made all the same. */
  shadow = false;
  head: RequestHead = noHead;
  requestId = "";
  startedAtMs = 0;
  ticket: Ticket | undefined;
  /** The pod that the ticket counts on. */
  pod: Pod | undefined;
  /** The model as the client wrote it, and the share of the prompt that the pod was believed to hold; NaN is unknown. */
  model = "";
  predictedHit = Number.NaN;
  /** The header of the answer that is to name the pod; "" for none. */
  tokenHeader = "";
  /** Did Envoy go on to another pod than the one picked? */
  moved = false;
  /** Are the headers answered without a pod, since only the body can tell the pool? */
  awaitsModel = false;
  /** Of the body that the pick was made by; 0 where none was seen. */
  fingerprint = 0;
  /** Is a pick or an immediate response out? */
  given = false;
  /** When the last reply of this direction went out. */
  repliedAtMs = 0;

  constructor(port: StreamPort, host: StreamHost) {
    this.#port = port;
    this.#host = host;
  }

  get api(): Api {
    return this.head.form.api;
  }

  /** False when the request was refused instead. */
  pick(reason: PickReason, on: keyof PickReply, body?: Buffer, cut = false): boolean {
    const host = this.#host;
    const decision = decide(host, this.head, reason, body, cut);
    this.head.forget();
    if (decision.kind === "refused") return this.#refuse(decision.code, refusalReply(decision));
    this.#provisional = undefined;
    if (!this.shadow) this.#name(decision, on);
    this.given = true;
    if (body !== undefined) this.fingerprint = fingerprintOf(body);
    afterwards(host, () => {
      const { ticket } = this;
      const read = decision.reason === "scored" || decision.reason === "body_cut";
      if (read && ticket !== undefined) host.inFlight.hold(ticket, host.router.learn(decision));
      host.events.picked(decision, host.now() - this.startedAtMs, this.shadow, this.requestId);
    });
    return true;
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
    const decision = decide(this.#host, this.head, "no_prompt", undefined, false);
    if (decision.kind === "refused") {
      if (decision.code !== "pool_unknown" || this.head.hints.pool !== "")
        return this.#refuse(decision.code, refusalReply(decision));
      this.awaitsModel = true;
      this.send(proceed.requestHeaders);
      return true;
    }
    this.#name(decision, "onHeaders");
    this.#provisional = decision;
    this.given = true;
    return true;
  }

  /** No body came, or none that was answered: the pod named with the headers is the pick. */
  settleProvisional(): void {
    const picked = this.#provisional;
    this.#provisional = undefined;
    if (picked === undefined) return;
    afterwards(this.#host, () => {
      this.#host.events.picked(picked, this.repliedAtMs - this.startedAtMs, false, this.requestId);
    });
  }

  refuse(code: ErrorCode): false {
    return this.#refuse(code, immediateReply(code));
  }

  /** Answers GET /v1/models; a refusal where the pool is not known. False where a pod is to answer. */
  listModels(): boolean {
    const listed: readonly ModelEntry[] | Refusal | undefined = this.#host.listModels(this.head.hints);
    if (listed === undefined || this.shadow) return false;
    if ("kind" in listed) this.#refuse(listed.code, refusalReply(listed));
    else this.send(modelListReply(listed));
    this.given = true;
    return true;
  }

  #refuse(code: ErrorCode, reply: Buffer): false {
    this.#provisional = undefined;
    this.given = true;
    if (this.shadow) return false;
    this.send(reply);
    if (this.ticket !== undefined) this.#host.inFlight.withdraw(this.ticket);
    this.ticket = undefined;
    this.#host.events.refused(code);
    return false;
  }

  pass(mode: BodyMode, body: Buffer, end: boolean): void {
    if (this.shadow) return;
    this.repliedAtMs = this.#host.now();
    passBody(this.#port, "requestBody", mode, body, end);
  }

  /** The chunks of a body, and its end behind the last one where `endsHere` says so. */
  passAll(mode: BodyMode, chunks: readonly Buffer[], endsHere: boolean): void {
    const last = chunks.length - 1;
    for (const [at, chunk] of chunks.entries()) this.pass(mode, chunk, endsHere && at === last);
  }

  send(reply: Buffer): void {
    if (this.shadow) return;
    this.repliedAtMs = this.#host.now();
    this.#port.send(reply);
  }

  #name({ pod, pool, model, uncachedTokens, predictedHit }: Picked, on: keyof PickReply): void {
    const { replies, inFlight, router } = this.#host;
    this.send(replies.of(pod)[on]);
    if (this.ticket !== undefined) inFlight.withdraw(this.ticket);
    this.ticket = inFlight.open(pod, uncachedTokens);
    this.pod = pod;
    this.model = model;
    this.predictedHit = predictedHit;
    this.tokenHeader = router.tokenHeaderOf(pool);
    this.#host.outcomes.picked(pod);
  }
}
