/** The one synchronous chain from plain body bytes to a Decision; a fault of our own degrades to a pick by in-flight. */
import { readBody } from "../request/body-form.ts";
import { bodylessRequest, type InferenceRequest } from "../request/inference-request.ts";
import type { Decision, PickReason } from "../routing/decision.ts";
import type { RequestHead } from "./request-head.ts";
import type { StreamHost } from "./stream-host.ts";

/** `body` is absent where it cannot be seen; `cut` says that more of it exists than we hold. */
export function decide(
  host: StreamHost,
  head: RequestHead,
  reason: PickReason,
  body: Buffer | undefined,
  cut: boolean,
): Decision {
  const { router } = host;
  const { hints } = head;
  if (reason === "buffer_full" || reason === "fault") return router.routeByInFlight(reason, hints);
  try {
    if (body === undefined) return router.route(named(bodylessRequest, host, head), reason, hints);
    // An empty body is none, however it is framed; the pod knows best what to say of that.
    if (body.length === 0 && !cut) return router.route(named(bodylessRequest, host, head), "no_prompt", hints);
    const read = readBody(head.form, body, cut);
    if ("code" in read) return { kind: "refused", code: read.code };
    if ("unread" in read) {
      host.events.bodyUnread(read.unread);
      return router.route(named(bodylessRequest, host, head), "body_unread", hints);
    }
    return router.route(named(read, host, head), cut ? "body_cut" : read.prompt === null ? "no_prompt" : reason, hints);
  } catch (error) {
    host.events.fault("routing", error);
    return router.routeByInFlight("fault", hints);
  }
}

/** Where the body names no model, or was not seen to, a header may. */
function named(request: InferenceRequest, { settings }: StreamHost, head: RequestHead): InferenceRequest {
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
