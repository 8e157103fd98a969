/** The one synchronous chain from body bytes to a Decision; a fault of our own degrades to a pick by in-flight. */
import { type Api, bodylessRequest } from "../request/inference-request.ts";
import { parseBody } from "../request/parse-body.ts";
import type { RouteHints } from "../routing/choose-pool.ts";
import type { Decision, PickReason } from "../routing/decision.ts";
import type { StreamHost } from "./stream-host.ts";

/** `body` is absent where it cannot be seen; `cut` says that more of it exists than we hold. */
export function decide(
  host: StreamHost,
  api: Api,
  hints: RouteHints,
  reason: PickReason,
  body: Buffer | undefined,
  cut: boolean,
): Decision {
  const { router } = host;
  if (reason === "buffer_full" || reason === "fault") return router.routeByInFlight(reason, hints);
  try {
    if (body === undefined || api === "none") return router.route(bodylessRequest, reason, hints);
    // An empty body is none, however it is framed; the pod knows best what to say of that.
    if (body.length === 0 && !cut) return router.route(bodylessRequest, "no_prompt", hints);
    const request = parseBody(api, body, cut);
    if ("code" in request) return { kind: "refused", code: request.code };
    return router.route(request, cut ? "body_cut" : request.prompt === null ? "no_prompt" : reason, hints);
  } catch (error) {
    host.events.fault("routing", error);
    return router.routeByInFlight("fault", hints);
  }
}

/** What follows an answer (learning, counting, logging): the answer is out, so a fault here costs nobody a request. */
export function afterwards(host: StreamHost, work: () => void): void {
  try {
    work();
  } catch (error) {
    host.events.fault("after the answer", error);
  }
}
