/** What goes back in the request direction of one stream: the pick with its ticket, a refusal, or plain "go on". */
import type { Ticket } from "../accounting/in-flight.ts";
import type { ErrorCode } from "../errors.ts";
import type { Pod } from "../pods/pod-table.ts";
import type { ModelEntry } from "../pods/served-models.ts";
import { fingerprintOf } from "../request/fingerprint-body.ts";
import type { Api } from "../request/inference-request.ts";
import { noHints, type Refusal, type RouteHints } from "../routing/choose-pool.ts";
import type { Picked, PickReason } from "../routing/decision.ts";
import type { BodyMode } from "./body-mode.ts";
import { afterwards, decide } from "./decide.ts";
import type { PickReply } from "./destination-header.ts";
import { immediateReply, modelListReply, refusalReply } from "./encode-immediate.ts";
import { passBody } from "./pass-body.ts";
import type { StreamHost, StreamPort } from "./stream-host.ts";

export class Answer {
  readonly #port: StreamPort;
  readonly #host: StreamHost;
  /** The pod named before the body is known, until a pick confirms or replaces it. */
  #provisional: Picked | undefined;
  /** In observability mode Envoy reads no replies: nothing is sent, counted or learnt, the pick is made all the same. */
  shadow = false;
  api: Api = "none";
  hints: RouteHints = noHints;
  requestId = "";
  startedAtMs = 0;
  ticket: Ticket | undefined;
  /** The pod that the ticket counts on. */
  pod: Pod | undefined;
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

  /** False when the request was refused instead. */
  pick(reason: PickReason, on: keyof PickReply, body?: Buffer, cut = false): boolean {
    const host = this.#host;
    const decision = decide(host, this.api, this.hints, reason, body, cut);
    if (decision.kind === "refused") return this.#refuse(decision.code, refusalReply(decision));
    this.#provisional = undefined;
    if (!this.shadow) this.#name(decision, on);
    this.given = true;
    if (body !== undefined) this.fingerprint = fingerprintOf(body);
    afterwards(host, () => {
      const read = decision.reason === "scored" || decision.reason === "body_cut";
      if (read && !this.shadow) host.router.learn(decision);
      host.events.picked(decision, host.now() - this.startedAtMs, this.shadow, this.requestId);
    });
    return true;
  }

  /** Names a pod by load with the headers; a pick on the body may name another. False when refused instead. */
  nameProvisionally(): boolean {
    const decision = decide(this.#host, "none", this.hints, "no_prompt", undefined, false);
    if (decision.kind === "refused") return this.#refuse(decision.code, refusalReply(decision));
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

  refuse(code: ErrorCode): void {
    this.#refuse(code, immediateReply(code));
  }

  /** Answers GET /v1/models; a refusal where the pool is not known. False where a pod is to answer. */
  listModels(): boolean {
    const listed: readonly ModelEntry[] | Refusal | undefined = this.#host.listModels(this.hints);
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

  send(reply: Buffer): void {
    if (this.shadow) return;
    this.repliedAtMs = this.#host.now();
    this.#port.send(reply);
  }

  #name({ pod }: Picked, on: keyof PickReply): void {
    const { replies, inFlight } = this.#host;
    this.send(replies.of(pod)[on]);
    if (this.ticket !== undefined) inFlight.withdraw(this.ticket);
    this.ticket = inFlight.open(pod);
    this.pod = pod;
    this.#host.outcomes.picked(pod);
  }
}
