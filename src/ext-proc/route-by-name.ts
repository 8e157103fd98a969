/**
 * Routes a request by the name that its model goes by at the pods, which a rule or a header may say. That name counts
 * for everything that follows: which pods serve it, what they have cached, what is learnt from the pick.
 */
import { apis } from "../request/apis.ts";
import { placeOfModel } from "../request/body-form.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { Splice } from "../request/model-place.ts";
import { isFormApi, isGrpcApi } from "../request/other-apis.ts";
import type { Renaming } from "../rewrite/rewriter.ts";
import { spliceFor } from "../rewrite/splice-body.ts";
import type { Decision, PickReason, RewriteOutcome } from "../routing/decision.ts";
import type { DecidingHost } from "./decide.ts";
import type { RequestHead } from "./request-head.ts";

/** What became of the body: was the request read from it, and why not. */
export type BodySeen = "read" | "unseen" | "unread";

/** `seen` is "read" where the request was read from the body in this very moment. */
export function routeByName(
  { router, rewriter }: Pick<DecidingHost, "router" | "rewriter">,
  head: RequestHead,
  request: InferenceRequest,
  reason: PickReason,
  seen: BodySeen,
): Decision {
  const { hints, control } = head;
  const renaming = rewriter.renamingOf(request.model, hints.pool, control.modelRewrite);
  // A request for no model that is known is for none that could be another.
  if (renaming === undefined || (request.model === "" && !needsModel(head)))
    return router.route(request, reason, hints);
  const { target, by, pool } = renaming;
  const { outcome, splice } = changeOf(head, request, renaming, seen);
  const isRenamed = outcome === "written" || outcome === "routed";
  const asked = isRenamed ? { ...request, model: target } : request;
  // A rule of one pool sends its requests there, whoever serves the target elsewhere.
  const decision = router.route(asked, reason, isRenamed && pool !== "" ? { ...hints, pool } : hints);
  if (decision.kind === "picked")
    return { ...decision, model: request.model, rewrite: { target, by, outcome, splice } };
  return decision.model === undefined ? decision : { ...decision, model: request.model };
}

interface Change {
  readonly outcome: RewriteOutcome;
  readonly splice?: Splice | undefined;
}

function changeOf(head: RequestHead, request: InferenceRequest, { target }: Renaming, seen: BodySeen): Change {
  const { api, codings } = head.form;
  if (target === request.model) return { outcome: "same" };
  if (seen !== "read") return { outcome: seen };
  if (codings.length > 0) return { outcome: "compressed" };
  const place = placeOfModel(api);
  if (place === undefined) return { outcome: isGrpcApi(api) || isFormApi(api) ? "routed" : "unread" };
  // A header named the model. Where the engine needs none in the body, it serves whatever it has.
  const isInserted = place.form === "json-first-member" || place.form === "json-only-member";
  if (isInserted && !needsModel(head)) return { outcome: "routed" };
  return { outcome: "written", splice: spliceFor(place, target) };
}

/** Must the body of this request name a model? */
function needsModel({ form: { api } }: RequestHead): boolean {
  return api in apis && apis[api as keyof typeof apis].needsModel;
}
