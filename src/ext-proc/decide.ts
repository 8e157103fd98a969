/** The one synchronous chain from plain body bytes to a Decision; a fault of our own degrades to a pick by in-flight. */
import { readBody } from "../request/body-form.ts";
import { bodylessRequest, type InferenceRequest } from "../request/inference-request.ts";
import type { Decision, PickReason } from "../routing/decision.ts";
import type { RequestHead } from "./request-head.ts";
import { routeByName } from "./route-by-name.ts";
import type { StreamHost } from "./stream-host.ts";

/** What a decision is made with. */
export interface DecidingHost extends Pick<StreamHost, "objectives" | "phases" | "now"> {
  readonly router: Pick<StreamHost["router"], "route" | "routeByInFlight">;
  readonly rewriter: Pick<StreamHost["rewriter"], "renamingOf" | "namesAll">;
  readonly settings: Pick<StreamHost["settings"], "modelHeaders">;
  readonly events: Pick<StreamHost["events"], "bodyUnread" | "fault">;
}

/** `body` is absent where it cannot be seen; `cut` says that more of it exists than we hold. */
export function decide(
  host: DecidingHost,
  head: RequestHead,
  reason: PickReason,
  body: Buffer | undefined,
  cut: boolean,
): Decision {
  const decision = routed(host, head, reason, body, cut);
  const { objective } = head.control;
  if (objective === "" || decision.kind === "refused") return decision;
  return { ...decision, priority: host.objectives.priorityOf(decision.pool.name, objective) };
}

function routed(
  host: DecidingHost,
  head: RequestHead,
  reason: PickReason,
  body: Buffer | undefined,
  cut: boolean,
): Decision {
  const { router } = host;
  const { hints } = head;
  if (reason === "buffer_full" || reason === "fault") return router.routeByInFlight(reason, hints);
  try {
    if (body === undefined) {
      const seen = reason === "body_unread" ? "unread" : "unseen";
      return routeByName(host, head, named(bodylessRequest, host, head), reason, seen);
    }
    // An empty body is none, however it is framed; the pod knows best what to say of that.
    if (body.length === 0 && !cut) {
      return routeByName(host, head, named(bodylessRequest, host, head), "no_prompt", "unseen");
    }
    const read = readNamed(host, head, body, cut);
    host.phases.readAtMs = host.now();
    if ("code" in read) return { kind: "refused", code: read.code };
    if ("unread" in read) {
      host.events.bodyUnread(read.unread);
      return routeByName(host, head, named(bodylessRequest, host, head), "body_unread", "unread");
    }
    const why = cut ? "body_cut" : read.prompt === null ? "no_prompt" : reason;
    return routeByName(host, head, named(read, host, head), why, "read");
  } catch (error) {
    host.events.fault("routing", error);
    return router.routeByInFlight("fault", hints);
  }
}

/** A body without a model is no fault where somebody else says which it is for. */
function readNamed(host: DecidingHost, head: RequestHead, body: Buffer, cut: boolean): ReturnType<typeof readBody> {
  const read = readBody(head.form, body, cut);
  const lacksModel = "code" in read && read.code === "model_missing" && head.form.codings.length === 0;
  if (!lacksModel || !host.rewriter.namesAll(head.hints.pool, head.control.modelRewrite)) return read;
  return readBody(head.form, body, cut, true);
}

/** Where the body names no model, or was not seen to, a header may. */
function named(request: InferenceRequest, { settings }: DecidingHost, head: RequestHead): InferenceRequest {
  if (request.model !== "") return request;
  const model = head.modelIn(settings.modelHeaders);
  return model === "" ? request : { ...request, model };
}

/** What follows an answer (learning, counting, logging): the answer is out, so a fault here costs nobody a request. */
export function afterwards(host: StreamHost, work: () => void): void {
  try {
    work();
  } catch (error) {
    host.events.fault("after the answer", error);
  }
}
