/**
 * What goes back in the request direction where the filter wants no pod but a route: the model in a header of its own,
 * with the routes looked through once more, or a refusal. What the client did wrong is told to it, and is never a 500.
 */
import type { ErrorCode } from "../errors.ts";
import { type NoBody, readBody } from "../request/body-form.ts";
import { modelOfPath } from "../request/inference-request.ts";
import { isModelName } from "../rewrite/model-name.ts";
import type { PickReason } from "../routing/decision.ts";
import type { BodyMode } from "./body-mode.ts";
import type { StreamMessage } from "./decode-message.ts";
import type { PickReply } from "./destination-header.ts";
import { immediateReply } from "./encode-immediate.ts";
import { proceed } from "./encode-reply.ts";
import { encodeRoute } from "./encode-route.ts";
import { type OriginalRequest, originalEntry, originalIn } from "./original-request.ts";
import { type Payer, payerOf } from "./payer.ts";
import { RequestHead } from "./request-head.ts";
import { RequestReplies } from "./request-replies.ts";
import type { routedBy, StreamHost, StreamPort } from "./stream-host.ts";

/** What routes read where no option names a header. */
export const DEFAULT_MODEL_HEADER = "x-ai-eg-model";

export class RouteAnswer {
  readonly #host: StreamHost;
  readonly replies: RequestReplies;
  #original: OriginalRequest | undefined;
  payer: Payer | undefined;
  #isModelList = false;
  head = new RequestHead();
  requestId = "";
  readonly trace: undefined;
  startedAtMs = 0;
  given = false;
  /** Are the headers answered before the body, which tells the model? */
  awaitsModel = false;

  constructor(port: StreamPort, host: StreamHost) {
    this.#host = host;
    this.replies = new RequestReplies(port, host.now);
  }

  get #header(): string {
    return this.#host.settings.modelHeader ?? DEFAULT_MODEL_HEADER;
  }

  get shadow(): boolean {
    return this.replies.areUnread;
  }

  /** The headers of the request, before anything else is asked. */
  open(message: StreamMessage): void {
    this.payer = payerOf(message, this.#host);
    this.#original = originalIn(message, "", {
      authorization: this.#host.backends?.keepsAuthorization === true,
      payerHeader: this.#host.settings.payerHeader,
    });
    this.#isModelList = message.method === "GET" && isModelPath(message.path);
  }

  /** Whatever attributes come: the filter itself says where it stands. */
  comesTooLate(): boolean {
    return false;
  }

  /** Without a body to read. */
  pick(reason: PickReason, on: keyof PickReply): boolean {
    if (reason === "buffer_full") return this.refuse("overloaded");
    if (reason !== "fault" && !this.#isModelList) return this.refuseBodyless();
    return this.#route("", "nothing", on);
  }

  /** The filter's mode hides the body: a header may name the model. */
  pickUnseen(mode: BodyMode): boolean {
    if (this.head.form.api === "none") return this.pick("no_prompt", "onHeaders");
    this.#host.events.bodyUnseen(mode);
    return this.#routeByHeader("onHeaders");
  }

  pickOn(plain: Buffer | NoBody, on: keyof PickReply, cut: boolean): boolean {
    if (plain === "buffer_full") return this.refuse("overloaded");
    if (plain === "body_too_large") return this.refuse(plain);
    if (typeof plain === "string") return this.#unread(on);
    const read = readBody(this.head.form, plain, cut);
    if ("unread" in read) return this.#unread(on);
    if ("code" in read) {
      const byHeader = read.code === "model_missing" && this.#modelInHeader() !== "";
      return byHeader ? this.#routeByHeader(on) : this.refuse(read.code);
    }
    return read.model === "" ? this.#routeByHeader(on) : this.#route(read.model, "body", on);
  }

  /** The body follows, and with it the model. */
  nameProvisionally(): boolean {
    this.awaitsModel = true;
    this.replies.send(proceed.requestHeaders);
    return true;
  }

  settleProvisional(): void {}

  dropProvisional(): void {}

  /** The list is somebody else's to answer: it goes on. */
  listModels(): boolean {
    return false;
  }

  goOn(): void {
    this.given = true;
    this.replies.send(proceed.requestHeaders);
  }

  refuse(code: ErrorCode): false {
    this.given = true;
    this.payer?.takeBack();
    this.replies.send(immediateReply(code));
    if (!this.shadow) this.#host.events.routeRefused(code);
    return false;
  }

  /** A path of no API that is known, or no body where one belongs. */
  refuseBodyless(): false {
    return this.refuse(this.head.form.api === "none" ? "unsupported_path" : "malformed_json");
  }

  /** A body that nobody here can read: a header may say what it is for. */
  #unread(on: keyof PickReply): boolean {
    return this.#modelInHeader() === "" ? this.refuse("body_unreadable") : this.#routeByHeader(on);
  }

  #routeByHeader(on: keyof PickReply): boolean {
    const model = this.#modelInHeader();
    return this.#route(model, model === "" ? "nothing" : "header", on);
  }

  /** What a client has written where routes read is no word of anybody's. */
  #modelInHeader(): string {
    const names = this.#host.settings.modelHeaders.filter((name) => name.toString() !== this.#header);
    const model = Buffer.from(this.head.modelIn(names), "latin1").toString();
    return isModelName(model) ? model : "";
  }

  /** A name that no header can hold is in none: no route is for it. */
  #route(model: string, by: keyof typeof routedBy, on: keyof PickReply): boolean {
    const { events } = this.#host;
    const name = isModelName(model) ? model : "";
    const original = { ...(this.#original ?? nothingKnown), model };
    const kind = on === "onHeaders" ? "requestHeaders" : "requestBody";
    this.given = true;
    const due = this.shadow ? undefined : this.payer?.charge();
    this.replies.send(encodeRoute(kind, this.#header, name, [originalEntry(original), ...(due ? [due] : [])]));
    this.head.forget();
    if (!this.shadow) events.routed(by);
    return true;
  }
}

const nothingKnown: OriginalRequest = {
  path: "",
  host: "",
  contentEncoding: "",
  model: "",
  authorization: "",
  payer: "",
};

/** The list, or one entry of it. */
function isModelPath(path: string): boolean {
  const query = path.indexOf("?");
  const end = query === -1 ? path.length : query;
  return path.endsWith("/v1/models", end) || modelOfPath(path) !== "";
}
